/**
 * Which golden cases are not handed over to Flink, and why: found out in memory, without a Flink. Kept in
 * `test/flink/refused.txt`, a reason a line with the cases below it.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { OtherEngine } from '../../src/engine/host.ts'
import { createFlinkEngine } from '../../src/flink/flink-engine.ts'
import { SqlError } from '../../src/sql/error.ts'

/** The list. */
export const REFUSED_FILE = join(import.meta.dirname, '..', 'flink', 'refused.txt')

/** `file:line` of the cases in the list. */
export const refusedCases: ReadonlySet<string> = new Set(
  readFileSync(REFUSED_FILE, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('    '))
    .map((line) => line.trim().split(' ', 1)[0]),
)

/**
 * An engine that translates what it is given, tells what came of it, or the reason where it cannot, and leaves the
 * statement here.
 */
export function translatingOnly(told: (reason: string | undefined, translated: string) => void): OtherEngine {
  const flink = createFlinkEngine(
    { gateway: 'http://127.0.0.1:9' },
    { brokers: ['127.0.0.1:9'] },
    { url: 'http://127.0.0.1:9' },
  )
  return {
    handOver: async (plan, context) => {
      try {
        told(undefined, (await flink.explain(plan, context)).join('\n'))
      } catch (cause) {
        if (!(cause instanceof SqlError)) throw cause
        told(cause.message.replace(/^Not handed over to Flink\. /, ''), '')
      }
      return undefined
    },
    explain: (plan, context, into) => flink.explain(plan, context, into),
  }
}
