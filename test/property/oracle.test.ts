/**
 * Random queries over random tables, in JSON and in Avro: the rows are those of DuckDB, whether optimized or not,
 * whether in small batches or large ones; and any condition, its negation and its being NULL divide the rows of its
 * FROM. The long run is bench/differential.ts.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Expr, Query } from '../../src/sql/ast.ts'
import { printQuery } from '../../src/sql/print.ts'
import { newTally, QUERIES_A_ROUND, round } from '../support/differential.ts'
import { difference, duckInstance, type Rows, sluice } from '../support/oracle.ts'
import { memoryWorld } from '../support/memory-world.ts'
import { randomCondition } from '../support/random-queries.ts'
import { column, nameOf, typed } from '../support/random-expressions.ts'
import { Random, randomTable, topicOf } from '../support/random-tables.ts'

const SEED = 1
const ROUNDS = 30
const NOWHERE = { start: 0, end: 0 }

test(`${ROUNDS * QUERIES_A_ROUND} random queries: the rows of DuckDB (seeds from ${SEED})`, async () => {
  const instance = await duckInstance()
  const tally = newTally()
  for (let seed = SEED; seed < SEED + ROUNDS; seed++) await round(seed, tally, instance)
  instance.closeSync()
  assert.deepEqual(tally.findings, [], tally.findings.join('\n\n'))
  const skipped = `${tally.skipped} were not compared: ${[...tally.reasons].map(([why, n]) => `${n} ${why}`).join('; ')}`
  assert.ok(tally.skipped < (ROUNDS * QUERIES_A_ROUND) / 20, skipped)
})

test(`a random condition, its negation and its being NULL divide the rows (seeds from ${SEED})`, async () => {
  for (let seed = SEED; seed < SEED + 10; seed++) {
    const random = new Random(seed)
    const tables = ['alpha', 'beta'].map((name) => randomTable(name, random, 25))
    const world = memoryWorld(tables.map((t) => topicOf(t, 3)))
    for (let n = 0; n < 15; n++) {
      const { from, where } = randomCondition(tables, random)
      if (from.kind !== 'table' || from.alias === undefined) throw new Error('the condition stands on a table')
      const path = (name: string): Expr => column([from.alias?.text ?? '', '_meta', name], 'small')
      const rows = async (condition: Expr | undefined): Promise<Rows> => {
        const items = (['partition', 'offset'] as const).map(
          (name) => ({ kind: 'expr', expr: path(name), alias: [nameOf(name)], span: NOWHERE }) as const,
        )
        const body = {
          kind: 'select',
          distinct: false,
          items,
          from,
          where: condition,
          groupBy: [],
          span: NOWHERE,
        } as const
        const query: Query = { kind: 'query', with: [], body, orderBy: [], span: NOWHERE }
        const answer = await sluice(printQuery(query), ['partition', 'offset'], world, true)
        // A condition whose subquery cannot stand where it does is refused, in all three ways.
        return 'rows' in answer ? answer.rows : [['error' in answer ? answer.error.split('\n')[0] : 'cut']]
      }
      const negation = typed({ kind: 'unary', op: 'not', operand: where, span: NOWHERE }, 'boolean')
      const unknown = typed({ kind: 'isNull', operand: where, negated: false, span: NOWHERE }, 'boolean')
      const parts = [await rows(where), await rows(negation), await rows(unknown)]
      const refused = parts.filter((p) => /names of both sides of an outer join/.test(String(p[0]?.[0] ?? '')))
      if (refused.length === 3) continue
      const truth = async (truth: 'true' | 'false' | 'unknown', negated: boolean) => {
        return await rows(typed({ kind: 'isTruth', operand: where, truth, negated, span: NOWHERE }, 'boolean'))
      }
      const said = `seed ${seed}, condition ${n}: SELECT … FROM ${from.name.text} AS ${from.alias.text}: ${printQuery(whereOnly(from, where))}`
      assert.equal(difference(parts.flat(), await rows(undefined), false), undefined, said)
      for (const [i, of] of (['true', 'false', 'unknown'] as const).entries()) {
        assert.equal(difference(await truth(of, false), parts[i], false), undefined, `IS ${of}: ${said}`)
        assert.equal(
          difference(await truth(of, true), parts.filter((_, at) => at !== i).flat(), false),
          undefined,
          `IS NOT ${of}: ${said}`,
        )
      }
    }
    world.catalog.close()
  }
})

function whereOnly(from: Extract<Query['body'], { kind: 'select' }>['from'], where: Expr): Query {
  const body = {
    kind: 'select',
    distinct: false,
    items: [{ kind: 'star', path: [], span: NOWHERE }],
    from,
    where,
    groupBy: [],
    span: NOWHERE,
  } as const
  return { kind: 'query', with: [], body, orderBy: [], span: NOWHERE }
}
