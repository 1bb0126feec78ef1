/**
 * The list of datasets: which there are, filters, search, order, pages. Every filter has the name that lenses-mcp sends
 * and the one that lenses-cli does. A value that means nothing is refused: a list that looks right and is not would be
 * worse.
 */
import { FORMAT_NAMES, type FormatName, formatNamed } from '../../../formats/format.ts'
import { filterSliced, mapSliced, sortSliced } from '../../../lib/work/slices.ts'
import { SUGGESTIONS, type Table, type TableFacet, type TableSummary } from '../../../plan/catalog.ts'
import { leaves } from '../../../plan/bind/virtual-tables.ts'
import { countsOf } from '../consumers/consumers.ts'
import { type Answer, type Call, type Parameter, RestError } from '../route.ts'
import {
  compatibilityOf,
  listedSubject,
  type Newest,
  newestOf,
  REGISTRY_CONNECTION,
  subjectNames,
} from '../registry/subjects.ts'
import { inTurns, TopicFigures } from './topic-sizes.ts'

/** The connection of topics. */
export const CONNECTION = 'kafka'
/** Limit `rest.page.datasets` (datasets): datasets on one page. Beyond it: the page is that large. */
const MAX_PAGE = 500
/**
 * Limit `rest.page.subjects` (subjects): subjects on one page, when only subjects are asked for. Beyond it: the page is
 * that large. lenses-cli wants all of them on one page.
 */
const MAX_PAGE_OF_SUBJECTS = 10_000
/**
 * Limit `rest.datasets.examined` (topics): topics that one list looks into, for their fields, formats or records. Beyond
 * it: the list is refused, with what to ask instead.
 */
export const MAX_EXAMINED = 5000
const AT_ONCE = 8
/** These keys stand in no list of topics. */
const LOOKED_UP = ['records', 'recordsPerSecond', 'keyType', 'valueType']

type SortKey = string | number
type Named<T> = Readonly<Record<string, T>>

const TOPIC_SORTS: Named<(call: Call, entry: TopicEntry) => Promise<SortKey> | SortKey> = {
  name: (_, { name }) => name,
  records: async (_, { figures }) => (await figures.sizes()).totalMessages,
  recordsPerSecond: (_, { figures }) => figures.rate(),
  keyType: async (_, { figures }) => (await figures.found()).key.format,
  valueType: async (_, { figures }) => (await figures.found()).value.format,
  consumers: async (call, { name }) => (await countsOf(call)).get(name) ?? 0,
  partitions: (_, { summary }) => summary.partitions,
  replication: (_, { summary }) => summary.replicas,
  isSystemEntity: (_, { summary }) => Number(summary.type === 'SYSTEM'),
  connectionName: () => CONNECTION,
  sourceType: () => 'Kafka',
}
const SUBJECT_SORTS: Named<(call: Call, subject: SubjectEntry) => Promise<SortKey> | SortKey> = {
  name: (_, { name }) => name,
  version: async (_, { newest }) => (await newest())?.version ?? 0,
  format: async (_, { newest }) => (await newest())?.format ?? '',
  compatibility: (call, { name }) => compatibilityOf(call, name),
  isSystemEntity: () => 0,
  connectionName: () => REGISTRY_CONNECTION,
  sourceType: () => 'SchemaRegistrySubject',
}
const ORDERS = ['asc', 'desc']
const RECORD_COUNTS = ['all', 'empty', 'nonEmpty']

/** By its first name, what else it is called, and what it says. */
const NAMES = {
  search: ['search', 'query'],
  searchFields: ['searchFields', 'includeMetadata'],
  isCompacted: ['isCompacted', 'compacted'],
  sortField: ['sortField', 'sortBy'],
  sortOrder: ['sortOrder', 'sortingOrder'],
  schemaFormat: ['schemaFormat', 'format'],
} as const

