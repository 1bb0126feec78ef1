/**
 * `npm test`: everything that this machine can run. Types, lint, import rules; all tests under test/; with Java and
 * Maven also those against a real Kafka and a real schema registry, which are started once for all of them. At the end
 * it says what was skipped and why.
 *
 *   npm test                                 everything
 *   npm test -- --require-all                a skipped test is a failure (as on a build machine)
 *   npm test -- --update                     golden files are written anew instead of compared; read the difference
 *   before keeping it
 *   npm test -- --verbose                    every test is named, not only those of files in which something failed
 *   npm test -- test/e2e/smoke.test.ts …     only these files (or those under these folders), without types and lint
 */
import { relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { startCluster } from '../test/e2e/cluster.ts'
import { projectFolder } from './provision.ts'
import { nothingYet, type Outcome, runTests, testFiles } from './run-tests.ts'
import { staticChecks } from './static-checks.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'require-all': { type: 'boolean', default: false },
    update: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
})
if (values.update) process.env.SLUICE_UPDATE = '1'
if (values['require-all']) process.env.SLUICE_REQUIRE_ALL = '1'

const wanted = positionals.map((path) => relative(projectFolder, resolve(path)).replaceAll('\\', '/'))
const isWanted = (path: string) =>
  wanted.length === 0 || wanted.some((prefix) => path === prefix || path.startsWith(`${prefix}/`))
const needsCluster = (path: string) => path.startsWith('test/e2e/')
const isPackage = (path: string) => path.startsWith('test/package/')

const outcome = nothingYet()
const failures = wanted.length === 0 ? await staticChecks() : []
await runTests(
  testFiles((path) => isWanted(path) && !needsCluster(path) && !isPackage(path)),
  { concurrency: 2, timeoutMs: 300_000, verbose: values.verbose },
  outcome,
)
await runTests(
  testFiles((path) => isWanted(path) && isPackage(path)),
  { concurrency: 1, timeoutMs: 600_000, verbose: values.verbose },
  outcome,
)
await runAgainstCluster(
  testFiles((path) => isWanted(path) && needsCluster(path)),
  outcome,
)
summarize(outcome, failures)

async function runAgainstCluster(files: readonly string[], result: Outcome): Promise<void> {
  if (files.length === 0) return
  const cluster = await startCluster().catch((error: Error) => error)
  if (cluster instanceof Error) {
    console.log(`\n✖ the real Kafka and registry did not start: ${cluster.message}`)
    failures.push('real Kafka and registry')
    return
  }
  if (cluster.skip === false)
    console.log(
      `\nreal Kafka at ${cluster.kafka.bootstrap} (${cluster.kafka.startedMs} ms), real registry at ${cluster.registry.root}`,
    )
  process.env.SLUICE_TEST_CLUSTER = JSON.stringify(cluster)
  await runTests(files, { concurrency: 1, timeoutMs: 1_500_000, verbose: values.verbose }, result)
}

function summarize({ passed, failed, skipped }: Outcome, failedChecks: readonly string[]): void {
  const reasons = Map.groupBy(skipped, ({ reason }) => reason)
  if (reasons.size > 0)
    console.log(values['require-all'] ? '\nSkipped, which --require-all does not allow:' : '\nSkipped:')
  for (const [reason, tests] of reasons) {
    console.log(`  ${reason}`)
    for (const { file, name } of tests) console.log(`    ${file}: ${name}`)
  }
  if (failedChecks.length > 0) console.log(`\nFailed besides tests: ${failedChecks.join(', ')}`)
  const bad = failed + failedChecks.length + (values['require-all'] ? skipped.length : 0)
  console.log(`\n${passed} passed, ${bad} failed, ${skipped.length} skipped`)
  process.exit(bad > 0 || passed === 0 ? 1 : 0)
}
