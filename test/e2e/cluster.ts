/**
 * The real Kafka and the real schema registry that the e2e tests share. `npm test` starts them once for all files; a
 * file run by itself (`node --test test/e2e/x.test.ts`) starts its own, which end with it. Topics are never cleaned up:
 * each test takes a fresh name from `topicName`. A test that stops brokers or wants several starts its own with
 * `startKafka`.
 */
import { randomUUID } from 'node:crypto'
import { startKafka, type Kafka } from '../../scripts/kafka.ts'
import { haproxy, kcat, Unavailable } from '../../scripts/provision.ts'
import { startRegistry, type Registry } from '../../scripts/registry.ts'
import { sharedClusterText } from '../options.ts'

export { startKafka, startRegistry }
export type { Kafka, Registry }

/** What all files can see of the shared Kafka: everything but its nodes. */
export type SharedKafka = Omit<Kafka, 'nodes' | 'stop'>

export interface Cluster {
  readonly kafka: SharedKafka
  readonly registry: Pick<Registry, 'url' | 'root'>
  /**
   * False, or why tests that need the cluster are skipped: `test('…', { skip: cluster.skip }, …)`. The addresses are
   * empty then.
   */
  readonly skip: string | false
}

let cluster: Promise<Cluster> | undefined

/** The cluster; started at the first call where the test command has not done so. */
export function sharedCluster(): Promise<Cluster> {
  cluster ??=
    sharedClusterText === undefined ? startCluster() : Promise.resolve(JSON.parse(sharedClusterText) as Cluster)
  return cluster
}

/** Starts both. A machine that lacks something gives a cluster with `skip` set; any other failure rejects. */
export async function startCluster(): Promise<Cluster> {
  try {
    const [{ nodes, stop, ...kafka }, { url, root }] = await Promise.all([startKafka(), startRegistry()])
    return { kafka, registry: { url, root }, skip: false }
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    return { kafka: absent, registry: { url: '', root: '' }, skip: `no real Kafka: ${error.message}` }
  }
}

const absent: SharedKafka = {
  bootstrap: '',
  saslBootstrap: '',
  sslBootstrap: '',
  mtlsBootstrap: '',
  saslSslBootstrap: '',
  users: [],
  caFile: '',
  clientCertFile: '',
  clientKeyFile: '',
  jmxAddress: '',
  folder: '',
  startedMs: 0,
}

/** False, or why tests that call kcat are skipped. */
export const withoutKcat: string | false = await kcat().then(
  () => false as const,
  (error: Error) => error.message,
)

/** False, or why tests that want a balancer are skipped. */
export const withoutHaproxy: string | false = await haproxy().then(
  () => false as const,
  (error: Error) => error.message,
)

/** A topic name that no other test has. */
export function topicName(prefix: string): string {
  return `${prefix}-${randomUUID().slice(0, 8)}`
}

/**
 * Registers a schema under a subject and returns its id. `schemaType` is the registry's word: AVRO (default), JSON,
 * PROTOBUF.
 */
export async function registerSchema(
  registryUrl: string,
  subject: string,
  schema: unknown,
  more: { schemaType?: string; references?: unknown[] } = {},
): Promise<number> {
  const response = await fetch(`${registryUrl}/subjects/${encodeURIComponent(subject)}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema: typeof schema === 'string' ? schema : JSON.stringify(schema), ...more }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`registering ${subject}: ${response.status} ${text}`)
  return (JSON.parse(text) as { id: number }).id
}
