/**
 * Code that turns the columns of an output shape into the JSON text of a row's value. Works over records and over rows;
 * builds text, sends nothing.
 */
import { unexpected } from '../../lib/assert.ts'
import { type Code, js } from '../../codegen/emitter.ts'
import type { RenderOptions } from '../../formats/format.ts'
import { doubleText, jsonString, renderValue } from '../../formats/text/render.ts'
import { forEachMember } from '../../lib/json-read.ts'
import type { BoundExpr, OutputColumn, OutputShape } from '../../plan/plan.ts'
import type { ExpressionCompiler } from './expression/expression.ts'
import type { RecordReferences } from './record-access.ts'

export interface OutputCode {
  /** JavaScript string: JSON text of `data.value`. */
  readonly value: Code
  /** JavaScript string or null: JSON text of `data.key`. */
  readonly key: Code | undefined
}

export class OutputCompiler {
  readonly #compiler: ExpressionCompiler
  readonly #references: RecordReferences | undefined
  readonly #render: RenderOptions

  /** `references`: given over records, where a plain path is copied as text without becoming a value. */
  constructor(compiler: ExpressionCompiler, references: RecordReferences | undefined, render: RenderOptions) {
    this.#compiler = compiler
    this.#references = references
    this.#render = render
  }

  shape(shape: OutputShape): OutputCode {
    switch (shape.kind) {
      case 'record':
        return { value: this.text(shape.value), key: this.text(shape.key) }
      case 'bare':
        return { value: this.text(shape.value), key: undefined }
      case 'columns':
        return { value: this.#object(shape.columns), key: shape.key && this.text(shape.key) }
    }
  }

  /** A string, or null for NULL (which reads as `null` once it is concatenated). */
  text(e: BoundExpr): Code {
    if (e.kind === 'path' && this.#references !== undefined && (e.path.facet === 'key' || e.path.facet === 'value'))
      return this.#references.text(e)
    const value = this.#compiler.value(e)
    const constant = this.#compiler.emitter
    switch (e.type.kind) {
      case 'boolean':
      case 'int':
      case 'long':
      case 'null':
        return e.kind === 'constant' ? js`${value}` : js`${constant.constant(bareText, 'bare')}(${value})`
      case 'string': {
        const t = this.#compiler.temp()
        return js`((${t} = ${value}) === null ? null : ${constant.constant(jsonString, 'quote')}(${t}))`
      }
      case 'double': {
        const t = this.#compiler.temp()
        return js`((${t} = ${value}) === null ? null : ${constant.constant(jsonDouble, 'double')}(${t}))`
      }
      default:
        return js`${constant.constant(renderValue, 'render')}(${value}, ${constant.constant(e.type, 'type')}, ${constant.constant(this.#render, 'options')})`
    }
  }

  #object(columns: readonly OutputColumn[]): Code {
    if (columns.some((c) => c.spread === true)) return this.#spreadObject(columns)
    return this.#tree(columns, 0)
  }

  /** Columns that share a first step make one structure, at the place of the first of them. */
  #tree(columns: readonly OutputColumn[], depth: number): Code {
    const groups = new Map<string, OutputColumn[]>()
    for (const c of columns) {
      const name = c.path[depth]
      const group = groups.get(name)
      if (group === undefined) groups.set(name, [c])
      else group.push(c)
    }
    let code = js`'{'`
    let first = true
    for (const [name, group] of groups) {
      const leaf = group.find((c) => c.path.length === depth + 1)
      const text = leaf !== undefined ? this.text(leaf.expr) : this.#tree(group, depth + 1)
      const value = leaf !== undefined && !/^\w+$/.test(text.text) ? js`(${text})` : text
      code = js`${code} + ${`${first ? '' : ','}${JSON.stringify(name)}:`} + ${value}`
      first = false
    }
    return js`${code} + '}'`
  }

  /**
   * With a JSON object of unknown shape among the columns, the names are known per row only: later columns of a name
   * that is there get a suffix.
   */
  #spreadObject(columns: readonly OutputColumn[]): Code {
    const groups = new Map<string, OutputColumn[]>()
    let parts = js``
    for (const c of columns) {
      const group = c.spread === true ? undefined : groups.get(c.path[0])
      if (group === undefined) groups.set(c.spread === true ? `\u0000${groups.size}` : c.path[0], [c])
      else group.push(c)
    }
    for (const group of groups.values()) {
      const [c] = group
      const item =
        c.spread === true
          ? js`[null, ${this.text(c.expr)}, ${c.path[0]}]`
          : js`[${JSON.stringify(c.path[0])}, ${c.path.length === 1 ? this.text(c.expr) : this.#tree(group, 1)}, '']`
      parts = parts.text === '' ? item : js`${parts}, ${item}`
    }
    return js`${this.#compiler.emitter.constant(spreadObject, 'spread')}([${parts}])`
  }
}

/**
 * A boolean or whole number, which is its own JSON text; anything else under that type is an internal error, and no
 * frame may carry it.
 */
function bareText(x: unknown): boolean | number | bigint | null {
  if (x === null || typeof x === 'boolean' || typeof x === 'bigint' || (typeof x === 'number' && Number.isFinite(x)))
    return x
  unexpected(`an expression of type boolean or integer gave ${typeof x === 'number' ? x : typeof x}`)
}

function jsonDouble(x: number): string {
  return Number.isFinite(x) ? doubleText(x) : `"${x}"`
}

/**
 * `[quoted name, text, '']` for a column, `[null, text of an object, name]` for one to lay out (a value that is no
 * object keeps the name).
 */
export function spreadObject(parts: readonly (readonly [string | null, string | null, string])[]): string {
  if (mayRepeat(parts)) return distinctObject(parts)
  let out = ''
  for (const [name, text, fallback] of parts) {
    let piece: string
    if (name !== null) piece = `${name}:${text}`
    else if (text === null || text === 'null') continue
    else if (text.charCodeAt(0) === 123) piece = text.slice(1, -1).trim()
    else piece = `${JSON.stringify(fallback)}:${text}`
    if (piece !== '') out += out === '' ? piece : `,${piece}`
  }
  return `{${out}}`
}

/** Quick and never wrong when it says no: does some object hold a column's name as a text, or are there two objects? */
function mayRepeat(parts: readonly (readonly [string | null, string | null, string])[]): boolean {
  let objects = 0
  for (const [name, text] of parts) {
    if (name !== null || text === null || text.length < 3) continue
    if (++objects > 1) return true
    for (const [other] of parts) if (other !== null && (text.includes(other) || text.includes('\\'))) return true
  }
  return false
}

/** The same, member by member: a name that is there already gets `_1`, `_2`, … */
function distinctObject(parts: readonly (readonly [string | null, string | null, string])[]): string {
  const taken = new Set<string>()
  const members: string[] = []
  const add = (name: string, text: string | null): void => {
    let free = name
    for (let n = 1; taken.has(free); n++) free = `${name}_${n}`
    taken.add(free)
    members.push(`${JSON.stringify(free)}:${text}`)
  }
  for (const [name, text, fallback] of parts) {
    if (name !== null) add(JSON.parse(name) as string, text)
    else if (text?.charCodeAt(0) === 123)
      forEachMember(text, 0, (key, from, to) => add(JSON.parse(key ?? '""') as string, text.slice(from, to)))
    else if (text !== null) add(fallback, text)
  }
  return `{${members.join(',')}}`
}