/** The parameters of the list of datasets, in the spellings of all clients. */
export const LIST_PARAMETERS: readonly Parameter[] = [
  { name: 'page', about: '1 is the first.', schema: { type: 'integer', minimum: 1 } },
  {
    name: 'pageSize',
    about: `Up to ${MAX_PAGE}; of subjects alone up to ${MAX_PAGE_OF_SUBJECTS}.`,
    schema: { type: 'integer', minimum: 1 },
  },
  ...both(
    NAMES.search,
    'Part of a name, of a description, or of the name of a field; of subjects part of the name or of the schema.',
    { type: 'string' },
  ),
  ...both(NAMES.searchFields, 'false: names and descriptions only.', { type: 'boolean' }),
  ...both(
    NAMES.sortField,
    `What to sort by. Topics: ${Object.keys(TOPIC_SORTS).join(', ')}. Subjects: ${Object.keys(SUBJECT_SORTS).join(', ')}.`,
    {
      type: 'string',
      enum: [...new Set([...Object.keys(TOPIC_SORTS), ...Object.keys(SUBJECT_SORTS)])],
    },
  ),
  ...both(NAMES.sortOrder, 'Ascending unless said otherwise.', { type: 'string', enum: ORDERS }),
  ...both(
    NAMES.schemaFormat,
    'Only topics whose keys or values are of one of these formats, only subjects of one of these.',
    {
      type: 'array',
      items: { type: 'string' },
    },
  ),
  { name: 'includeSystemEntities', about: 'Kafka’s own topics, too.', schema: { type: 'boolean' } },
  { name: 'hasRecords', about: 'Only topics with records, or only those without.', schema: { type: 'boolean' } },
  {
    name: 'recordCount',
    about: 'The same in the words of older clients.',
    schema: { type: 'string', enum: RECORD_COUNTS },
  },
  ...both(NAMES.isCompacted, 'Only compacted topics, or only the others.', { type: 'boolean' }),
  { name: 'tags', about: 'Only topics with one of these tags.', schema: { type: 'array', items: { type: 'string' } } },
  {
    name: 'connections',
    about: 'Only of these connections: "kafka" (topics) and "schema-registry" (subjects). Without it, topics.',
    schema: { type: 'array', items: { type: 'string', enum: [CONNECTION, REGISTRY_CONNECTION] } },
  },
]

function both([name, other]: readonly [string, string], about: string, schema: Parameter['schema']): Parameter[] {
  return [
    { name, about, schema },
    { name: other, about: `The same as "${name}".`, schema },
  ]
}

interface Filters {
  readonly search: string
  readonly searchFields: boolean
  readonly formats: readonly FormatName[]
  readonly system: boolean
  readonly hasRecords: boolean | undefined
  readonly isCompacted: boolean | undefined
  readonly tags: readonly string[]
}
interface TopicEntry {
  readonly name: string
  readonly summary: TableSummary
  readonly figures: TopicFigures
}
interface SubjectEntry {
  readonly name: string
  readonly summary?: undefined
  /** Asked for once. */
  newest(): Promise<Newest | undefined>
}
type Entry = TopicEntry | SubjectEntry

/** Description and tags, as the clients read them. */
export function noteOf(call: Call, topic: string): { description: string | null; tags: { name: string }[] } {
  const note = call.view.administration?.objects.note?.(topic)
  return { description: note?.description ?? null, tags: (note?.tags ?? []).map((name) => ({ name })) }
}

/** One page. `onPage` is told the topics of the page, and gives what says the details of each. */
export async function listed(
  call: Call,
  onPage: (topics: readonly TableSummary[]) => (summary: TableSummary, figures: TopicFigures) => Promise<object>,
): Promise<Answer> {
  const connections = connectionsIn(call)
  const [topics, subjects] = [connections.includes(CONNECTION), connections.includes(REGISTRY_CONNECTION)]
  const size = Math.min(topics ? MAX_PAGE : MAX_PAGE_OF_SUBJECTS, count(call, 'pageSize', 25))
  const number = count(call, 'page', 1)
  const filters = filtersIn(call)
  const sorts = Object.keys(topics ? TOPIC_SORTS : SUBJECT_SORTS).filter(
    (field) => !subjects || Object.hasOwn(SUBJECT_SORTS, field),
  )
  const sortField = oneOf(call, NAMES.sortField, sorts) ?? 'name'
  const descending = oneOf(call, NAMES.sortOrder, ORDERS) === 'desc'
  const matching = await sorted(
    call,
    [...(topics ? await topicsIn(call, filters) : []), ...(subjects ? await subjectsIn(call, filters) : [])],
    sortField,
    descending,
  )
  const page = matching.slice((number - 1) * size, number * size)
  const topicJson = onPage(page.flatMap(({ summary }) => summary ?? []))
  const shown = await inTurns(page, AT_ONCE, async (entry) => {
    if (entry.summary !== undefined) return topicJson(entry.summary, entry.figures)
    const [newest, compatibility] = await Promise.all([entry.newest(), compatibilityOf(call, entry.name)])
    // It may have been deleted meanwhile.
    return newest === undefined ? undefined : listedSubject(entry.name, newest, compatibility)
  })
  const values = shown.filter((value) => value !== undefined)
  const sourceTypes = [...(topics ? ['Kafka'] : []), ...(subjects ? ['SchemaRegistrySubject'] : [])]
  return {
    json: {
      datasets: { values, pagesAmount: Math.ceil(matching.length / size), totalCount: matching.length },
      sourceTypes,
    },
  }
}

