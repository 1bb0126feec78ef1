/** Which changes of the state topic count: the same for every reader, also where compaction has taken records away. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ANY,
  type Entry,
  entryOf,
  MAX_OBJECT_BYTES,
  recordOf,
  sizeOf,
  type StateRecord,
} from '../../../src/catalog/state/entry.ts'
import { OBJECT_KINDS } from '../../../src/catalog/store.ts'
import { StateLog } from '../../../src/catalog/state/state-log.ts'

const view = (text: string) => JSON.stringify({ name: 'v', text, sources: ['t'], owner: 'me', createdAt: 1 })

function entry(version: string, seen: string | undefined, more: Partial<Entry> = {}): Entry {
  const place = { environment: 'e', kind: 'view', name: 'v' } as const
  return { ...place, content: view(version), version, seen, over: [], by: 'one', ...more }
}

function record(given: Entry, offset = 0): StateRecord {
  const { key, value, headers = [] } = recordOf(given)
  return { offset, key, value, headers }
}

const read = (entries: readonly Entry[]): StateLog => {
  const log = new StateLog()
  for (const each of entries) log.take(each)
  return log
}

test('a change counts when it was made on what is there; the later one of two loses', () => {
  const log = new StateLog()
  assert.equal(log.take(entry('1', undefined)), 'counts')
  assert.equal(log.take(entry('other', undefined)), 'late')
  assert.equal(log.take(entry('2', '1')), 'counts')
  assert.equal(log.take(entry('3', '1')), 'late')
  assert.equal(log.find(entry('', undefined))?.version, '2')
  assert.equal(log.take(entry('gone', '2', { content: undefined })), 'counts')
  assert.equal(log.find(entry('', undefined)), undefined)
  assert.equal(log.take(entry('4', '2')), 'late')
  assert.equal(log.take(entry('5', undefined)), 'counts')
  assert.equal([...log.entries()].length, 1)
})

test('records say what they were made of, tombstones too', () => {
  for (const given of [
    entry('2', '1', { over: ['x', 'y'] }),
    entry('1', undefined),
    entry('3', '2', { content: undefined }),
    entry('3', undefined, { content: undefined, over: ['z'] }),
  ])
    assert.deepEqual(entryOf(record(given)), given)
  const bare = entryOf({ ...record(entry('3', '2', { content: undefined }), 17), headers: [] })
  assert.deepEqual(bare, entry('offset-17', undefined, { content: undefined, seen: ANY, by: '' }))
})

/** As servers of version 0.1.0 write them: servers of other versions read the same topic during an update. */
const WRITTEN: readonly (readonly [key: string, value: string])[] = [
  [
    '["demo","view","v1"]',
    '{"version":"a-1","by":"one","content":{"name":"v1","text":"SELECT 1","sources":["t"],"owner":"me","createdAt":5}}',
  ],
  [
    '["demo","synonym","s1"]',
    '{"version":"a-2","seen":"a-0","by":"one","content":{"name":"s1","target":"t","owner":"me","createdAt":5}}',
  ],
  ['["demo","table","t"]', '{"version":"b-1","by":"two","content":{"key":"STRING","value":"JSON","subjects":[]}}'],
  ['["demo","note","t"]', '{"version":"b-2","by":"two","content":{"description":null,"tags":["pii"]}}'],
  [
    '["demo","query","me\\nq"]',
    '{"version":"b-3","by":"two","over":["x"],"content":{"name":"q","owner":"me","sql":"SELECT 1","parameters":{},"shared":false,"sources":[],"savedAt":5}}',
  ],
  ['["","revocation","id"]', '{"version":"b-4","by":"two","content":{"until":1790000000000}}'],
]

test('records of version 0.1.0 are read, and written as that version writes them', () => {
  assert.deepEqual(new Set(WRITTEN.map(([key]) => (JSON.parse(key) as string[])[1])), new Set(OBJECT_KINDS))
  for (const [key, value] of WRITTEN) {
    const given = entryOf({ offset: 0, key: Buffer.from(key), value: Buffer.from(value), headers: [] })
    assert.ok(typeof given !== 'string', `${key}: ${String(given)}`)
    assert.equal(given.opaque, undefined, key)
    const again = recordOf(given)
    assert.equal(String(again.key), key)
    assert.deepEqual(JSON.parse(String(again.value)), JSON.parse(value))
  }
})

