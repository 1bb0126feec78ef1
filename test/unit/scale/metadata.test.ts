/**
 * Very many topics in a list: read, sorted and filtered in slices, remembered within limits, the same as what a plain
 * way gives. Work is counted in turns of the event loop and in requests; no time is taken.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { anyOf, matchesPattern } from '../../../src/catalog/pattern.ts'
import { topicPolicy } from '../../../src/catalog/permissions.ts'
import { readMetadata } from '../../../src/kafka/answers.ts'
import { Cluster, METADATA_TOPICS } from '../../../src/kafka/cluster.ts'
import { lists, readListing } from '../../../src/kafka/listing.ts'
import { WireReader, WireWriter } from '../../../src/kafka/wire/primitives.ts'
import { filterSliced, mapSliced, SLICE_ITEMS, sortSliced } from '../../../src/lib/work/slices.ts'
import { editDistance, suggestions } from '../../../src/lib/suggest.ts'
import { startBroker } from '../../../src/sandbox/broker.ts'

const COUNT = 5 * SLICE_ITEMS + 17

/** Turns of the event loop that everything else gets while something runs. */
async function turnsOf<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly turns: number }> {
  let turns = 0
  let done = false
  const count = (): void => {
    turns++
    if (!done) setImmediate(count)
  }
  setImmediate(count)
  const result = await work()
  done = true
  return { result, turns }
}

test('sliced work gives what plain work gives, and others their turns', async () => {
  const items = Array.from({ length: COUNT }, (_, i) => (i * 7919) % 10_007)
  const compare = (a: number, b: number): number => (a % 100) - (b % 100)
  const mapped = await turnsOf(() => mapSliced(items, (n) => n + 1))
  const filtered = await turnsOf(() => filterSliced(items, (n) => n % 3 === 0))
  // Many are equal: those that stand first stay first.
  const sorted = await turnsOf(() => sortSliced(items, compare))
  assert.deepEqual(
    mapped.result,
    items.map((n) => n + 1),
  )
  assert.deepEqual(
    filtered.result,
    items.filter((n) => n % 3 === 0),
  )
  assert.deepEqual(sorted.result, items.toSorted(compare))
  for (const { turns } of [mapped, filtered, sorted]) assert.ok(turns >= 5, `${turns}`)
  // Nothing is copied where nothing changes: very many may ask at once.
  assert.equal(await filterSliced(items, () => true), items)
  assert.deepEqual(await filterSliced(items, () => false), [])
  assert.equal(await sortSliced(sorted.result, compare), sorted.result)
  for (const few of [[], [1], [2, 1]]) assert.deepEqual(await sortSliced(few, compare), few.toSorted(compare))
})

/** An answer to Metadata v9 about topics in disorder; every 1000th has an error, every 500th has four partitions. */
function answer(count: number): { readonly reader: () => WireReader; readonly version: number } {
  const writer = new WireWriter()
  const int32s = (of: readonly number[]): void => void writer.compactArray(of, (n) => writer.int32(n))
  writer.int32(0).compactArray([1], (id) => writer.int32(id).compactString('h').int32(9092).compactString(null).tags())
  writer.compactString('cluster').int32(1)
  writer.compactArray(
    Array.from({ length: count }, (_, i) => (i * 7919) % count),
    (i) => {
      writer.int16(i % 1000 === 999 ? 29 : 0).compactString(`topic-${i}`)
      writer.boolean(i % 1000 === 998)
      const partitions = Array.from({ length: i % 500 === 0 ? 4 : 1 }, (_, p) => p)
      writer.compactArray(partitions, (p) => {
        writer.int16(0).int32(p).int32(1).int32(0)
        int32s(i % 500 === 0 ? [1, 2, 3] : [1])
        int32s([1])
        int32s([])
        writer.tags()
      })
      writer.int32(0).tags()
    },
  )
  writer.int32(0).tags()
  const bytes = Buffer.from(writer.finish())
  return { reader: () => new WireReader(bytes), version: 9 }
}

test('a list of very many topics is read in slices, and says what the whole answer says', async () => {
  const { reader, version } = answer(COUNT)
  const whole = readMetadata(reader(), version)
  const { result: listing, turns } = await turnsOf(() => readListing(reader(), version))
  assert.ok(turns >= 10, `${turns}`)
  assert.deepEqual(
    listing.topics,
    whole.topics
      .filter((topic) => topic.error === undefined)
      .map(({ name, internal, partitions }) => ({
        name,
        internal,
        partitions: partitions.length,
        replicas: Math.max(...partitions.map((p) => p.replicas.length)),
      })),
  )
  assert.deepEqual([listing.clusterId, listing.brokers], [whole.clusterId, whole.brokers])
  assert.deepEqual(
    ['topic-0', 'topic-7', 'topic-999', 'topic-', 'zzz'].map((name) => lists(listing, name)),
    [true, true, false, false, false],
  )
  const cut = reader()
  await assert.rejects(readListing(new WireReader(cut.buffer, 0, cut.end - 40), version), /past the end/)
})

