/**
 * `npm run attack`: every attack on the real server program, with a neighbour who asks small things all the while; what
 * each was told, how long the neighbour waited, how much memory the server took. Writes RESULTS.md.
 *
 *   npm run attack                    on a real Kafka and registry
 *   npm run attack -- --sandbox       on the embedded broker
 *   npm run attack -- --only TEXT     only those whose kind or name has the text; nothing is written
 *   npm run attack -- --anew          a server of its own for each
 *   npm run attack -- --patience 20   seconds that an attacker waits for an answer; 60 by default
 */
import { writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { machineName } from '../server.ts'
import { ATTACKS } from './all.ts'
import type { Attack } from './attack.ts'
import { type Result, runAttacks } from './run.ts'
import { kafkaWorld, sandboxWorld } from './world.ts'

const SETTLE_MS = 1000
const WARM_MS = 6000
const FRESH_MIB = 700
/** What is promised. */
const MOST_MS = 250
const MOST_MIB = 1024

const { values } = parseArgs({
  options: {
    sandbox: { type: 'boolean', default: false },
    only: { type: 'string' },
    anew: { type: 'boolean', default: false },
    patience: { type: 'string', default: '60' },
  },
})

/** Whatever else the machine does counts in the times. */
const loadBefore = loadavg()[0].toFixed(1)
const NOTHING: Attack = {
  kind: 'Nothing',
  name: 'for comparison: no attack',
  run: async () => {
    await new Promise((resolve) => setTimeout(resolve, 5000))
    return { text: '', right: true }
  },
}
const { only } = values
const chosen = only === undefined ? ATTACKS : ATTACKS.filter(({ kind, name }) => `${kind} ${name}`.includes(only))
const world = await (values.sandbox ? sandboxWorld() : kafkaWorld())
try {
  // What one prepares is there for others.
  for (const attack of ATTACKS) if (!chosen.includes(attack)) await attack.prepare?.(world)
  const results = await runAttacks(
    world,
    [NOTHING, ...chosen],
    {
      patienceMs: Number(values.patience) * 1000,
      settleMs: SETTLE_MS,
      warmMs: WARM_MS,
      freshMiB: values.anew ? 0 : FRESH_MIB,
    },
    (result) => console.log(line(result)),
  )
  if (only === undefined) writeFileSync(join(import.meta.dirname, 'RESULTS.md'), page(results))
  const bad = results.filter((result) => problems(result).length > 0)
  console.log(`\n${results.length} attacks, ${bad.length} with something to mend`)
} finally {
  await world.close()
}
process.exit(0)

/** What is not as it should be. */
function problems({ told, query, health, failed, peakMiB, alive }: Result): string[] {
  return [
    ...(alive ? [] : ['the server ended']),
    ...(told.right ? [] : ['what the attacker is told']),
    ...(query.p99 <= MOST_MS ? [] : ['the neighbour waits']),
    ...(health.p99 <= MOST_MS ? [] : ['/health waits']),
    ...(failed.length === 0 ? [] : [`${failed.length} of the neighbour's failed`]),
    ...(peakMiB <= MOST_MIB || Number.isNaN(peakMiB) ? [] : ['memory']),
  ]
}

function line(result: Result): string {
  const { kind, name, told, query, health, peakMiB } = result
  const wrong = problems(result)
  const times = `query ${query.p50}/${query.p99} ms, health ${health.p50}/${health.p99} ms, ${peakMiB} MiB`
  const failure = result.failed.length > 0 ? `\n    neighbour: ${result.failed[0].slice(0, 200)}` : ''
  return `${wrong.length === 0 ? '✔' : '✖'} ${kind}: ${name}\n    ${told.text}\n    ${times}${wrong.length > 0 ? `\n    → ${wrong.join(', ')}` : ''}${failure}`
}

function page(results: readonly Result[]): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
  const rows = results.map((result) => {
    const { kind, name, told, query, health, peakMiB } = result
    const wrong = problems(result)
    return `| ${cell(kind)} | ${cell(name)} | ${cell(told.text)} | ${query.p50} / ${query.p99} | ${health.p50} / ${health.p99} | ${peakMiB} | ${wrong.length === 0 ? 'yes' : cell(wrong.join(', '))} |`
  })
  return `# Attacks

Made by \`npm run attack${values.sandbox ? ' -- --sandbox' : ''}\` on ${machineName()} (load ${loadBefore} before, ${loadavg()[0].toFixed(1)} at the end), over ${world.name}; the broker, the attacker and the neighbour are on the same machine.
While each attack runs, another account asks \`SELECT 1 AS one\` and \`SELECT * FROM small LIMIT 1\`, and somebody asks \`/health\`, each ten times a second. Promised: the 99th percentile of both at most ${MOST_MS} ms, resident memory of the server with its workers at most ${MOST_MIB} MiB, the process lives, nothing of the neighbour's fails, and the attacker gets an ERROR about the statement, a refusal, or an answer.

| kind | attack | what the attacker is told | query, p50 / p99 ms | /health, p50 / p99 ms | peak MiB | as promised |
|---|---|---|---|---|---|---|
${rows.join('\n')}
`
}