test('what a later version says besides is kept, and its kinds are passed over', () => {
  const [[key, value]] = WRITTEN
  const later = { ...(JSON.parse(value) as { content: object }), hint: 1 }
  const content = { ...later.content, colour: 'red' }
  const given = entryOf({
    offset: 0,
    key: Buffer.from(key),
    value: Buffer.from(JSON.stringify({ ...later, content })),
    headers: [],
  })
  assert.ok(typeof given !== 'string')
  assert.deepEqual(JSON.parse(given.content as string), content)
  const unknown = { offset: 0, key: Buffer.from('["demo","policy","p"]'), value: Buffer.from(value), headers: [] }
  assert.match(String(entryOf(unknown)), /names no kind/)
  assert.deepEqual(JSON.parse(String(recordOf({ ...given, over: ['x'] }).value)), { ...later, over: ['x'], content })
})

/** The record as somebody else writes it. */
function foreign(kind: string, name: string, value: unknown): Entry | string {
  const key = Buffer.from(JSON.stringify([kind === 'revocation' ? '' : 'e', kind, name]))
  return entryOf({ offset: 0, key, value: Buffer.from(JSON.stringify(value)), headers: [] })
}

/** What passes is used without another look: each of these would have ended a list, or the reading of a topic. */
test('what this version cannot use has its place, is written again as it is, and is not shown', () => {
  const made = { owner: 'me', createdAt: 1 }
  const query = { name: 'q', owner: 'me', sql: 'SELECT 1', parameters: {}, shared: false, sources: [], savedAt: 1 }
  const table = { key: 'STRING', value: 'JSON', subjects: [] }
  const column = (type: unknown) => ({ kind: 'struct', fields: [{ name: 'a', type, nullable: true }] })
  const unusable: readonly (readonly [string, string, unknown])[] = [
    ['view', 'v', undefined],
    ['view', 'v', { name: 'v', text: 'SELECT 1', sources: [{}], ...made }],
    ['view', 'v', { name: 'v', text: 'SELECT 1', sources: [], owner: 'me' }],
    ['view', 'v', { name: 'v', text: 'SELECT 1', sources: [], owner: 'me', createdAt: '2026' }],
    ['view', 'v', { name: 'v', text: 'SELECT 1', sources: [], owner: 'me', createdAt: 9e15 }],
    ['view', 'v', { name: 'other', text: 'SELECT 1', sources: [], ...made }],
    ['synonym', 's', { name: 's', target: 't', owner: 'me', createdAt: 'yesterday' }],
    ['synonym', 's', { name: 't', target: 't', ...made }],
    ['table', 't', { ...table, value: 'CBOR' }],
    ['table', 't', { ...table, key: 'TWCBOR' }],
    ['table', 't', { ...table, value: 'json' }],
    ['table', 't', { ...table, value: 'AVRO|CBOR' }],
    ['table', 't', { ...table, topicId: 5 }],
    ['table', 't', { ...table, valueColumns: 5 }],
    ['table', 't', { ...table, keyColumns: column({ kind: 'int128' }) }],
    ['table', 't', { ...table, valueColumns: column({ kind: 'array' }) }],
    ['table', 't', { ...table, valueColumns: column({ kind: 'timestamp', unit: 'days' }) }],
    ['query', 'me\nq', { ...query, savedAt: undefined }],
    ['query', 'me\nq', { ...query, shared: 'yes' }],
    ['query', 'me\nq', { ...query, parameters: { a: 1 } }],
    ['query', 'you\nq', query],
  ]
  for (const [kind, name, content] of unusable) {
    const value = { version: 'n-1', seen: 'n-0', by: 'newer', hint: { a: 1 }, content }
    const given = foreign(kind, name, value)
    assert.ok(typeof given !== 'string' && given.opaque === true, `${kind}: ${JSON.stringify(content)}`)
    const written = JSON.parse(String(recordOf({ ...given, over: ['x'] }).value))
    assert.deepEqual(written, JSON.parse(JSON.stringify({ ...value, over: ['x'] })))
  }
  for (const value of ['TWLONG', 'AVRO|JSON', 'MSGPACK'])
    assert.deepEqual(
      (foreign('table', 't', { version: '1', by: 'x', content: { ...table, value } }) as Entry).opaque,
      undefined,
    )
  const kinds = [{ kind: 'map', value: { kind: 'decimal', precision: 5 } }, column({ kind: 'time', unit: 'nanos' })]
  for (const type of kinds) {
    const content = { ...table, valueColumns: column(type) }
    assert.deepEqual((foreign('table', 't', { version: '1', by: 'x', content }) as Entry).opaque, undefined)
  }
  // There may be very many of them.
  const soon = { until: 1, before: 'then' }
  assert.match(String(foreign('revocation', 'login x', { version: '1', by: 'x', content: soon })), /not that of a rev/)
  const more = foreign('revocation', 'login x', { version: '1', by: 'x', content: { until: 1, why: 'x' } })
  assert.deepEqual((more as Entry).opaque, undefined)
  const long = { until: 1, why: 'x'.repeat(1000) }
  assert.match(String(foreign('revocation', 'login x', { version: '1', by: 'x', content: long })), /not that of a rev/)
})

