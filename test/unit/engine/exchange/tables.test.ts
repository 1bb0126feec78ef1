/**
 * Two threads whose catalogs know a table in different ways: settings of CSV, declared columns, a newer schema, a registry
 * that does not answer. The share is left to the leader, whose rows are those of one reader.
 */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { tableName } from '../../../../src/engine/exchange/plan-codec.ts'
import { runRequest } from '../../../../src/engine/request.ts'
import type { MemoryWorld, WorldOptions, WorldTopic } from '../../../support/memory-world.ts'
import { memoryWorld } from '../../../support/memory-world.ts'
import { helpersHere } from '../../../support/slt.ts'

const PARTITIONS = 2
const worlds: MemoryWorld[] = []
after(() => {
  for (const world of worlds) world.catalog.close()
})

function worldOf(topic: WorldTopic, options?: WorldOptions): MemoryWorld {
  const world = memoryWorld([topic], options)
  worlds.push(world)
  return world
}

/** `leader` with a helper that knows what `helper` knows, and whether the helper read anything. */
async function ask(sql: string, leader: MemoryWorld, helper: MemoryWorld, readers: number) {
  const rows: string[] = []
  let helped = 0
  await runRequest(
    { sql, live: false },
    {
      catalog: leader.catalog,
      log: leader.log,
      defaults: { 'query.parallel': readers },
      helpers: async (most) =>
        helpersHere(most, {
          catalog: helper.catalog,
          log: {
            bounds: (...args) => leader.log.bounds(...args),
            offsetsForTime: (...args) => leader.log.offsetsForTime(...args),
            scan: (...args) => {
              helped++
              return leader.log.scan(...args)
            },
          },
        }),
    },
    {
      send: (frame) => {
        const { type, data } = JSON.parse(frame) as { type: string; data: { value: unknown } }
        if (type === 'RECORD') rows.push(JSON.stringify(data.value))
        else if (type !== 'METADATA') assert.fail(frame)
      },
      drained: () => undefined,
    },
    new AbortController().signal,
  )
  return { rows: rows.sort(), helped }
}

/** A helper with the same tables takes part; with the others it does not, and the rows are the same. */
async function compare(sql: string, leader: MemoryWorld, same: MemoryWorld, others: readonly MemoryWorld[]) {
  const { rows } = await ask(sql, leader, same, 1)
  assert.ok(rows.length > 0)
  const both = await ask(sql, leader, same, 2)
  assert.deepEqual([both.rows, both.helped], [rows, 1])
  for (const other of others) assert.deepEqual(await ask(sql, leader, other, 2), { rows, helped: 0 })
}

const AVRO = (n: number) =>
  JSON.stringify({
    type: 'record',
    name: 'R',
    fields: [{ name: 'n', type: 'int' }, ...(n === 0 ? [] : [{ name: 'd', type: 'int', default: n }])],
  })

function records(value: (n: number) => WorldTopic['records'][number]['value']): WorldTopic['records'] {
  return Array.from({ length: 20 }, (_, n) => ({
    partition: n % PARTITIONS,
    timestampMs: n,
    key: null,
    value: value(n),
  }))
}

describe('a helper whose catalog differs', () => {
  it('in the columns, the delimiter or the quote of CSV', async () => {
    const csv = { name: 't', partitions: PARTITIONS, value: { name: 'CSV', header: ['a', 'b'] } } as const
    const topic = { ...csv, records: records((n) => ({ json: `${n},'${n + 1};x'` })) }
    const other = (options: object) =>
      worldOf(topic, { formats: { t: { key: 'STRING', value: 'CSV', csv: { header: ['a', 'b'], ...options } } } })
    await compare('SELECT a, b FROM t', worldOf(topic), worldOf(topic), [
      other({ header: ['b', 'a'] }),
      other({ header: undefined }),
      other({ delimiter: ';' }),
      other({ quote: "'" }),
    ])
  })

  it('in the newest schema, which gives defaults to older records', async () => {
    const topic = (...schemas: string[]): WorldTopic => ({
      name: 't',
      partitions: PARTITIONS,
      value: { name: 'AVRO', schemas },
      records: records((n) => ({ json: { n }, writer: 1 })),
    })
    const leader = worldOf(topic(AVRO(0), AVRO(7)))
    await compare('SELECT n, d FROM t', leader, worldOf(topic(AVRO(0), AVRO(7))), [
      worldOf(topic(AVRO(0))),
      worldOf(topic(AVRO(0), AVRO(7), AVRO(8))),
    ])
  })

  it('in declared columns', async () => {
    const topic: WorldTopic = { name: 't', partitions: PARTITIONS, records: records((n) => ({ json: { n } })) }
    const plain = worldOf(topic)
    const table = await plain.catalog.table('t')
    assert.ok(table)
    const declared = {
      kind: 'struct',
      name: undefined,
      fields: [{ name: 'n', type: { kind: 'int' } }],
    } as unknown as NonNullable<typeof table.value.declared>
    const changed = {
      ...plain,
      catalog: { ...plain.catalog, table: async () => ({ ...table, value: { ...table.value, declared } }) },
    }
    await compare('SELECT sum(n) AS s FROM t', plain, worldOf(topic), [changed])
  })

  it('in that it cannot read the records', async () => {
    const topic: WorldTopic = {
      name: 't',
      partitions: PARTITIONS,
      value: { name: 'AVRO', schemas: [AVRO(0)] },
      records: records((n) => ({ json: { n } })),
    }
    await compare('SELECT sum(n) AS s FROM t', worldOf(topic), worldOf(topic), [worldOf(topic, { registry: null })])
  })
})

it('types that name themselves have a digest', async () => {
  const world = worldOf({ name: 't', records: [] })
  const table = await world.catalog.table('t')
  assert.ok(table)
  const named = (field: string) => {
    const fields: unknown[] = [{ name: 'n', type: { kind: 'int' } }]
    const declared = { kind: 'struct', fields } as unknown as NonNullable<typeof table.value.declared>
    fields.push({ name: field, type: declared })
    return tableName({ ...table, value: { ...table.value, declared } }).value
  }
  assert.equal(named('next'), named('next'))
  assert.notEqual(named('next'), named('before'))
  assert.notEqual(named('next'), tableName(table).value)
})
