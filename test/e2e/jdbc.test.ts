/** The JDBC dialect against a JVM client on the driver's own libraries, with its strictness: real Kafka, real registry, and every statement of the driver's test-suite. */
import { delimiter, join } from 'node:path'
import { describe, it } from 'node:test'
import { java, jdbcLibraries, kafkaLibraries } from '../../scripts/provision.ts'
import { casesOf, cluster, serve, testCases } from './served.ts'

const tools = await Promise.all([java(), jdbcLibraries(), kafkaLibraries()]).catch((error: Error) => error)
const skip = cluster.skip !== false ? cluster.skip : tools instanceof Error ? tools.message : false

if (skip !== false || tools instanceof Error) it('a JVM client like lenses-jdbc 3.0.2', { skip: skip === false ? 'no Java' : skip }, () => undefined)
else {
  const [javaFile, jdbc, kafka] = tools
  // Short limits, so that results that nobody reads are ended while the test runs.
  const server = await serve({ limits: { 'server.stalled.send.timeout': '6s', 'max.concurrent.queries.per.user': 3 } })
  const program = join(import.meta.dirname, 'java', 'JdbcCases.java')
  const quick = ['-Xmx512m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Dorg.slf4j.simpleLogger.defaultLogLevel=error']
  const path = [join(jdbc, '*'), join(kafka, '*')].join(delimiter)
  const args = [...quick, '-cp', path, program, server.url, cluster.kafka.bootstrap, cluster.registry.url]
  const cases = await casesOf(javaFile, args, {}).finally(() => server.close(0))
  describe('a JVM client like lenses-jdbc 3.0.2', () => testCases(cases, 60))
}
