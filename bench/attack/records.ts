/** Attacks by what stands in a topic or in the registry: whoever may write one topic, or register one schema. */
import { type Attack, ask, JDBC, judged, statement } from './attack.ts'
import { TOKENS, type World } from './world.ts'

const BOMBS = 'Batches that decompress to too much'
const SCHEMAS = 'Schemas that refer to themselves'
const FIELDS = 'Long texts in records'

const ODD = 'One large value among many small ones'

const MIB = 1024 * 1024

function bomb(name: string, value: () => Uint8Array | string, sql = `SELECT * FROM open_bomb_${name}`): Attack {
  return statement(BOMBS, `${name}: ${sql.slice(0, 60)}`, sql, {
    prepare: (world) => world.topic(`open_bomb_${name}`, [{ value: value() }], true),
  })
}

/** MessagePack: a map with one text of so many bytes. */
function messagePack(bytes: number): Uint8Array {
  const head = Buffer.from([0x81, 0xa1, 0x61, 0xdb, 0, 0, 0, 0])
  head.writeUInt32BE(bytes, 4)
  return Buffer.concat([head, Buffer.alloc(bytes, 'x')])
}

/** `levels` records of two fields each, every one of the next; the last of a number. */
function tree(levels: number): object {
  const fields = (below: unknown, again: unknown) => [
    { name: 'l', type: below },
    { name: 'r', type: again },
  ]
  let type: unknown = { type: 'record', name: 'Level0', fields: fields('int', 'int') }
  for (let level = 1; level < levels; level++)
    type = { type: 'record', name: `Level${level}`, fields: fields(type, `Level${level - 1}`) }
  return type as object
}

const NODE = {
  type: 'record',
  name: 'Node',
  fields: [
    { name: 'v', type: 'int' },
    { name: 'l', type: ['null', 'Node'], default: null },
    { name: 'r', type: ['null', 'Node'], default: null },
  ],
}

/** A topic of Avro records with this schema; the records are what begins with the schema's id. */
async function avroTopic(world: World, topic: string, schema: object, payload: Uint8Array): Promise<void> {
  const id = await world.register(`${topic}-value`, schema)
  const head = Buffer.alloc(5)
  head.writeInt32BE(id, 1)
  await world.topic(topic, [{ value: Buffer.concat([head, payload]) }])
}

const node: Attack['prepare'] = (world) => avroTopic(world, 'open_node', NODE, Buffer.from([2, 0, 0]))
const deep: Attack['prepare'] = (world) => avroTopic(world, 'open_levels', tree(28), Buffer.alloc(8))

const longTexts: Attack['prepare'] = (world) =>
  world.topic(
    'open_texts',
    Array.from({ length: 20 }, (_, n) => ({
      value: JSON.stringify({
        n,
        digits: `${'1'.repeat(300_000)}x`,
        marks: '\u0307\u0323'.repeat(75_000),
        ab: 'ab'.repeat(400_000),
      }),
    })),
  )

/** Whatever is kept of the large ones, and compared with each of the small ones. */
const oddOnes: Attack['prepare'] = (world) => {
  const wide = ' '.repeat(400_000)
  const members = Array.from({ length: 30_000 }, (_, i) => `"f${i}":${i}`).join(',')
  const large = [`{"x":1${wide}}`, `{${members}}`, `[${'1,'.repeat(200_000)}1]`]
  const texts = [...large, ...Array.from({ length: 20_000 }, (_, i) => (i % 2 === 0 ? '{"x":1}' : `[1,1,${i}]`))]
  return world.topic(
    'open_odd',
    texts.map((o, n) => ({ value: `{"n":${n},"o":${o}}` })),
  )
}

function rest(name: string, path: string): Attack {
  return {
    kind: SCHEMAS,
    name,
    run: async (target, patienceMs) => {
      const began = performance.now()
      const answer = await fetch(target.url + path, {
        headers: { authorization: `Bearer ${TOKENS.mallory}` },
        signal: AbortSignal.timeout(patienceMs),
      }).catch((cause: unknown) => String(cause))
      const ms = performance.now() - began
      if (typeof answer === 'string') return { text: `${answer} (${(ms / 1000).toFixed(1)} s)`, right: false }
      const text = await answer.text()
      return { text: `${answer.status}, ${text.length} characters (${(ms / 1000).toFixed(1)} s)`, right: answer.ok }
    },
  }
}

