/**
 * The JDBC dialect against a JVM client on the driver's own libraries, with its strictness, and tools over a driver
 * that behaves as that one: real Kafka, real registry, every statement of the driver's test-suite, MyBatis and sqlline.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { java, javac, jdbcLibraries, kafkaLibraries } from '../../scripts/provision.ts'
import { casesOf, cluster, serve, testCases } from './served.ts'

const tools = await Promise.all([java(), javac(), jdbcLibraries(), kafkaLibraries()]).catch((error: Error) => error)
const skip = cluster.skip !== false ? cluster.skip : tools instanceof Error ? tools.message : false

if (skip !== false || tools instanceof Error)
  it('a JVM client like lenses-jdbc 3.0.2', { skip: skip === false ? 'no Java' : skip }, () => undefined)
else {
  const [javaFile, compiler, jdbc, kafka] = tools
  // Short limits, so that results that nobody reads are ended while the test runs.
  const server = await serve({ limits: { 'server.stalled.send.timeout': '6s', 'max.concurrent.queries.per.user': 3 } })
  const quick = [
    '-Xmx512m',
    '-XX:TieredStopAtLevel=1',
    '-XX:+UseSerialGC',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
  ]
  const libraries = [join(jdbc, '*'), join(kafka, '*')].join(delimiter)
  const classes = await mkdtemp(join(tmpdir(), 'sluice-jdbc-'))
  const sources = ['Line', 'JdbcCases', 'StandInDriver', 'ToolCases'].map((name) =>
    join(import.meta.dirname, 'java', `${name}.java`),
  )
  await promisify(execFile)(compiler, ['-encoding', 'UTF-8', '-d', classes, '-cp', libraries, ...sources])
  const path = [classes, libraries].join(delimiter)
  const run = (program: string) =>
    casesOf(javaFile, [...quick, '-cp', path, program, server.url, cluster.kafka.bootstrap, cluster.registry.url], {})
  const cases = await run('JdbcCases')
  const overTools = await run('ToolCases')
  await server.close(0)
  await rm(classes, { recursive: true, force: true })
  describe('a JVM client like lenses-jdbc 3.0.2', () => testCases(cases, 60))
  describe('tools over a driver like lenses-jdbc 3.0.2', () => testCases(overTools, 11))
}
