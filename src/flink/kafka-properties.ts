/**
 * How Flink's Kafka connector reaches the cluster of an environment, as properties of Kafka's Java client: the same
 * brokers, certificates and login as this server's own, unless the configuration says otherwise.
 */
import type { ClusterConfig } from '../kafka/config.ts'
import type { TlsConfig } from '../lib/tls-config.ts'
import type { FlinkKafka } from './translate/records/tables.ts'

const SECRETS: ReadonlySet<string> = new Set([
  'sasl.jaas.config',
  'ssl.keystore.key',
  'ssl.keystore.certificate.chain',
  'ssl.key.password',
])

/** `given`: properties that come first; all of them count as secrets. */
export function kafkaProperties(
  { brokers, tls, sasl }: ClusterConfig,
  given: Readonly<Record<string, string>> = {},
): FlinkKafka {
  const secure = tls !== undefined && tls !== false
  const own: Record<string, string> = {
    'bootstrap.servers': brokers.join(','),
    ...(secure || sasl !== undefined
      ? { 'security.protocol': `${sasl === undefined ? '' : 'SASL_'}${secure ? 'SSL' : 'PLAINTEXT'}` }
      : {}),
    ...(typeof tls === 'object' ? tlsProperties(tls) : {}),
    ...(sasl === undefined ? {} : { 'sasl.mechanism': sasl.mechanism }),
  }
  if (sasl !== undefined && 'password' in sasl) {
    const module = sasl.mechanism === 'PLAIN' ? 'plain.PlainLoginModule' : 'scram.ScramLoginModule'
    own['sasl.jaas.config'] =
      `org.apache.kafka.common.security.${module} required username=${quoted(sasl.username)} password=${quoted(sasl.password)};`
  }
  return { properties: { ...own, ...given }, secrets: new Set([...SECRETS, ...Object.keys(given)]) }
}

function tlsProperties({ ca, cert, key, passphrase, rejectUnauthorized }: TlsConfig): Record<string, string> {
  return {
    ...(ca === undefined
      ? {}
      : { 'ssl.truststore.type': 'PEM', 'ssl.truststore.certificates': [ca].flat().map(String).join('\n') }),
    ...(cert === undefined || key === undefined
      ? {}
      : {
          'ssl.keystore.type': 'PEM',
          'ssl.keystore.certificate.chain': String(cert),
          'ssl.keystore.key': String(key),
          ...(passphrase === undefined ? {} : { 'ssl.key.password': passphrase }),
        }),
    ...(rejectUnauthorized === false ? { 'ssl.endpoint.identification.algorithm': '' } : {}),
  }
}

/** A value of a JAAS configuration. */
function quoted(value: string): string {
  return `"${value.replace(/["\\]/g, (c) => `\\${c}`)}"`
}

/** How a registry that speaks Confluent's API is reached. */
export interface FlinkRegistry {
  readonly url: string
  readonly username?: string
  readonly password?: string
  readonly token?: string
}

/** Options of Flink's format `avro-confluent`. `url`: instead of the registry's own address. */
export function registryProperties(
  registry: FlinkRegistry | undefined,
  url: string | undefined,
): FlinkKafka | undefined {
  if (registry === undefined) return undefined
  const address = withoutLogin(url ?? registry.url)
  const { username = address.username, password = address.password, token } = registry
  const login: Record<string, string> =
    token !== undefined
      ? { 'bearer-auth.credentials-source': 'STATIC_TOKEN', 'bearer-auth.token': token }
      : username !== undefined
        ? { 'basic-auth.credentials-source': 'USER_INFO', 'basic-auth.user-info': `${username}:${password}` }
        : {}
  return {
    properties: { url: address.url, ...login },
    secrets: new Set(['basic-auth.user-info', 'bearer-auth.token']),
  }
}

/** An address may have a login in it, which is a secret. */
function withoutLogin(given: string): { url: string; username?: string; password: string } {
  if (!URL.canParse(given)) return { url: given, password: '' }
  const url = new URL(given)
  const { username, password } = url
  if (username === '' && password === '') return { url: given, password: '' }
  url.username = ''
  url.password = ''
  return {
    url: url.href.replace(/\/$/, ''),
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
  }
}
