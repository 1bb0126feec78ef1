/**
 * Several topics as one table: their columns are merged by name, what a topic lacks is NULL there; `_key` and `_meta.*`
 * are columns that a bare star leaves out.
 */
import { type DataType, JSON_TYPE, META_FIELDS, NULL_TYPE, RECORD_FIELDS } from '../../types.ts'
import type { Table } from '../catalog.ts'
import { sameForm } from '../expressions/type-parts.ts'
import { convert } from './expressions/coerce.ts'
import { unify } from '../expressions/common-type.ts'
import type { BoundExpr, Plan } from '../plan.ts'
import { checkReadable } from './names/resolve.ts'
import type { RelationColumn } from './names/relation.ts'

/** Metadata that every record has. */
const META = ['topic', 'partition', 'offset', 'timestamp', '__keysize', '__valuesize'] as const

/** A test of names: `*` stands for any characters, also none. */
export function matcher(pattern: string): (name: string) => boolean {
  const [head, ...rest] = pattern.split('*')
  return (name) => {
    if (!name.startsWith(head)) return false
    let at = head.length
    for (const [i, piece] of rest.entries()) {
      const last = i === rest.length - 1
      const found = last ? name.length - piece.length : name.indexOf(piece, at)
      if (found < at || (last && !name.endsWith(piece))) return false
      at = found + piece.length
    }
    return true
  }
}

export interface MergedTopics {
  readonly columns: readonly RelationColumn[]
  /** The same columns out of each topic, in the order of `topics`. */
  readonly sides: readonly Plan[]
}

export interface Topic {
  readonly table: Table
  readonly source: number
  /** Its scan, and what stands above it. */
  readonly plan: Plan
}

export function mergeTopics(topics: readonly Topic[]): MergedTopics {
  const made = [
    ...META.map(metaColumn),
    ...Object.entries(RECORD_FIELDS).map(recordColumn),
    keyColumn(topics),
    ...valueColumns(topics),
  ]
  return {
    columns: made.map(({ name, type, open, hidden }) => ({ name, type, open, hidden })),
    sides: topics.map((topic) => ({
      kind: 'project',
      input: topic.plan,
      columns: made.map((c) => ({ name: c.name, expr: c.of(topic) })),
    })),
  }
}

interface Column extends RelationColumn {
  readonly of: (topic: Topic) => BoundExpr
}

function metaColumn(field: string): Column {
  const type = META_FIELDS[field]
  return {
    name: `_meta.${field}`,
    type,
    hidden: true,
    of: ({ source }) => ({ kind: 'path', source, path: { facet: 'meta', steps: [field] }, type }),
  }
}

function recordColumn([name, type]: readonly [string, DataType]): Column {
  return {
    name,
    type,
    hidden: true,
    of: ({ source }) => ({ kind: 'path', source, path: { facet: 'meta', steps: [name] }, type }),
  }
}

function keyColumn(topics: readonly Topic[]): Column {
  const type = unify(topics.map((t) => t.table.key.type))
  return { name: '_key', type, hidden: true, of: (t) => convert(root(t, 'key', t.table.key.type), type) }
}

function root({ source }: Topic, facet: 'key' | 'value', type: DataType): BoundExpr {
  return { kind: 'path', source, path: { facet, steps: [] }, type }
}

function valueColumns(topics: readonly Topic[]): Column[] {
  for (const { table } of topics) checkReadable(table.value, undefined)
  const types = topics.map((t) => t.table.value.type)
  if (types.every((t) => t.kind === 'struct')) return fieldColumns(topics)
  const type = unify(types)
  return [
    {
      name: '_value',
      type,
      open: type.kind === 'json',
      of: (t) => convert(root(t, 'value', t.table.value.type), type),
    },
  ]
}

/** The fields of all structures, each name once, in the order in which they are met. */
function fieldColumns(topics: readonly Topic[]): Column[] {
  const fields = (t: Topic): readonly { readonly name: string; readonly type: DataType }[] =>
    t.table.value.type.kind === 'struct' ? t.table.value.type.fields : []
  const names = [...new Set(topics.flatMap((t) => fields(t).map((f) => f.name)))]
  return names.map((name) => {
    const field = (t: Topic): DataType | undefined => fields(t).find((f) => f.name === name)?.type
    const found = topics.map(field).filter((t) => t !== undefined)
    const same = found.every((t) => sameForm(t, found[0]))
    const type = same ? found[0] : found.some((t) => t.kind === 'struct') ? JSON_TYPE : unify(found)
    return {
      name,
      type,
      of: (t) => {
        const own = field(t)
        if (own === undefined) return { kind: 'constant', value: null, type: type.kind === 'struct' ? NULL_TYPE : type }
        const path: BoundExpr = { kind: 'path', source: t.source, path: { facet: 'value', steps: [name] }, type: own }
        return same ? path : convert(path, type)
      },
    }
  })
}
