/** Names of topics, and nothing that would have to be looked up for each: for lists of very many. */
import { nextTurn, SLICE_ITEMS } from '../../../lib/work/slices.ts'
import { SUGGESTIONS } from '../../../plan/catalog.ts'
import type { Parameter, Route } from '../route.ts'
import { whole } from './topics.ts'

/**
 * Limit `rest.page.names` (topics): names on one page. Beyond it: the page is that large; `total` says how many there
 * are.
 */
export const MAX_NAMES = 10_000

const QUERY: readonly Parameter[] = [
  { name: 'page', about: '1 is the first.', schema: { type: 'integer', minimum: 1 } },
  { name: 'pageSize', about: `Up to ${MAX_NAMES}, which it is without it.`, schema: { type: 'integer', minimum: 1 } },
]

/** The calls that list names. */
export const TOPIC_NAME_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/v1/kafka/topic-names',
    id: 'topicNames',
    about: `Names of the topics that the account may see, in order, ${MAX_NAMES} on a page, each with its partitions. Topics of Kafka itself are left out.`,
    query: QUERY,
    answer: {
      type: 'object',
      required: ['total', 'topics'],
      properties: {
        total: { type: 'integer' },
        topics: {
          type: 'array',
          items: {
            type: 'object',
            required: ['name', 'partitions'],
            properties: { name: { type: 'string' }, partitions: { type: 'integer' } },
          },
        },
      },
    },
    run: async (call) => {
      const page = whole(call, 'page', 1)
      const size = Math.min(MAX_NAMES, whole(call, 'pageSize', MAX_NAMES))
      const seen = await call.view.catalog.tables(page > 1 ? SUGGESTIONS : undefined)
      let total = 0
      const topics: { readonly name: string; readonly partitions: number }[] = []
      for (const [i, { name, type, partitions }] of seen.entries()) {
        if (i % SLICE_ITEMS === SLICE_ITEMS - 1) await nextTurn()
        if (type !== 'USER') continue
        if (total >= (page - 1) * size && total < page * size) topics.push({ name, partitions })
        total++
      }
      return { json: { total, topics } }
    },
  },
]
