/** The list of topics as plain data: what is known of each, the search, and the rows that the explorer draws. */

/** A field of a topic's key or value. */
export interface Field {
  /** `customer.id`; fields of the key begin with `_key`. */
  readonly path: string
  readonly type: string
}

/** `details` come later than the name. */
export interface Topic {
  readonly name: string
  readonly partitions: number
  readonly details?: TopicDetails
}

export interface TopicDetails {
  readonly keyFormat: string
  readonly valueFormat: string
  readonly records: number | undefined
  /** On disk; undefined where Kafka does not tell. */
  readonly bytes: number | undefined
  readonly isCompacted: boolean
  readonly description: string | undefined
  readonly fields: readonly Field[]
}

export interface TopicsState {
  readonly environment: string | undefined
  readonly topics: readonly Topic[]
  readonly loading: boolean
  readonly failure: string | undefined
  readonly search: string
  readonly open: ReadonlySet<string>
}

export const NO_TOPICS: TopicsState = {
  environment: undefined,
  topics: [],
  loading: false,
  failure: undefined,
  search: '',
  open: new Set(),
}

/** One line of the explorer. */
export type Line =
  | { readonly kind: 'topic'; readonly topic: Topic; readonly isOpen: boolean }
  | { readonly kind: 'field'; readonly topic: string; readonly field: Field; readonly depth: number }
  | { readonly kind: 'note'; readonly topic: string; readonly text: string }

/** Topics whose name, description or field holds every word of the search; those whose name begins with it first. */
export function found(topics: readonly Topic[], search: string): readonly Topic[] {
  const words = search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  if (words.length === 0) return topics
  // With every key, over very many topics: nothing is sorted, and nothing made for a topic that does not fit.
  const ranked: Topic[][] = RANKS.map(() => [])
  for (const topic of topics) {
    let rank = 0
    for (const word of words) rank = Math.max(rank, rankOf(topic, word))
    ranked[rank]?.push(topic)
  }
  return ranked.flat()
}

/** Where a word was found, the best first: the name begins with it, the name, the description, a field. */
const RANKS = [0, 1, 2, 3]

function rankOf({ name, details }: Topic, word: string): number {
  const at = name.toLowerCase().indexOf(word)
  if (at === 0) return 0
  if (at > 0) return 1
  if (details?.description?.toLowerCase().includes(word) === true) return 2
  return details?.fields.some(({ path }) => path.toLowerCase().includes(word)) === true ? 3 : RANKS.length
}

/** What the explorer draws, line by line. */
export function lines({ topics, search, open }: Pick<TopicsState, 'topics' | 'search' | 'open'>): readonly Line[] {
  const all: Line[] = []
  for (const topic of found(topics, search)) {
    const isOpen = open.has(topic.name)
    all.push({ kind: 'topic', topic, isOpen })
    if (isOpen) for (const line of linesBelow(topic)) all.push(line)
  }
  return all
}

function linesBelow({ name, details }: Topic): readonly Line[] {
  if (details !== undefined && details.fields.length > 0)
    return details.fields.map((field) => ({ kind: 'field', topic: name, field, depth: field.path.split('.').length }))
  const text = details === undefined ? 'Reading its fields …' : 'No schema: its fields are seen in its records.'
  return [{ kind: 'note', topic: name, text }]
}

/** Opens or closes a topic. */
export function toggled(state: TopicsState, name: string): TopicsState {
  const open = new Set(state.open)
  if (!open.delete(name)) open.add(name)
  return { ...state, open }
}

/** The topics that there are now; what is known of those that were there before is kept. */
export function named(state: TopicsState, names: readonly Topic[]): TopicsState {
  const before = new Map(state.topics.map((topic) => [topic.name, topic.details]))
  const topics = names.map(({ name, partitions }) => {
    const details = before.get(name)
    return details === undefined ? { name, partitions } : { name, partitions, details }
  })
  return { ...state, topics }
}

/** Adds what became known of some topics. */
export function detailed(state: TopicsState, known: ReadonlyMap<string, TopicDetails>): TopicsState {
  return {
    ...state,
    topics: state.topics.map((topic) => {
      const details = known.get(topic.name)
      return details === undefined ? topic : { ...topic, details }
    }),
  }
}

/** 1.2 k, 600 k, 3.4 M: for narrow places; the whole number stands in the tooltip. */
export function shortNumber(value: number): string {
  if (value < 1000) return String(value)
  const units = ['k', 'M', 'G', 'T']
  let at = -1
  let rest = value
  while (rest >= 999.5 && at < units.length - 1) {
    rest /= 1000
    at++
  }
  return `${rest < 9.95 ? rest.toFixed(1) : Math.round(rest)} ${units[at]}`
}

/** 14 MB; units of 1000. */
export function shortBytes(value: number): string {
  return value < 1000 ? `${value} B` : `${shortNumber(value)}B`
}
