/** Names of output columns: aliases, names by default, and what two of one name become. */
import type * as ast from '../../../sql/ast.ts'
import type { BoundExpr, OutputColumn, OutputShape } from '../../plan.ts'

export function columnsShape(columns: readonly OutputColumn[], key?: BoundExpr): OutputShape {
  return { kind: 'columns', columns: uniqueNames(columns), key }
}

export function outputPath(item: Extract<ast.SelectItem, { kind: 'expr' }>, index: number): string[] {
  return item.alias !== undefined ? item.alias.map((n) => n.text) : [defaultName(item.expr) ?? `_c${index}`]
}

/** A path gives its last segment, a call its function's name as typed; anything else has no name of its own. */
function defaultName(e: ast.Expr): string | undefined {
  switch (e.kind) {
    case 'column':
      return e.parts[e.parts.length - 1].text
    case 'member':
      return e.name.text
    case 'index':
      return defaultName(e.base)
    case 'call':
      return e.name.text
    case 'moment':
      return e.word
    case 'cast':
      return defaultName(e.operand) ?? 'CAST'
    default:
      return undefined
  }
}

/**
 * A name that is there already gets `_1`, `_2`, …; a single value and a structure of one name do not go together,
 * either.
 */
function uniqueNames(columns: readonly OutputColumn[]): OutputColumn[] {
  const values = new Set<string>()
  const structures = new Set<string>()
  /** Where to look on for each name: many columns of one name must not go through all numbers each. */
  const next = new Map<string, number>()
  return columns.map((c) => {
    const path: string[] = []
    for (const [i, step] of c.path.entries()) {
      const last = i === c.path.length - 1
      const taken = (name: string): boolean => {
        const key = [...path, name].join('\u0000')
        return values.has(key) || (last && structures.has(key))
      }
      let free = step
      if (taken(free)) {
        const wanted = [...path, step].join('\u0000')
        let n = next.get(wanted) ?? 1
        for (free = `${step}_${n}`; taken(free); free = `${step}_${n}`) n++
        next.set(wanted, n)
      }
      path.push(free)
      if (c.spread === true) continue
      if (last) values.add(path.join('\u0000'))
      else structures.add(path.join('\u0000'))
    }
    return path.every((step, i) => step === c.path[i]) ? c : { ...c, path }
  })
}
