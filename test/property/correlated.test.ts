/**
 * Correlated subqueries over three small tables with NULLs in them: the same rows for random queries as DuckDB and
 * SQLite give. Subqueries are tied by any comparison, stand in any clause and in each other, aggregate, group, order,
 * limit, and are put together by set operations. Where the two differ one of them is wrong (DuckDB 1.x loses rows of
 * some EXISTS over two levels), and the rows have to be those of the other; what only one of them takes is compared
 * with that one.
 */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { runRequest } from '../../src/engine/request.ts'
import { memoryWorld } from '../support/memory-world.ts'
import { duckInstance } from '../support/oracle.ts'
import { Random } from '../support/random-tables.ts'

const SEED = Number(process.env.SLUICE_SEED ?? 20261121)
const QUERIES = Number(process.env.SLUICE_QUERIES ?? 600)
const QUERIES_A_WORLD = 50
const TABLES = ['a', 'b', 'c'] as const
const COLUMNS = ['x', 'y', 'id'] as const

const random = new Random(SEED)
const below = (n: number): number => random.int(0, n - 1)
const pick = <T>(items: readonly T[]): T => items[below(items.length)]
const often = (oneIn: number): boolean => below(oneIn) === 0
const not = (): string => pick(['', 'NOT '])
const comparison = (): string => pick(['=', '=', '<', '>', '<>', '<=', '>='])

/** A query inside of others: its own table, and the tables of the queries around it, the nearest first. */
interface Place {
  readonly own: string
  readonly around: readonly string[]
  /** What may be named of the outermost: all columns, or what it is grouped by. */
  readonly outermost: readonly string[]
}

let names = 0
const inside = (place: Place): Place => ({ ...place, own: `t${names++}`, around: [place.own, ...place.around] })

const column = (of: string, place: Place): string => `${of}.${pick(of === 'o' ? place.outermost : COLUMNS)}`
const own = (place: Place): string => `${place.own}.${pick(COLUMNS)}`
const outer = (place: Place): string => column(pick(place.around), place)
/** A value of the own table, now and then together with one from outside. */
const value = (place: Place): string => (often(5) ? `${own(place)} + ${outer(place)}` : own(place))

function condition(place: Place, depth: number): string {
  const n = below(11)
  if (n < 5) return `${own(place)} ${comparison()} ${outer(place)}`
  if (n === 5) return `${own(place)} > ${below(4)}`
  if (n === 6) return `${outer(place)} ${comparison()} ${below(4)}`
  if (n === 7) return `(${own(place)} = ${outer(place)} OR ${own(place)} IS NULL)`
  if (n === 8 && depth > 0) return `${own(place)} ${comparison()} ${scalar(place, depth - 1)}`
  return depth > 0 ? predicate(place, depth - 1) : `${own(place)} ${comparison()} ${outer(place)} + ${own(place)}`
}

const where = (place: Place, depth: number): string =>
  Array.from({ length: 1 + below(2) }, () => condition(place, depth)).join(' AND ')

function from(place: Place): string {
  const table = `FROM ${often(6) ? derived(place) : pick(TABLES)} ${place.own}`
  if (!often(6)) return table
  const joined = `j${names++}`
  const on = `${joined}.${pick(COLUMNS)} = ${own(place)}${often(2) ? ` AND ${joined}.${pick(COLUMNS)} ${comparison()} ${outer(place)}` : ''}`
  // Of one side: both are refused.
  const further = often(4) ? ` AND ${predicate({ ...place, own: pick([joined, place.own]), around: [] }, 0)}` : ''
  return `${table} ${pick(['JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN'])} ${pick(TABLES)} ${joined} ON ${on}${further}`
}

/** A query in FROM that uses the queries around it. */
function derived(place: Place): string {
  const inner: Place = { ...place, own: `t${names++}` }
  const { own: n } = inner
  const base = `FROM ${pick(TABLES)} ${n} WHERE ${n}.${pick(COLUMNS)} ${comparison()} ${outer(inner)}`
  return pick([
    () => `(SELECT ${n}.id, ${n}.x, ${n}.y ${base})`,
    () => `(SELECT ${n}.id, ${n}.x, ${outer(inner)} AS y ${base}${ordered([own(inner), `${n}.id`])}${limit(2)})`,
    () => `(SELECT count(*) AS id, ${n}.x AS x, max(${n}.y) AS y ${base} GROUP BY ${n}.x)`,
    () => `(SELECT count(*) AS id, min(${n}.x) AS x, sum(${value(inner)}) AS y ${base})`,
    () => `(SELECT ${n}.id, ${n}.x, ${n}.y ${base} UNION SELECT 1, ${outer(inner)}, 2)`,
  ])()
}