function connectionsIn(call: Call): readonly string[] {
  const given = all(call, ['connections'])
  const unknown = given.find((name) => name !== CONNECTION && name !== REGISTRY_CONNECTION)
  if (unknown !== undefined)
    throw refusal(
      'connections',
      `There is no connection ${JSON.stringify(unknown)}; there are "${CONNECTION}" and "${REGISTRY_CONNECTION}".`,
    )
  return given.length === 0 ? [CONNECTION] : given
}

function filtersIn(call: Call): Filters {
  const recordCount = oneOf(call, ['recordCount'], RECORD_COUNTS)
  return {
    search: single(call, NAMES.search)?.text.toLowerCase() ?? '',
    searchFields: flag(call, NAMES.searchFields) ?? true,
    formats: all(call, NAMES.schemaFormat).map((text) => {
      const format = formatNamed(text)
      if (format === undefined)
        throw refusal('schemaFormat', `${JSON.stringify(text)} is no format; there are ${FORMAT_NAMES}.`)
      return format
    }),
    system: flag(call, ['includeSystemEntities']) === true,
    hasRecords:
      flag(call, ['hasRecords']) ??
      (recordCount === undefined || recordCount === 'all' ? undefined : recordCount === 'nonEmpty'),
    isCompacted: flag(call, NAMES.isCompacted),
    tags: all(call, ['tags']),
  }
}

async function topicsIn(
  call: Call,
  { search, searchFields, formats, system, hasRecords, isCompacted, tags }: Filters,
): Promise<Entry[]> {
  const tagged = (topic: string): boolean =>
    tags.length === 0 || noteOf(call, topic).tags.some((tag) => tags.includes(tag.name))
  // Further pages are of the list that the first one was of, if it is not old.
  const seen = await call.view.catalog.tables(count(call, 'page', 1) > 1 ? SUGGESTIONS : undefined)
  const tables = await filterSliced(seen, (t) => (system || t.type === 'USER') && tagged(t.name))
  const isNamed = ({ name }: TableSummary): boolean => {
    if (search === '' || name.toLowerCase().includes(search)) return true
    return noteOf(call, name).description?.toLowerCase().includes(search) === true
  }
  const entryOf = (summary: TableSummary): TopicEntry => {
    const { name } = summary
    return { name, summary, figures: new TopicFigures(call, name) }
  }
  const byName = hasRecords === undefined && isCompacted === undefined && formats.length === 0
  const byFields = search !== '' && searchFields
  const possible = byFields ? tables : await filterSliced(tables, isNamed)
  if (byName && !byFields) return mapSliced(possible, entryOf)
  const unsure = byName ? await filterSliced(possible, (t) => !isNamed(t)) : possible
  if (byFields) examined(unsure.length, 'Searching fields', 'searchFields=false')
  else examined(unsure.length, 'Such a filter', 'a search of names (with searchFields=false)')
  const fits = async ({ summary, figures }: TopicEntry): Promise<boolean> => {
    const named = isNamed(summary)
    if (byName && named) return true
    const table = await figures.table()
    if (table === undefined || (!named && !fieldNames(table).some((f) => f.toLowerCase().includes(search))))
      return false
    if (isCompacted !== undefined && table.compacted !== isCompacted) return false
    if (formats.length > 0 && !formats.some((format) => isOf(table.key, format) || isOf(table.value, format)))
      return false
    return hasRecords === undefined || (await figures.sizes()).totalMessages > 0 === hasRecords
  }
  const entries = await mapSliced(possible, entryOf)
  const kept = await inTurns(entries, AT_ONCE, fits)
  return entries.filter((_, i) => kept[i])
}

/** Refuses what would look into too many topics one by one. */
function examined(topics: number, what: string, instead: string): void {
  if (topics > MAX_EXAMINED)
    throw new RestError(
      400,
      `${what} means to look into each of ${topics.toLocaleString('en')} topics, and rest.datasets.examined is ${MAX_EXAMINED.toLocaleString('en')}. Write ${instead}.`,
    )
}

/** A facet of several formats is of each of them. */
function isOf(facet: TableFacet, format: FormatName): boolean {
  return facet.format === format || facet.format.split('|').includes(format)
}