test('versions go on over what cannot be used: a change that did not see it is late for every reader', () => {
  const newer = foreign('view', 'v', { version: 'new-1', by: 'newer', content: { text: ['SELECT 1'] } })
  assert.ok(typeof newer !== 'string')
  const log = new StateLog()
  assert.equal(log.take(newer), 'counts')
  assert.equal(log.take(entry('old-1', undefined)), 'late')
  const again = log.again(newer)
  assert.deepEqual(again, { ...newer, over: ['old-1'] })
  assert.equal(log.take(entry('gone', 'new-1', { content: undefined })), 'counts')
  assert.equal(log.size, 0)
})

test('room for several objects is that for all of them together', () => {
  const three = ['a', 'b', 'c'].map((name) => entry(name, undefined, { name }))
  const bytes = 3 * sizeOf(recordOf(three[0]))
  assert.equal(new StateLog({ objects: 3, bytes }).withoutRoom(three), undefined)
  assert.equal(new StateLog({ objects: 2, bytes }).withoutRoom(three), three[2])
  assert.equal(new StateLog({ objects: 3, bytes: bytes - 1 }).withoutRoom(three), three[2])
})

test('what is no object is said to be none', () => {
  const good = record(entry('1', undefined))
  const bytes = (text: string) => Buffer.from(text)
  const bad: readonly [Partial<StateRecord>, RegExp][] = [
    [{ key: null }, /its key is not/],
    [{ key: bytes('["e","view"]') }, /its key is not/],
    [{ key: bytes('["e","view",1]') }, /its key is not/],
    [{ key: bytes('{') }, /its key is not/],
    [{ key: bytes('["e","thing","v"]') }, /names no kind/],
    [{ value: bytes('\u0000\u0001') }, /its value is not/],
    [{ value: bytes('{"version":1,"by":"x","content":{}}') }, /its value is not/],
    [{ value: bytes(`{"version":"${'1'.repeat(200)}","by":"x","content":{}}`) }, /its value is not/],
    [{ value: bytes(`{"version":"1","seen":"${'1'.repeat(200)}","by":"x","content":{}}`) }, /its value is not/],
    [{ value: bytes(`{"version":"1","by":"x","content":${'['.repeat(5000)}${']'.repeat(5000)}}`) }, /too deeply/],
    [{ value: bytes(`{"version":"1","by":"x","content":${'{"a":'.repeat(1001)}1${'}'.repeat(1001)}}`) }, /too deeply/],
    [{ key: bytes('['.repeat(5000)) }, /too deeply: more than 1000 levels \(state\.object\.depth\)/],
    [{ value: Buffer.alloc(2 * MAX_OBJECT_BYTES, 32) }, /state\.object\.bytes/],
  ]
  for (const [change, reason] of bad) assert.match(String(entryOf({ ...good, ...change })), reason)
})

test('behind a late change the object is written again, and a reader who has only the late one comes to the same', () => {
  const [a, b, c] = [entry('a', undefined), entry('b', 'a'), entry('c', 'a', { by: 'two' })]
  const log = read([a, b, c])
  const again = log.again(b) as Entry
  assert.deepEqual(again, { ...b, over: ['c'] })
  assert.equal(log.take(again), 'same')
  assert.equal(log.again(b), undefined)
  // Compaction has left c alone of those before the repetition.
  assert.equal(read([c]).find(b)?.version, 'c')
  assert.equal(read([c, again]).find(b)?.version, 'b')
  assert.equal(read([again]).find(b)?.version, 'b')
})

test('a repetition that itself comes too late is repeated in turn', () => {
  const [a, b, c] = [entry('a', undefined), entry('b', 'a'), entry('c', 'a', { by: 'two' })]
  const again = read([a, b, c]).again(b) as Entry
  const d = entry('d', 'b')
  const log = read([a, b, c, d, again])
  assert.equal(log.find(b)?.version, 'd')
  const second = log.again(b) as Entry
  assert.equal(log.take(second), 'same')
  // Whatever compaction leaves of the beginning.
  for (const left of [[c], [c, d], [c, d, again], [d, again], [again], []])
    assert.equal(read([...left, second]).find(b)?.version, 'd')
})