test('a list that is the same to the last byte is read once; one that differs by a byte is another', async () => {
  const broker = await startBroker()
  const cluster = new Cluster({ brokers: [broker.bootstrap] })
  try {
    broker.createTopic('one')
    const first = await cluster.listing()
    assert.equal(await cluster.listing(), first)
    broker.createTopic('two')
    const second = await cluster.listing()
    assert.deepEqual(
      second.topics.map((topic) => topic.name),
      ['one', 'two'],
    )
    // Created again under the same name: another id, and so another list.
    broker.store.deleteTopic('two')
    broker.createTopic('two')
    const third = await cluster.listing()
    assert.notEqual(third, second)
    assert.deepEqual(third, second)
    assert.equal(cluster.requests.get('Metadata'), 4)
  } finally {
    cluster.close()
    await broker.close()
  }
})

test('a topic with very many partitions gives others their turns, too', async () => {
  const broker = await startBroker()
  const cluster = new Cluster({ brokers: [broker.bootstrap] })
  try {
    for (let i = 0; i < 8; i++) broker.createTopic(`wide-${i}`, { partitions: SLICE_ITEMS })
    const { result, turns } = await turnsOf(() => cluster.listing())
    assert.deepEqual([...new Set(result.topics.map((topic) => topic.partitions))], [SLICE_ITEMS])
    assert.ok(turns >= 8, `${turns}`)
    // Nobody has looked into them: they are names.
    assert.ok([...broker.store.topics.values()].every((topic) => topic.touched.length === 0))
  } finally {
    cluster.close()
    await broker.close()
  }
})

test('what is remembered of topics has a limit, and a deleted topic is not remembered behind a list', async () => {
  const broker = await startBroker()
  const cluster = new Cluster({ brokers: [broker.bootstrap] })
  try {
    const names = Array.from({ length: METADATA_TOPICS + 1 }, (_, i) => `t${i}`)
    for (const name of names) broker.createTopic(name)
    await cluster.metadata(names)
    const asked = (): number => cluster.requests.get('Metadata') ?? 0
    const before = asked()
    await cluster.topic(names[METADATA_TOPICS])
    assert.equal(asked(), before)
    await cluster.topic(names[0])
    assert.equal(asked(), before + 1)
    broker.store.deleteTopic('t1500')
    await cluster.listing()
    await assert.rejects(cluster.topic('t1500'), /UNKNOWN_TOPIC_OR_PARTITION/)
    assert.equal((await cluster.listing({ maxAgeMs: 60_000 })).topics.length, METADATA_TOPICS)
    broker.store.deleteTopic('t1501')
    cluster.forgetListing()
    assert.equal((await cluster.listing({ maxAgeMs: 60_000 })).topics.length, METADATA_TOPICS - 1)
  } finally {
    cluster.close()
    await broker.close()
  }
})

test('many patterns at once are what each of them is', () => {
  const patterns = ['a', 'ab', 'a*', '*b', 'a*b*c', '**', 'x.y', '', '*-*-*']
  const names = ['', 'a', 'b', 'ab', 'abc', 'aXbXc', 'x.y', 'xay', 'a-b-c', '-']
  for (let mask = 0; mask < 1 << patterns.length; mask++) {
    const some = patterns.filter((_, i) => (mask >> i) & 1)
    const isOne = anyOf(some)
    for (const name of names)
      assert.equal(
        isOne(name),
        some.some((pattern) => matchesPattern(pattern, name)),
        `${some} ${name}`,
      )
  }
})

test('an account that is allowed very many names is asked about very many topics', () => {
  const names = Array.from({ length: 20_000 }, (_, i) => `topic-${i}`)
  const may = topicPolicy([
    { effect: 'allow', topics: names },
    { effect: 'deny', topics: ['*-13'] },
  ])
  // Four hundred million comparisons, if each name were compared with each.
  assert.equal(names.concat(names.map((name) => `${name}x`)).filter(may).length, 19_999)
})

test('the nearest of very many names are those that comparing each would give', () => {
  const letters = ['a', 'B', 'c', '-', '1', 'é', 'İ', 'K']
  let seed = 1
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((seed / 2_147_483_648) * below)
  }
  const word = (): string => Array.from({ length: 1 + random(11) }, () => letters[random(letters.length)]).join('')
  const names = [...new Set(Array.from({ length: 300 }, word))]
  for (let i = 0; i < 200; i++) {
    const wanted = word()
    const lower = wanted.toLowerCase()
    const limit = lower.length <= 2 ? 0 : lower.length <= 4 ? 1 : lower.length <= 8 ? 2 : 3
    const near = names.filter(
      (name) =>
        name !== wanted && name.length <= wanted.length + limit && editDistance(lower, name.toLowerCase()) <= limit,
    )
    assert.deepEqual(suggestions(wanted, names, names.length).toSorted(), near.toSorted(), wanted)
  }
})