const rest = (place: Place, depth: number): string => `${from(place)} WHERE ${where(place, depth)}`

function aggregate(place: Place): string {
  const filter = often(5) ? ` FILTER (WHERE ${own(place)} ${comparison()} ${outer(place)})` : ''
  return pick([
    () => `count(*)${filter}`,
    () => `count(${value(place)})${filter}`,
    () => `count(DISTINCT ${own(place)})`,
    () => `sum(${value(place)})${filter}`,
    () => `min(${value(place)})`,
    () => `max(${own(place)})`,
    () => `avg(${value(place)})`,
  ])()
}

const having = (place: Place): string =>
  often(4) ? ` HAVING ${aggregate(place)} ${comparison()} ${often(2) ? outer(place) : below(4)}` : ''
/**
 * Numbers of all sorts have one order, and NULL is told its place: what is ordered by every column has one order only.
 */
const ordered = (exprs: readonly string[]): string =>
  ` ORDER BY ${exprs.map((e) => `${e} ${pick(['ASC', 'DESC'])} NULLS ${pick(['FIRST', 'LAST'])}`).join(', ')}`
const limit = (count: number): string => ` LIMIT ${count}${often(2) ? ` OFFSET ${below(3)}` : ''}`

/** One row at most. */
function scalar(around: Place, depth: number): string {
  const place = inside(around)
  switch (below(6)) {
    case 0:
      return `(SELECT ${value(place)} FROM ${pick(TABLES)} ${place.own} WHERE ${where(place, depth)}${ordered([own(place), `${place.own}.id`])}${limit(1)})`
    case 1: {
      const key = own(place)
      const total = aggregate(place)
      return `(SELECT ${pick([key, total])} ${rest(place, depth)} GROUP BY ${key}${having(place)}${ordered([total, key])}${limit(1)})`
    }
    case 2:
      return `(SELECT ${aggregate(place)} + ${outer(place)} ${rest(place, depth)})`
    default:
      return `(SELECT ${aggregate(place)} ${rest(place, depth)}${having(place)})`
  }
}

/** One column of any number of rows. */
function column1(around: Place, depth: number): string {
  const place = inside(around)
  const n = below(8)
  if (n === 0)
    return `SELECT ${value(place)} FROM ${pick(TABLES)} ${place.own} WHERE ${where(place, depth)}${ordered([own(place), `${place.own}.id`])}${limit(1 + below(3))}`
  if (n === 1)
    return `SELECT DISTINCT ${value(place)} ${rest(place, depth)}${often(3) ? `${ordered(['1'])} LIMIT 2` : ''}`
  if (n === 2)
    return `SELECT ${pick([aggregate(place), 'max(1)'])} ${rest(place, depth)} GROUP BY ${own(place)}${having(place)}`
  if (n === 3) {
    const other = inside(around)
    const op = pick(['UNION', 'UNION ALL', 'EXCEPT', 'INTERSECT', 'EXCEPT ALL', 'INTERSECT ALL'])
    return `SELECT ${own(place)} ${rest(place, depth)} ${op} SELECT ${own(other)} ${rest(other, 0)}${often(3) ? `${ordered(['1'])}${limit(2)}` : ''}`
  }
  if (n === 4) return `SELECT ${aggregate(place)} ${rest(place, depth)}${having(place)}`
  return `SELECT ${value(place)} ${rest(place, depth)}`
}

function predicate(place: Place, depth: number): string {
  switch (below(4)) {
    case 0:
      return `${not()}EXISTS (${column1(place, depth)})`
    case 1:
      return `${often(6) ? scalar(place, depth) : column(place.own, place)} ${not()}IN (${column1(place, depth)})`
    case 2:
      return `${scalar(place, depth)} ${comparison()} ${below(3)}`
    default:
      return `${not()}EXISTS (SELECT * ${rest(inside(place), depth)})`
  }
}

function query(): string {
  names = 0
  const depth = below(3)
  const all: Place = { own: 'o', around: [], outermost: COLUMNS }
  switch (below(6)) {
    case 0:
      return `SELECT o.id AS i FROM a o WHERE ${predicate(all, depth)} ORDER BY o.id`
    case 1:
      return `SELECT o.id AS i, ${scalar(all, depth)} AS v, ${often(2) ? scalar(all, depth) : predicate(all, depth)} AS w FROM a o ORDER BY o.id`
    case 2:
      return `SELECT o.id AS i FROM a o ORDER BY ${scalar(all, depth)} NULLS FIRST, o.id`
    case 3:
      return `SELECT o.id AS i, CASE WHEN ${predicate(all, depth)} THEN ${scalar(all, depth)} ELSE -1 END AS v FROM a o WHERE ${predicate(all, 0)} OR o.x > 1 ORDER BY o.id`
    case 4: {
      if (often(3)) {
        const join = `a o ${pick(['LEFT JOIN', 'FULL JOIN'])} b p ON o.x = p.y AND ${predicate({ ...all, own: pick(['o', 'p']) }, depth)}`
        return `SELECT o.id AS i, p.id AS v FROM ${join} ORDER BY o.id NULLS FIRST, p.id NULLS FIRST`
      }
      const grouped: Place = { ...all, outermost: ['x'] }
      return `SELECT o.x AS i, count(*) AS v, ${scalar(grouped, depth)} AS w FROM a o GROUP BY o.x HAVING ${predicate(grouped, depth)} ORDER BY o.x NULLS LAST`
    }
    default:
      return `SELECT o.id AS i, ${predicate(all, depth)} AS v FROM a o ORDER BY o.id`
  }
}

