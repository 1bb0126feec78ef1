/** Topics that grow while a list is made: they stand in the order of the records that are shown. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listed } from '../../../../src/server/rest/topics/dataset-list.ts'
import type { Call } from '../../../../src/server/rest/route.ts'

/** Each look at a topic finds more records than the one before; those of a topic whose name comes later grow less. */
function growing(query: Call['query']): Call {
  const names = ['a', 'b', 'c']
  const looks = new Map<string, number>()
  const bounds = async (topic: string) => {
    const seen = (looks.get(topic) ?? -1) + 1
    looks.set(topic, seen)
    return [{ partition: 0, start: 0, end: seen * (names.length - names.indexOf(topic)) }]
  }
  const facet = { format: 'JSON' }
  const table = async (topic: string) => ({ topic, partitions: [0], key: facet, value: facet, compacted: false })
  const tables = async () => names.map((name) => ({ name, type: 'USER', partitions: 1, replicas: 1 }))
  return {
    query,
    environment: {},
    view: { catalog: { table, tables }, log: { bounds } },
    signal: new AbortController().signal,
  } as unknown as Call
}

for (const query of [
  { sortField: 'records', sortOrder: 'asc' },
  { sortField: 'records', sortOrder: 'desc' },
  { hasRecords: 'false' },
  { hasRecords: 'false', sortField: 'records' },
])
  test(`asked ${JSON.stringify(query)}`, async () => {
    const { json } = await listed(growing(query), () => async ({ name }, figures) => ({
      name,
      records: (await figures.sizes()).totalMessages,
    }))
    const { values } = (json as { datasets: { values: object[] } }).datasets
    assert.deepEqual(
      values,
      ['a', 'b', 'c'].map((name) => ({ name, records: 0 })),
    )
  })
