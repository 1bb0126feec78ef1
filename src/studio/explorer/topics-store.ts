/** Loads the topics of an environment: their names at once, what is known of each page by page. */
import { createStore, type Store } from '../observable.ts'
import { behind, rest } from '../session/server.ts'
import { detailed, type Field, NO_TOPICS, type TopicDetails, type TopicsState } from './topics.ts'

/** The topics of the environment that is shown. */
export const topicsStore: Store<TopicsState> = createStore(NO_TOPICS)

const PAGE = 100

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
    for (let page = 1, pages = 1; page <= pages && isCurrent(); page++) {
      const { datasets } = await rest<PageJson>(behind(environment, `api/v1/datasets?page=${page}&pageSize=${PAGE}`))
      if (!isCurrent()) return
      pages = datasets.pagesAmount
      topicsStore.set((state) => withPage(state, datasets.values, page === 1))
    }
    topicsStore.set((state) => (state.environment === environment ? { ...state, loading: false } : state))
  } catch (cause) {
    const failure = cause instanceof Error ? cause.message : String(cause)
    topicsStore.set((state) => (state.environment === environment ? { ...state, loading: false, failure } : state))
  }
}

function withPage(state: TopicsState, values: readonly DatasetJson[], isFirst: boolean): TopicsState {
  const news = values.map(({ name, partitions }) => ({ name, partitions }))
  const names = new Set(values.map(({ name }) => name))
  const kept = isFirst ? [] : state.topics.filter(({ name }) => !names.has(name))
  return detailed(
    { ...state, topics: [...kept, ...news] },
    new Map(values.map((value) => [value.name, detailsOf(value)])),
  )
}

function detailsOf(dataset: DatasetJson): TopicDetails {
  const { keyType, valueType, records, sizeBytes, isCompacted, description, fields } = dataset
  const named =
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
    fields: [...fields.key.map(named('_key')), ...fields.value.map(named(''))],
  }
}

/** After a logout. */
export function forgetTopics(): void {
  topicsStore.set(() => NO_TOPICS)
}
