/**
 * Random conditions over random records, in memory: the rows of a condition are those that a plain evaluator keeps,
 * with and without the optimizer, in JSON and in Avro; and a condition, its negation and its being NULL divide all rows
 * among them. Offsets have holes, timestamps are in no order, ranges cut batches.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { runRequest } from '../../src/engine/request.ts'
import type { MemoryWorld } from '../support/memory-world.ts'
import { condition, ROWS, type Row, randomWorld, SEED } from '../support/random-conditions.ts'

async function kept(where: string, topic: string, optimize: boolean, on: MemoryWorld): Promise<string[]> {
  const found: string[] = []
  const sql = `SELECT _meta.partition AS p, _meta.offset AS o FROM ${topic} WHERE ${where}`
  const send = (frame: string): void => {
    const { type, data } = JSON.parse(frame) as { type: string; data: { value: { p: number; o: number } } }
    if (type === 'RECORD') found.push(`${data.value.p}/${data.value.o}`)
    else if (type !== 'METADATA') assert.fail(`${sql}\n${frame}`)
  }
  const { catalog, log } = on
  await runRequest(
    { sql, live: false },
    { catalog, log, rulesOff: optimize ? undefined : 'all' },
    { send, drained: () => undefined },
    new AbortController().signal,
  )
  return found.sort()
}

const expected = (keep: (row: Row) => boolean): string[] =>
  ROWS.filter(keep)
    .map((r) => `${r.partition}/${r.offset}`)
    .sort()

test(`conditions keep what a plain evaluator keeps (seed ${SEED})`, async () => {
  const on = randomWorld()
  await fc.assert(
    fc.asyncProperty(condition, async ({ sql, holds }) => {
      for (const topic of ['js', 'av']) {
        for (const optimize of [true, false]) {
          assert.deepEqual(
            await kept(sql, topic, optimize, on),
            expected((row) => holds(row) === true),
            `${topic} WHERE ${sql} ${optimize ? '' : 'as bound'}`,
          )
        }
      }
    }),
    { seed: SEED, numRuns: 250 },
  )
  on.catalog.close()
})

test(`a condition, its negation and its being NULL divide the rows (seed ${SEED})`, async () => {
  const on = randomWorld()
  await fc.assert(
    fc.asyncProperty(condition, fc.constantFrom('js', 'av'), async ({ sql }, topic) => {
      const parts = await Promise.all(
        [sql, `NOT (${sql})`, `(${sql}) IS NULL`].map((where) => kept(where, topic, true, on)),
      )
      assert.deepEqual(
        parts.flat().sort(),
        expected(() => true),
        `${topic} WHERE ${sql}`,
      )
      for (const [i, truth] of ['TRUE', 'FALSE', 'UNKNOWN'].entries()) {
        assert.deepEqual(
          await kept(`(${sql}) IS ${truth}`, topic, true, on),
          parts[i],
          `${topic} WHERE (${sql}) IS ${truth}`,
        )
        const others = parts.filter((_, at) => at !== i).flat()
        assert.deepEqual(
          (await kept(`(${sql}) IS NOT ${truth}`, topic, true, on)).sort(),
          others.sort(),
          `${topic} WHERE (${sql}) IS NOT ${truth}`,
        )
      }
    }),
    { seed: SEED + 1, numRuns: 150 },
  )
  on.catalog.close()
})
