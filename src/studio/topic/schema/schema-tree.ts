/** The types of key and value as lines of a tree: searched, opened and closed. Plain data; the view draws what is seen. */
import type { FacetDetails, TypeTree } from '../details.ts'
import { type SchemaNotes, schemaNotes } from './schema-notes.ts'

/** A line. `path` is what SQL calls the field: `_key.id`, `customer.id`. */
export interface SchemaLine {
  readonly path: string
  /** The path taken apart, where it says another thing than its dots. */
  readonly names?: readonly string[]
  readonly name: string
  readonly depth: number
  readonly type: string
  readonly nullable: boolean
  readonly doc?: string
  readonly symbols?: readonly string[]
  /** Whether it has fields, and they are shown. */
  readonly open?: boolean
}

interface Facets {
  readonly key: FacetDetails
  readonly value: FacetDetails
}

/** Lines of key and value. Everything is open but the `closed`; a search shows fields whose path or text holds it. */
export function schemaLines(
  { key, value }: Facets,
  { closed, search }: { readonly closed: ReadonlySet<string>; readonly search: string },
): readonly SchemaLine[] {
  const wanted = search.trim().toLowerCase()
  const lines = [
    ...facetLines('_key', key, closed, wanted !== ''),
    ...facetLines('_value', value, closed, wanted !== ''),
  ]
  if (wanted === '') return lines
  return lines.filter(({ path, type, doc = '', symbols = [] }) =>
    [path, type, doc, ...symbols].some((text) => text.toLowerCase().includes(wanted)),
  )
}

function facetLines(facet: string, of: FacetDetails, closed: ReadonlySet<string>, all: boolean): SchemaLine[] {
  const notes = schemaNotes(of.schema)
  const lines: SchemaLine[] = []
  const isOpen = all || !closed.has(facet)
  const type = of.format === of.type.text.toUpperCase() ? of.format : `${of.format} · ${of.type.text}`
  const hasFields = (fieldsIn(of.type)?.length ?? 0) > 0
  lines.push({
    path: facet,
    name: facet === '_key' ? 'Key' : 'Value',
    depth: 0,
    type,
    nullable: true,
    doc: notes.get('')?.doc,
    ...(hasFields ? { open: isOpen } : {}),
  })
  if (isOpen) walk(of.type, [], { facet, notes, closed, all, lines })
  return lines
}

interface Walk {
  readonly facet: string
  readonly notes: SchemaNotes
  readonly closed: ReadonlySet<string>
  readonly all: boolean
  readonly lines: SchemaLine[]
}

function walk(type: TypeTree, steps: readonly string[], to: Walk): void {
  const { facet, notes, closed, all, lines } = to
  for (const field of fieldsIn(type) ?? []) {
    const at = [...steps, field.name]
    const path = facet === '_key' ? ['_key', ...at].join('.') : at.join('.')
    const inner = fieldsIn(field.type)
    const isOpen = inner === undefined ? undefined : all || !closed.has(path)
    const { doc = field.doc, symbols } = notes.get(at.join('.')) ?? {}
    lines.push({
      path,
      name: field.name,
      depth: at.length,
      type: typeText(field.type, symbols),
      nullable: field.nullable,
      ...(doc === undefined ? {} : { doc }),
      ...(symbols === undefined ? {} : { symbols }),
      ...(isOpen === undefined ? {} : { open: isOpen }),
    })
    if (isOpen === true) walk(field.type, at, to)
  }
  if (type.cut === true)
    lines.push({ path: '', name: '… further fields are not listed', depth: steps.length + 1, type: '', nullable: true })
}

/** Fields of a structure, or of the structures in an array or a map. */
function fieldsIn(type: TypeTree): TypeTree['fields'] {
  if (type.kind === 'array' && type.element !== undefined) return fieldsIn(type.element)
  if (type.kind === 'map' && type.value !== undefined) return fieldsIn(type.value)
  return type.kind === 'struct' ? (type.fields ?? []) : undefined
}

function typeText(type: TypeTree, symbols: readonly string[] | undefined): string {
  return symbols === undefined ? type.text : `enum (${symbols.length})`
}

/** Opens what is closed, and the other way round. */
export function toggled(closed: ReadonlySet<string>, path: string): ReadonlySet<string> {
  const next = new Set(closed)
  if (!next.delete(path)) next.add(path)
  return next
}
