/**
 * The long run of random queries against DuckDB: node bench/differential.ts [QUERIES] [SEED]. Prints what it finds,
 * then counts; the exit code says whether anything differs. The short run is test/property/oracle.test.ts.
 */
import { newTally, QUERIES_A_ROUND, round } from '../test/support/differential.ts'
import { duckInstance } from '../test/support/oracle.ts'

const count = Number(process.argv[2] ?? 100_000)
const first = Number(process.argv[3] ?? 1)
const started = Date.now()
const instance = await duckInstance()
const tally = newTally()
let told = 0
for (let seed = first; tally.same + tally.skipped + tally.findings.length < count; seed++) {
  await round(seed, tally, instance)
  for (; told < tally.findings.length; told++) console.log(`${tally.findings[told]}\n`)
  if ((seed - first + 1) % 200 === 0)
    console.log(
      `… ${(seed - first + 1) * QUERIES_A_ROUND} queries, ${Math.round((Date.now() - started) / 1000)} s, ${told} findings`,
    )
}
const seconds = (Date.now() - started) / 1000
console.log(
  `${tally.same} the same, ${tally.skipped} skipped, ${tally.findings.length} different, seeds from ${first}, ${seconds.toFixed(1)} s`,
)
for (const [why, n] of [...tally.reasons].sort((x, y) => y[1] - x[1])) console.log(`  skipped ${n}: ${why}`)
instance.closeSync()
process.exitCode = tally.findings.length === 0 ? 0 : 1
