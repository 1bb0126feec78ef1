/** Loads the topics of an environment: their names at once, what is known of each page by page. */
import { createStore, type Store } from '../observable.ts'
import { behind, rest } from '../session/server.ts'
import { detailed, type Field, named, NO_TOPICS, type Topic, type TopicDetails, type TopicsState } from './topics.ts'

/** The topics of the environment that is shown. */
export const topicsStore: Store<TopicsState> = createStore(NO_TOPICS)

const PAGE = 100
/**
 * Limit `studio.topics.known` (topics): topics whose fields and sizes are loaded without being asked for. Beyond it:
 * those of a topic are loaded when it is opened, and the search finds names.
 */
export const MAX_KNOWN = 1000

interface FieldJson {
  readonly name: string
  readonly type: string
}
interface DatasetJson {
  readonly name: string
  readonly keyType: string
  readonly valueType: string
  readonly partitions: number
  readonly records?: number
  readonly sizeBytes?: number | null
  readonly isCompacted: boolean
  readonly description: string | null
  readonly fields: { readonly key: readonly FieldJson[]; readonly value: readonly FieldJson[] }
}
interface NamesJson {
  readonly total: number
  readonly topics: readonly { readonly name: string; readonly partitions: number }[]
}
interface PageJson {
  readonly datasets: {
    readonly values: readonly DatasetJson[]
    readonly pagesAmount: number
    readonly totalCount: number
  }
}

/** Loads anew; what another call began is left. */
export async function loadTopics(environment: string): Promise<void> {
  const before = topicsStore.get()
  topicsStore.set((state) => ({
    ...(state.environment === environment ? state : NO_TOPICS),
    environment,
    loading: true,
    failure: undefined,
  }))
  const isCurrent = (): boolean => topicsStore.get().environment === environment && topicsStore.get() !== before
  try {
    let names: readonly Topic[] = []
    for (let page = 1, total = 1; names.length < total && isCurrent(); page++) {
      const found = await rest<NamesJson>(behind(environment, `api/v1/kafka/topic-names?page=${page}`))
      if (!isCurrent()) return
      names = [...names, ...found.topics]
      // Topics may go while the pages are read.
      total = found.topics.length === 0 ? names.length : found.total
    }
    topicsStore.set((state) => named(state, names))
    // Of very many topics only some are looked into, for the examples.
    const most = names.length > MAX_KNOWN ? 1 : MAX_KNOWN / PAGE
    for (let page = 1, pages = 1; page <= Math.min(pages, most) && isCurrent(); page++) {
      const { datasets } = await rest<PageJson>(behind(environment, `api/v1/datasets?page=${page}&pageSize=${PAGE}`))
      if (!isCurrent()) return
      pages = datasets.pagesAmount
      topicsStore.set((state) => withDetails(state, datasets.values))
    }
    topicsStore.set((state) => (state.environment === environment ? { ...state, loading: false } : state))
  } catch (cause) {
    const failure = cause instanceof Error ? cause.message : String(cause)
    topicsStore.set((state) => (state.environment === environment ? { ...state, loading: false, failure } : state))
  }
}

function withDetails(state: TopicsState, values: readonly DatasetJson[]): TopicsState {
  return detailed(state, new Map(values.map((value) => [value.name, detailsOf(value)])))
}

/** Loads what is not known yet of a topic that is opened. */
export async function loadDetails(name: string): Promise<void> {
  const { environment, topics } = topicsStore.get()
  if (environment === undefined || topics.find((topic) => topic.name === name)?.details !== undefined) return
  try {
    const path = `api/v1/datasets/kafka/${encodeURIComponent(name)}`
    const found = await rest<DatasetJson>(behind(environment, path))
    topicsStore.set((state) => (state.environment === environment ? withDetails(state, [found]) : state))
  } catch (cause) {
    const failure = cause instanceof Error ? cause.message : String(cause)
    topicsStore.set((state) => (state.environment === environment ? { ...state, failure } : state))
  }
}

function detailsOf(dataset: DatasetJson): TopicDetails {
  const { keyType, valueType, records, sizeBytes, isCompacted, description, fields } = dataset
  const below =
    (prefix: string) =>
    ({ name, type }: FieldJson): Field => ({
      path: prefix === '' ? name : name === '' ? prefix : `${prefix}.${name}`,
      type,
    })
  return {
    keyFormat: keyType,
    valueFormat: valueType,
    records,
    bytes: sizeBytes ?? undefined,
    isCompacted,
    description: description ?? undefined,
    fields: [...fields.key.map(below('_key')), ...fields.value.map(below(''))],
  }
}

/** After a logout. */
export function forgetTopics(): void {
  topicsStore.set(() => NO_TOPICS)
}
