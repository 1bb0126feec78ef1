/** One attack after the other, with a neighbour beside each; the server is started anew when it has not survived. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type Attack, type Told, V2 } from './attack.ts'
import type { Seen } from './prober.ts'
import { peakMiB, startTarget, type Target, TOKENS, type World } from './world.ts'

export interface Times {
  readonly p50: number
  readonly p99: number
}

export interface Result {
  readonly kind: string
  readonly name: string
  readonly told: Told
  readonly query: Times
  readonly health: Times
  /** What of the neighbour's went wrong. */
  readonly failed: readonly string[]
  readonly peakMiB: number
  readonly alive: boolean
}

export interface Options {
  /** How long an attacker waits for an answer. */
  readonly patienceMs: number
  /** How long the neighbour is watched once an attack is over. */
  readonly settleMs: number
  /** How long a new server is left alone with the neighbour: its threads start, and its caches fill. */
  readonly warmMs: number
  /** A server that has held more than this is not the next attack's. */
  readonly freshMiB: number
}

/** Runs all; `report` is told of each. */
export async function runAttacks(
  world: World,
  attacks: readonly Attack[],
  options: Options,
  report: (result: Result) => void,
): Promise<Result[]> {
  await world.topic(
    'small',
    Array.from({ length: 10 }, (_, n) => ({ value: JSON.stringify({ n }) })),
  )
  for (const { prepare } of attacks) await prepare?.(world)
  const results: Result[] = []
  let target: Target | undefined
  let prober: ChildProcess | undefined
  try {
    for (const attack of attacks) {
      if (target === undefined || prober === undefined) {
        target = await startTarget(world)
        prober = fork(join(import.meta.dirname, 'prober.ts'), [target.url, V2, TOKENS.bob])
        // The first answers are those of caches that fill.
        prober.send('begin')
        await new Promise((resolve) => setTimeout(resolve, options.warmMs))
      }
      const result = await runOne(target, prober, attack, options)
      results.push(result)
      report(result)
      // What one has left behind is not counted against the next.
      if (!result.alive || result.peakMiB > options.freshMiB) {
        prober.kill()
        await target.stop()
        target = undefined
      }
    }
  } finally {
    prober?.kill()
    await target?.stop()
  }
  return results
}

async function runOne(
  target: Target,
  prober: ChildProcess,
  attack: Attack,
  { patienceMs, settleMs }: Options,
): Promise<Result> {
  peakMiB(target.pid)
  prober.send('begin')
  const told = await attack
    .run(target, patienceMs)
    .catch((cause: unknown): Told => ({ text: `the attack failed: ${String(cause)}`, right: false }))
  await new Promise((resolve) => setTimeout(resolve, settleMs))
  const answer = once(prober, 'message')
  prober.send('end')
  const [seen] = (await answer) as [Seen]
  return {
    kind: attack.kind,
    name: attack.name,
    told,
    query: times(seen.query),
    health: times(seen.health),
    failed: seen.failed,
    peakMiB: peakMiB(target.pid),
    alive: target.alive(),
  }
}

function times(ms: readonly number[]): Times {
  const sorted = [...ms].sort((a, b) => a - b)
  const at = (part: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0)
  return { p50: at(0.5), p99: at(0.99) }
}