test('a change on a state that was never met is doubtful: the object stays, and is not written again over it', () => {
  const [a, b, c] = [entry('a', undefined), entry('b', 'a'), entry('c', 'b')]
  const log = read([a, c])
  assert.equal(log.find(a)?.version, 'a')
  assert.deepEqual([log.doubts, log.again(a), log.allAgain()], [1, undefined, []])
  // As a repetition of the one that is there says it, or the whole log.
  const again = { ...c, over: ['a', 'x'] }
  assert.equal(log.take(again), 'counts')
  assert.deepEqual([read([a, b, c]).doubts, read([a, b, c]).find(a)?.version], [0, 'c'])
  // On what was removed and compacted away meanwhile, too.
  const anew = read([a, entry('d', undefined)])
  assert.deepEqual([anew.doubts, anew.again(a)?.over], [0, ['d']])
  assert.equal(read([c, entry('d', undefined)]).doubts, 1)
})

test('a record that names very many versions costs no more than reading it', () => {
  const over = Array.from({ length: 100_000 }, (_, i) => `${i}`)
  const log = read([entry('a', undefined), entry('b', 'a', { over }), entry('b', 'a', { over })])
  assert.equal(log.find(entry('', undefined))?.version, 'b')
})

test('an object of the greatest size can be written again over others', () => {
  const room = MAX_OBJECT_BYTES - sizeOf(recordOf(entry('1', undefined, { content: view('') })))
  const large = entry('1', undefined, { content: view('x'.repeat(room)) })
  assert.equal(sizeOf(recordOf(large)), MAX_OBJECT_BYTES)
  const over = Array.from({ length: 100 }, () => 'v'.repeat(128))
  assert.deepEqual(entryOf(record({ ...large, over })), { ...large, over })
})

test('a late change on what was removed does not bring it back', () => {
  const [a, gone, late] = [entry('a', undefined), entry('g', 'a', { content: undefined }), entry('l', 'a')]
  const log = read([a, gone, late])
  assert.equal(log.find(a), undefined)
  const again = log.again(a) as Entry
  assert.equal(again.content, undefined)
  assert.equal(read([late, entryOf(record(again)) as Entry]).find(a), undefined)
})

test('readers of one log come to the same objects, wherever they begin', () => {
  let seed = 7
  const random = (below: number): number => {
    seed = (seed * 48_271) % 0x7fffffff
    return seed % below
  }
  const entries: Entry[] = []
  const all = new StateLog()
  const take = (next: Entry): void => {
    entries.push(next)
    if (all.take(next) === 'late') {
      const again = all.again(next)
      // The author writes it again a little later, or another one who starts.
      if (again !== undefined && random(3) > 0) take({ ...again })
    }
  }
  const versions = new Map<string, string[]>()
  for (let i = 0; i < 2000; i++) {
    const name = `v${random(5)}`
    const known = versions.get(name) ?? []
    const now = all.find(entry('', undefined, { name }))?.version
    const seen = random(4) === 0 ? known[random(known.length + 1)] : now
    take(entry(`${i}`, seen, { name, content: random(4) === 0 ? undefined : view(`${i}`) }))
    versions.set(name, [...known, `${i}`].slice(-5))
  }
  for (const again of all.allAgain()) take(again)
  const result = (log: StateLog) => [...log.entries()].map(({ name, version }) => `${name} ${version}`).sort()
  for (let from = 0; from < entries.length; from += 37) {
    // Below that point compaction has left the last record of each name.
    const last = new Map(entries.slice(0, from).map((each) => [each.name, each]))
    const left = entries.slice(0, from).filter((each) => last.get(each.name) === each)
    assert.deepEqual(result(read([...left, ...entries.slice(from)])), result(all), `compacted before ${from}`)
  }
})

test('there is an end to objects and bytes', () => {
  const log = new StateLog({ objects: 2, bytes: 1000 })
  assert.equal(log.take(entry('1', undefined, { name: 'a' })), 'counts')
  assert.equal(log.take(entry('1', undefined, { name: 'b' })), 'counts')
  assert.equal(log.take(entry('1', undefined, { name: 'c' })), 'full')
  assert.equal(log.take(entry('2', '1', { name: 'b', content: view('x'.repeat(2000)) })), 'full')
  assert.equal(log.find(entry('', undefined, { name: 'b' }))?.version, '1')
  assert.equal(log.take(entry('2', '1', { name: 'a', content: undefined })), 'counts')
  assert.equal(log.take(entry('1', undefined, { name: 'c' })), 'counts')
  for (let i = 0; i < 100; i++) {
    const name = `gone-${i}`
    log.take(entry('2', undefined, { name, content: undefined }))
  }
  assert.deepEqual([...log.entries()].map(({ name }) => name).sort(), ['b', 'c'])
})