/** Subjects have neither records nor tags: what asks for those asks for topics. */
async function subjectsIn(
  call: Call,
  { search, searchFields, formats, hasRecords, isCompacted, tags }: Filters,
): Promise<Entry[]> {
  if (hasRecords !== undefined || isCompacted !== undefined || tags.length > 0) return []
  const entries = (await subjectNames(call)).map((name): SubjectEntry => {
    let asked: Promise<Newest | undefined> | undefined
    return { name, newest: () => (asked ??= newestOf(call, name)) }
  })
  const fits = async ({ name, newest }: SubjectEntry): Promise<boolean> => {
    const named = name.toLowerCase().includes(search)
    if (named && formats.length === 0) return true
    if (!named && !searchFields) return false
    const found = await newest()
    if (found === undefined || (!named && !found.schema.toLowerCase().includes(search))) return false
    return formats.length === 0 || formats.some((format) => format === found.format)
  }
  const kept = await inTurns(entries, AT_ONCE, fits)
  return entries.filter((_, i) => kept[i])
}

/** Ties are in order of name, whichever way the rest goes. */
async function sorted(
  call: Call,
  entries: readonly Entry[],
  field: string,
  descending: boolean,
): Promise<readonly Entry[]> {
  if (field === 'name') {
    const ascending = await sortSliced(entries, (a, b) => compare(a.name, b.name))
    return descending ? ascending.toReversed() : ascending
  }
  if (LOOKED_UP.includes(field)) examined(entries.length, `Sorting by ${field}`, 'a search, or sort by name')
  const keys = await inTurns(entries, AT_ONCE, async (entry): Promise<SortKey> => {
    try {
      return await (entry.summary === undefined ? SUBJECT_SORTS[field](call, entry) : TOPIC_SORTS[field](call, entry))
    } catch (cause) {
      // It was deleted meanwhile: the others are still wanted.
      if (cause instanceof RestError && cause.status === 404) return ''
      throw cause
    }
  })
  const order = entries.map((_, i) => i)
  const inOrder = await sortSliced(
    order,
    (a, b) =>
      (descending ? compare(keys[b], keys[a]) : compare(keys[a], keys[b])) || compare(entries[a].name, entries[b].name),
  )
  return inOrder.map((i) => entries[i])
}

function compare(a: SortKey, b: SortKey): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function fieldNames(table: Table): string[] {
  return [table.key.type, table.value.type].flatMap((type) =>
    type.kind === 'struct' ? leaves(type).map(([name]) => name) : [],
  )
}

function refusal(field: string, text: string): RestError {
  return new RestError(400, text, [{ field, error: 'not understood' }])
}

/** Every value given under these names; empty ones say nothing. */
function all(call: Call, names: readonly string[]): string[] {
  return names.flatMap((name) => [call.query[name] ?? []].flat()).filter((text) => text !== '')
}

/** The one value, and the name that it was given under. */
function single(call: Call, names: readonly string[]): { readonly name: string; readonly text: string } | undefined {
  const given = names.flatMap((name) => [call.query[name] ?? []].flat().map((text) => ({ name, text })))
  if (given.some(({ text }) => text !== given[0].text)) {
    const shown = [...new Set(given.map(({ name }) => JSON.stringify(name)))].join(' and ')
    throw refusal(given[0].name, `Only one value can be given as ${shown}; there are ${given.length}.`)
  }
  return given[0]
}

function count(call: Call, name: string, fallback: number): number {
  const text = single(call, [name])?.text
  if (text === undefined) return fallback
  if (!/^\d{1,9}$/.test(text) || Number(text) < 1)
    throw refusal(name, `The parameter "${name}" must be a whole number, 1 or more; it is ${JSON.stringify(text)}.`)
  return Number(text)
}

/** Python clients write True and False. */
function flag(call: Call, names: readonly string[]): boolean | undefined {
  const given = single(call, names)
  const text = given?.text.toLowerCase()
  if (given === undefined || text === '') return undefined
  if (text !== 'true' && text !== 'false')
    throw refusal(
      given.name,
      `The parameter "${given.name}" must be true or false; it is ${JSON.stringify(given.text)}.`,
    )
  return text === 'true'
}

function oneOf(call: Call, names: readonly string[], allowed: readonly string[]): string | undefined {
  const given = single(call, names)
  if (given === undefined || given.text === '') return undefined
  if (!allowed.includes(given.text))
    throw refusal(
      given.name,
      `The parameter "${given.name}" must be one of ${allowed.join(', ')}; it is ${JSON.stringify(given.text)}.`,
    )
  return given.text
}