export const RECORDS: readonly Attack[] = [
  bomb('csv', () => `a,b,${'x'.repeat(60 * MIB)}`),
  bomb('json', () => `{"a":"${'x'.repeat(60 * MIB)}"}`),
  bomb('json_numbers', () => `{"a":[${'1,'.repeat(30 * MIB)}1]}`),
  bomb('json_levels', () => '['.repeat(60 * MIB)),
  bomb('xml', () => `<a>${'<b>x</b>'.repeat(8 * MIB)}</a>`),
  bomb('msgpack', () => messagePack(60 * MIB)),
  bomb('text', () => 'é'.repeat(50 * MIB)),
  bomb('digits', () => '1'.repeat(60 * MIB)),
  { ...bomb('lines', () => '1,2,3\n'.repeat(10 * MIB), 'SELECT COUNT(*) FROM open_bomb_lines'), long: true },
  {
    ...statement(BOMBS, 'twenty of them in one topic', 'SELECT LEN(_value) FROM open_bombs'),
    long: true,
    prepare: async (world) =>
      await world.topic(
        'open_bombs',
        Array.from({ length: 20 }, () => ({ value: 'x'.repeat(60 * MIB) })),
        true,
      ),
  },
  statement(FIELDS, 'CAST of long digits of a field', 'SELECT CAST(digits AS double) AS x FROM open_texts', {
    prepare: longTexts,
  }),
  statement(FIELDS, 'STRIPACCENTS of a field of marks', 'SELECT LEN(STRIPACCENTS(marks)) AS x FROM open_texts'),
  statement(FIELDS, 'REGEXP over a field', "SELECT REGEXP(ab, '(a|b|ab)*c') AS x FROM open_texts"),
  statement(FIELDS, 'LIKE over a field', "SELECT ab LIKE CONCAT('%', ab, '_c%', ab) AS x FROM open_texts"),
  statement(FIELDS, 'decimal of a field', 'SELECT CAST(digits AS decimal(38, 10)) AS x FROM open_texts'),
  statement(FIELDS, 'REPLACE of a field by itself', "SELECT LEN(REPLACE(ab, 'a', ab)) AS x FROM open_texts"),
  statement(ODD, 'MIN and MAX', 'SELECT MIN(o) = MAX(o) AS x FROM open_odd', { prepare: oddOnes }),
  statement(ODD, 'MAX of groups', 'SELECT n % 100 AS k, MAX(o) = MIN(o) AS m FROM open_odd GROUP BY n % 100'),
  statement(ODD, 'groups of two keys', 'SELECT o, n, COUNT(*) AS c FROM open_odd GROUP BY o, n LIMIT 5'),
  statement(ODD, 'ORDER BY', 'SELECT n FROM open_odd ORDER BY o, n LIMIT 5'),
  ...[0, 1, 2].map((n) =>
    statement(
      ODD,
      `= the one of a subquery, ${n}`,
      `SELECT COUNT(*) AS c FROM open_odd WHERE o = (SELECT o FROM open_odd WHERE n = ${n})`,
    ),
  ),
  statement(
    ODD,
    'JOIN with < of them',
    'SELECT COUNT(*) AS c FROM open_odd AS a JOIN (SELECT o FROM open_odd WHERE n < 3) AS b ON a.o < b.o',
  ),
  statement(SCHEMAS, 'DESCRIBE of a tree', 'DESCRIBE TABLE open_node', { prepare: node }),
  statement(SCHEMAS, '__fields of a tree', "SELECT * FROM __fields WHERE `table` = 'open_node'"),
  statement(SCHEMAS, 'SELECT * of a tree', 'SELECT * FROM open_node'),
  statement(SCHEMAS, 'fields of a tree, 30 levels down', `SELECT ${'l.'.repeat(30)}v AS x FROM open_node`),
  statement(SCHEMAS, 'DESCRIBE of 28 levels of two fields', 'DESCRIBE TABLE open_levels', { prepare: deep }),
  statement(SCHEMAS, 'SELECT * of 28 levels', 'SELECT * FROM open_levels'),
  statement(SCHEMAS, 'COUNT over 28 levels', 'SELECT COUNT(*) FROM open_levels'),
  statement(SCHEMAS, '__fields of everything', 'SELECT COUNT(*) FROM __fields'),
  statement(SCHEMAS, 'SELECT * of 28 levels, as JDBC', 'SELECT * FROM open_levels', {
    run: async (target, patienceMs) =>
      judged(await ask(target, 'SELECT * FROM open_levels', patienceMs, TOKENS.mallory, JDBC)),
  }),
  rest('list of datasets', '/api/v1/datasets?pageSize=100'),
  rest('list of datasets, searched by field', '/api/v1/datasets?query=field&searchFields=true'),
  rest('dataset of a tree', '/api/v1/datasets/kafka/open_node'),
  rest('dataset of 28 levels', '/api/v1/datasets/kafka/open_levels'),
  rest('metadata of 28 levels', '/api/metadata/topics/open_levels'),
  rest('metadata of all', '/api/metadata/topics'),
]
