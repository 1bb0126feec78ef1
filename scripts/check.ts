/**
 * `npm run check`: types, lint, import rules and the fast tests; under a minute. The tests that need real Kafka, and
 * the packed package, are left to `npm test`.
 */
import { nothingYet, runTests, testFiles } from './run-tests.ts'
import { staticChecks } from './static-checks.ts'

const failed = await staticChecks()
const outcome = nothingYet()
await runTests(
  testFiles((path) => !/^test\/(e2e|package)\//.test(path)),
  { concurrency: 2, timeoutMs: 120_000 },
  outcome,
)
if (failed.length > 0) console.log(`failed: ${failed.join(', ')}`)
console.log(`${outcome.passed} passed, ${outcome.failed + failed.length} failed, ${outcome.skipped.length} skipped`)
process.exitCode = outcome.failed + failed.length > 0 ? 1 : 0