/** Sums of DuckDB are bigints, averages may differ in the last digit, and SQLite has no booleans. */
function plain(_: string, v: unknown): unknown {
  if (typeof v === 'bigint' || typeof v === 'boolean') return Number(v)
  return typeof v === 'number' && !Number.isInteger(v) ? Number(v.toPrecision(12)) : v
}

/** The rows of a statement as text. */
async function rowsOf(sql: string, world: ReturnType<typeof memoryWorld>, optimize: boolean): Promise<string> {
  const found: unknown[] = []
  const send = (frame: string): void => {
    const { type, data } = JSON.parse(frame) as { type: string; data: { value?: unknown } | string }
    assert.notEqual(type, 'ERROR', `${sql}: ${JSON.stringify(data)}`)
    if (type === 'RECORD' && typeof data === 'object') found.push(data.value)
  }
  const done = runRequest(
    { sql, live: false },
    { catalog: world.catalog, log: world.log, rulesOff: optimize ? undefined : 'all' },
    { send, drained: () => undefined },
    new AbortController().signal,
  )
  await done.catch((e: unknown) => assert.fail(`${sql}: ${String(e)}`))
  return JSON.stringify(found, plain)
}

test(`correlated subqueries give the rows of SQLite and DuckDB (seed ${SEED})`, async () => {
  const instance = await duckInstance()
  const duck = await instance.connect()
  const byDuck = (sql: string): Promise<string | undefined> =>
    duck.runAndReadAll(sql).then(
      (r) => JSON.stringify(r.getRowObjects(), plain),
      () => undefined,
    )
  const counted = { both: 0, differ: 0, one: 0, none: 0 }
  for (let asked = 0; asked < QUERIES; ) {
    const lite = new DatabaseSync(':memory:')
    const byLite = (sql: string): string | undefined => {
      try {
        return JSON.stringify(lite.prepare(sql).all(), plain)
      } catch {
        return undefined
      }
    }
    const cell = (): number | null => (often(5) ? null : below(4))
    const rows = TABLES.map(() => Array.from({ length: below(9) }, (_, id) => ({ id, x: cell(), y: cell() })))
    for (const [i, name] of TABLES.entries()) {
      const values = rows[i].map((r) => `(${r.id}, ${r.x ?? 'NULL'}, ${r.y ?? 'NULL'})`).join(', ')
      const setup = [
        `DROP TABLE IF EXISTS ${name}`,
        `CREATE TABLE ${name} (id INT, x INT, y INT)`,
        ...(values === '' ? [] : [`INSERT INTO ${name} VALUES ${values}`]),
      ]
      for (const sql of setup) {
        await duck.run(sql)
        lite.exec(sql)
      }
    }
    const world = memoryWorld(
      TABLES.map((name, i) => ({
        name,
        records: rows[i].map((r) => ({
          partition: 0,
          timestampMs: 1,
          key: null,
          value: { json: r, text: JSON.stringify(r) },
        })),
      })),
    )
    for (let i = 0; i < QUERIES_A_WORLD; i++, asked++) {
      const sql = query()
      const [first, second] = [byLite(sql), await byDuck(sql)]
      const answers = [first, second].filter((answer) => answer !== undefined)
      counted[answers.length === 0 ? 'none' : answers.length === 1 ? 'one' : first === second ? 'both' : 'differ']++
      const found = await rowsOf(sql, world, asked % 3 !== 0)
      if (answers.length > 0 && !answers.includes(found))
        assert.equal(
          found,
          answers[0],
          `${sql}\n${JSON.stringify(Object.fromEntries(TABLES.map((name, t) => [name, rows[t]])))}`,
        )
    }
    world.catalog.close()
    lite.close()
  }
  assert.ok(
    counted.both > QUERIES / 2 && counted.differ < QUERIES / 50 && counted.none < QUERIES / 20,
    `compared with: ${JSON.stringify(counted)}`,
  )
  duck.closeSync()
  instance.closeSync()
})
