/** Tables, results of queries and set operations as relations: the plan that gives their rows, and the names in it. */
import type * as ast from '../../sql/ast.ts'
import { SqlError } from '../../sql/error.ts'
import { BOOLEAN, INT } from '../../types.ts'
import type { Table } from '../catalog.ts'
import type { OnceQuery, Output, OutputColumn, Plan } from '../plan.ts'
import { convert } from './expressions/coerce.ts'
import { unify } from '../expressions/common-type.ts'
import type { Relation, RowRelation } from './names/relation.ts'
import { checkReadable } from './names/resolve.ts'
import type { BoundRelation } from './select/bound-query.ts'
import { outputColumns } from './select/output-columns.ts'

/** A scan; under LATEST with the operator that keeps the last record of each key. */
export function scanOf(from: ast.TableRef, source: number, table: Table): Plan {
  const scan: Plan = { kind: 'scan', source, table, name: from.alias?.text ?? from.name.text }
  if (from.latest !== true) return scan
  checkReadable(table.key, from.name.span)
  return {
    kind: 'latest',
    input: scan,
    key: { kind: 'path', source, path: { facet: 'key', steps: [] }, type: table.key.type },
    partition: { kind: 'path', source, path: { facet: 'meta', steps: ['partition'] }, type: INT },
    alive: { kind: 'presence', source, path: { facet: 'value', steps: [] }, type: BOOLEAN },
  }
}

export function rowsToCome(of: OnceQuery, { source, columns }: RowRelation): Plan {
  return { kind: 'values', source, title: of.name, rows: [], types: columns.map((c) => c.type), of }
}

/** A query's result as a relation: its output columns become columns. */
export function asRelation(
  output: Output,
  source: number,
  names: readonly string[] = [],
  hidden: readonly OutputColumn[] = [],
): BoundRelation {
  const shown = outputColumns(output.shape)
  const columns = [...shown, ...hidden]
  const relation: RowRelation = {
    kind: 'rows',
    source,
    names,
    columns: columns.map((c, i) => ({
      name: c.path.join('.'),
      type: c.expr.type,
      open: c.spread,
      hidden: i >= shown.length,
    })),
  }
  const project = (input: Plan): Plan => ({
    kind: 'project',
    source,
    name: names[0],
    input,
    columns: columns.map((c) => ({ name: c.path.join('.'), expr: c.expr })),
  })
  // LIMIT and ORDER BY of the inner query work on what it reads, the projection comes after them.
  return { plan: project(output.input), relation }
}

/** Relations with the same number of columns as one; the first gives the names. */
export function combined(
  op: ast.SetOperation['op'],
  all: boolean,
  sides: readonly BoundRelation[],
  source: number,
): BoundRelation {
  const first = sides[0].relation.columns
  const columns = first.map((c, i) => ({ ...c, type: unify(sides.map((s) => s.relation.columns[i].type)) }))
  const side = (of: BoundRelation): Plan => ({
    kind: 'project',
    input: of.plan,
    columns: of.relation.columns.map((c, i) => ({
      name: columns[i].name,
      expr: convert(
        { kind: 'column', source: of.relation.source, index: i, name: c.name, type: c.type },
        columns[i].type,
      ),
    })),
  })
  const plan: Plan = { kind: 'setOperation', op, all, sides: sides.map(side) }
  return {
    plan: {
      kind: 'project',
      source,
      input: plan,
      columns: columns.map((c, index) => ({
        name: c.name,
        expr: { kind: 'slot', index, name: c.name, type: c.type },
      })),
    },
    relation: { kind: 'rows', source, columns, names: [] },
  }
}

/** A star over JSON goes with a star over JSON, or with a value as a whole: it has no number of columns. */
export function sameStars(a: RowRelation, b: RowRelation): boolean {
  const stars = (r: RowRelation): string => r.columns.flatMap((c, i) => (c.open === true ? [i] : [])).join(' ')
  const whole = (r: RowRelation): boolean => r.columns.length === 1 && r.columns[0].name === '_value'
  return stars(a) === stars(b) || (whole(a) && whole(b))
}

export function checkNames(relations: readonly Relation[], from: ast.Join): void {
  const seen = new Set<string>()
  for (const name of relations.flatMap((r) => r.names)) {
    if (seen.has(name))
      throw new SqlError(
        'AMBIGUOUS_COLUMN',
        `Two sources are called "${name}".`,
        from.right.span,
        'Give one of them an alias.',
      )
    seen.add(name)
  }
}
