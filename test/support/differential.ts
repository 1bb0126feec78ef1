/**
 * Rounds of random queries: new tables, some queries over them, each compared; what differs is made smaller and told so
 * that it can be asked again by its seed. The short run is a test (test/property/oracle.test.ts), the long one a bench
 * (bench/differential.ts).
 */
import type { DuckDBInstance } from '@duckdb/node-api'
import type { Query } from '../../src/sql/ast.ts'
import { printQuery } from '../../src/sql/print.ts'
import { compare, databases, duckInstance } from './oracle.ts'
import { duckQuery } from './oracle-text.ts'
import { randomQuery } from './random-queries.ts'
import { duckTable, Random, randomTable, type RandomTable } from './random-tables.ts'
import { shrink } from './shrink-query.ts'

export const QUERIES_A_ROUND = 50

type Ways = Parameters<typeof compare>[2]
/** Taken in turn: each has to give what DuckDB gives, so all give the same. */
const WAYS: Ways = [
  { world: 'small', optimize: true },
  { world: 'small', optimize: false },
  { world: 'large', optimize: true },
]

export interface Tally {
  same: number
  skipped: number
  readonly reasons: Map<string, number>
  readonly findings: string[]
}

export function newTally(): Tally {
  return { same: 0, skipped: 0, reasons: new Map(), findings: [] }
}

/** One round: what a seed gives is always the same. The first of `QUERIES_A_ROUND` queries is number 0. */
export async function round(
  seed: number,
  tally: Tally,
  instance: DuckDBInstance,
  queries = QUERIES_A_ROUND,
): Promise<void> {
  const random = new Random(seed)
  const tables = ['alpha', 'beta', 'gamma'].map((name) => randomTable(name, random, random.pick([6, 20, 60])))
  const on = await databases(tables, instance)
  try {
    for (let n = 0; n < queries; n++) {
      const { query } = randomQuery(tables, random)
      const ways = [WAYS[n % WAYS.length]]
      const verdict = await compare(query, on, ways)
      if (verdict.kind === 'same') tally.same++
      else if (verdict.kind === 'skipped') {
        tally.skipped++
        const why = (verdict.why ?? '')
          .split('\n')[0]
          .replace(/["'].*?["']|\d+/g, '…')
          .slice(0, 110)
        tally.reasons.set(why, (tally.reasons.get(why) ?? 0) + 1)
      } else tally.findings.push(await told(seed, n, query, tables, ways))
    }
  } finally {
    on.close()
  }
}

/** A finding as text: where it comes from, what is left of it, both statements, the rows. */
async function told(
  seed: number,
  n: number,
  query: Query,
  tables: readonly RandomTable[],
  ways: Parameters<typeof compare>[2],
): Promise<string> {
  const instance = await duckInstance()
  let last = ''
  const fails = async (q: Query, t: readonly RandomTable[]): Promise<boolean> => {
    const on = await databases(t, instance)
    try {
      const verdict = await compare(q, on, ways)
      if (verdict.kind === 'different') last = verdict.why ?? ''
      return verdict.kind === 'different'
    } finally {
      on.close()
    }
  }
  await fails(query, tables)
  const kind = kindOf(last)
  const small = await shrink(query, tables, async (q, t) => (await fails(q, t)) && kindOf(last) === kind)
  await fails(small.query, small.tables)
  instance.closeSync()
  const used = small.tables.filter((t) => printQuery(small.query).includes(t.name))
  return [
    `seed ${seed}, query ${n}: ${last}`,
    `  Sluice: ${printQuery(small.query)}`,
    `  DuckDB: ${duckQuery(small.query)}`,
    ...used.flatMap((t) => [
      `  ${t.format} ${t.partitions} partitions`,
      ...duckTable(t)
        .slice(1)
        .map((s) => `  ${s.slice(0, 1500)}`),
    ]),
  ].join('\n')
}

/** Errors are told apart from rows, so that shrinking does not leave one for another. */
function kindOf(why: string): string {
  return /rows, not|is not expected|row \d+ is/.test(why) ? 'rows' : why.split('\n')[0].replace(/["'].*?["']|\d+/g, '')
}
