/**
 * Reads the environments of the configuration: how to reach each Kafka cluster and its schema registry, and which
 * formats are known beforehand.
 */
import { didYouMean } from '../../lib/suggest.ts'
import { type ClusterConfig, parseAddress, type SaslConfig } from '../../kafka/config.ts'
import type { TlsConfig } from '../../lib/tls-config.ts'
import type { RegistryConfig } from '../../registry/registry.ts'
import type { IdOption } from '../../catalog/facets/plain-formats.ts'
import type { CsvOptions } from '../../formats/csv/decoder.ts'
import { FORMAT_NAMES, type FormatName, formatNamed, PLAIN_FORMATS } from '../../formats/format.ts'
import {
  type Check,
  duration,
  flag,
  keys,
  list,
  looseText,
  mapOf,
  oneOf,
  optional,
  type Read,
  requiredSecret,
  secret,
  size,
  text,
  type Tree,
} from './schema.ts'
import type { EnvironmentConfig, TopicFormats } from '../environment.ts'

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
const KAFKA = [
  'brokers',
  'clientId',
  'tls',
  'sasl',
  'connectTimeout',
  'requestTimeout',
  'retryTimeout',
  'idleTimeout',
  'responseMaxBytes',
] as const
const TLS = [
  'ca',
  'caFile',
  'cert',
  'certFile',
  'key',
  'keyFile',
  'passphrase',
  'passphraseFile',
  'servername',
  'rejectUnauthorized',
] as const
const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const

export const readEnvironment: Read<EnvironmentConfig> = (value, place, check) => {
  const tree = keys(value, place, ['name', 'default', 'kafka', 'registry', 'glue', 'formats'], check)
  if (tree === undefined) return undefined
  const name = text(tree.name, `${place}.name`, check)
  if (name !== undefined && !NAME.test(name))
    check.wrong(`${place}.name`, name, 'a name of letters, digits, dots, dashes and underscores')
  const isDefault = optional(tree, place, 'default', flag, check) ?? false
  const kafka = readKafka(tree.kafka, `${place}.kafka`, check)
  const registry =
    tree.registry === undefined || tree.registry === null
      ? undefined
      : readRegistry(tree.registry, `${place}.registry`, check)
  const formats =
    optional(tree, place, 'formats', mapOf(readFormats, 'a map from topic names to {key, value}'), check) ?? {}
  const glue = tree.glue === undefined || tree.glue === null ? undefined : readGlue(tree.glue, `${place}.glue`, check)
  if (name === undefined || kafka === undefined) return undefined
  return {
    name,
    default: isDefault,
    kafka,
    formats,
    ...(registry === undefined ? {} : { registry }),
    ...(glue === undefined ? {} : { glue }),
  }
}

/** The folder that holds the schemas of AWS Glue, or `{folder: …}`. */
const readGlue: Read<{ folder: string }> = (value, place, check) => {
  const tree = keys(typeof value === 'string' ? { folder: value } : value, place, ['folder'], check)
  const folder = tree === undefined ? undefined : text(tree.folder, `${place}.folder`, check)
  return folder === undefined ? undefined : { folder }
}

const readFormat: Read<FormatName> = (value, place, check) => {
  const format = typeof value === 'string' ? formatNamed(value) : undefined
  const hint = typeof value === 'string' ? didYouMean(value, PLAIN_FORMATS, 1) : undefined
  return format ?? check.wrong(place, value, `one of ${FORMAT_NAMES}`, false, hint)
}

const readFormats: Read<TopicFormats> = (value, place, check) => {
  const tree = keys(value, place, ['key', 'value', 'csv', 'ids'], check)
  if (tree === undefined) return undefined
  const csv = optional(tree, place, 'csv', readCsv, check)
  const formats = {
    key: optional(tree, place, 'key', readFormat, check),
    value: optional(tree, place, 'value', readFormat, check),
  }
  const ids = optional(tree, place, 'ids', readIds, check)
  return { ...formats, ...(csv === undefined ? {} : { csv }), ...(ids === undefined ? {} : { ids }) }
}

const readIds: Read<IdOption> = (value, place, check) =>
  value === 'headers' || value === 'payload'
    ? value
    : check.wrong(place, value, 'headers or payload: where the ids of schemas stand')

const readCsv: Read<CsvOptions> = (value, place, check) => {
  const tree = keys(value, place, ['header', 'delimiter', 'quote'], check)
  if (tree === undefined) return undefined
  const mark: Read<string> = (given, at, to) =>
    typeof given === 'string' && /^[\t -~]$/.test(given) ? given : to.wrong(at, given, 'one ASCII character')
  return compact({
    header: optional(tree, place, 'header', list(text, 'a list of column names such as [id, name]'), check),
    delimiter: optional(tree, place, 'delimiter', mark, check),
    quote: optional(tree, place, 'quote', mark, check),
  })
}

const readBroker: Read<string> = (value, place, check) => {
  const broker = text(value, place, check)
  return broker === undefined || parseAddress(broker) !== undefined
    ? broker
    : check.wrong(place, broker, 'an address such as kafka-1:9092')
}

function readKafka(value: unknown, place: string, check: Check): ClusterConfig | undefined {
  const tree = keys(value, place, KAFKA, check)
  if (tree === undefined) return undefined
  const given =
    typeof tree.brokers === 'string'
      ? tree.brokers
          .split(',')
          .map((b) => b.trim())
          .filter((b) => b !== '')
      : tree.brokers
  const brokers = list(readBroker, 'a list of addresses such as [kafka-1:9092, kafka-2:9092]')(
    given,
    `${place}.brokers`,
    check,
  )
  if (Array.isArray(given) && given.length === 0)
    check.wrong(`${place}.brokers`, given, 'a list with at least one address')
  const tls = readTls(tree.tls, `${place}.tls`, check)
  const sasl = tree.sasl === undefined || tree.sasl === null ? undefined : readSasl(tree.sasl, `${place}.sasl`, check)
  const time = (key: string) => optional(tree, place, key, duration(10), check)
  return brokers === undefined
    ? undefined
    : compact({
        brokers,
        clientId: optional(tree, place, 'clientId', text, check),
        tls,
        sasl,
        connectTimeoutMs: time('connectTimeout'),
        requestTimeoutMs: time('requestTimeout'),
        retryTimeoutMs: time('retryTimeout'),
        idleTimeoutMs: time('idleTimeout'),
        responseMaxBytes: optional(tree, place, 'responseMaxBytes', size(1024 * 1024), check),
      })
}

function readTls(value: unknown, place: string, check: Check): TlsConfig | boolean | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'boolean') return value
  if (value === 'true' || value === 'false') return value === 'true'
  return readTlsKeys(value, place, check)
}

function readTlsKeys(value: unknown, place: string, check: Check): TlsConfig | undefined {
  const tree = keys(value, place, TLS, check)
  if (tree === undefined) return undefined
  const [ca, cert, key, passphrase] = (['ca', 'cert', 'key', 'passphrase'] as const).map((name) =>
    secret(tree, place, name, check),
  )
  if ((cert === undefined) !== (key === undefined))
    check.problem(
      `${place}.${cert === undefined ? 'certFile' : 'keyFile'}`,
      'missing; a client certificate needs both certFile and keyFile.',
    )
  const rejectUnauthorized = optional(tree, place, 'rejectUnauthorized', flag, check)
  return compact({
    ca,
    cert,
    key,
    passphrase,
    servername: optional(tree, place, 'servername', text, check),
    rejectUnauthorized,
  })
}

function readSasl(value: unknown, place: string, check: Check): SaslConfig | undefined {
  const tree = keys(value, place, ['mechanism', 'username', 'password', 'passwordFile', 'token', 'tokenFile'], check)
  if (tree === undefined) return undefined
  const mechanism = oneOf(...MECHANISMS)(tree.mechanism ?? 'PLAIN', `${place}.mechanism`, check)
  if (mechanism === undefined) return undefined
  if (mechanism === 'OAUTHBEARER') return readOauth(tree, place, check)
  const username = looseText(tree.username, `${place}.username`, check)
  const password = requiredSecret(tree, place, 'password', 'the password, or passwordFile', check)
  return username === undefined || password === undefined ? undefined : { mechanism, username, password }
}

function readOauth(tree: Tree, place: string, check: Check): SaslConfig | undefined {
  const token = requiredSecret(tree, place, 'token', 'the token, or better tokenFile', check)
  if (token === undefined) return undefined
  // The file is read again for each connection, because such tokens do not live long.
  return typeof tree.tokenFile === 'string'
    ? { mechanism: 'OAUTHBEARER', tokenFile: tree.tokenFile }
    : { mechanism: 'OAUTHBEARER', token }
}

function readRegistry(value: unknown, place: string, check: Check): RegistryConfig | undefined {
  const tree = keys(
    typeof value === 'string' ? { url: value } : value,
    place,
    ['url', 'username', 'password', 'passwordFile', 'token', 'tokenFile', 'timeout', 'tls'],
    check,
  )
  if (tree === undefined) return undefined
  const url = text(tree.url, `${place}.url`, check)
  if (url !== undefined && !/^https?:$/.test(protocolOf(url)))
    check.problem(`${place}.url`, 'the value is not an address such as http://registry:8081.')
  const username = optional(tree, place, 'username', looseText, check)
  const password = secret(tree, place, 'password', check)
  if ((username === undefined) !== (password === undefined))
    check.problem(
      `${place}.${username === undefined ? 'username' : 'password'}`,
      'missing; user name and password go together.',
    )
  const token = secret(tree, place, 'token', check)
  const tls = tree.tls === undefined || tree.tls === null ? undefined : readTlsKeys(tree.tls, `${place}.tls`, check)
  if (tls !== undefined && url?.startsWith('http:'))
    check.problem(`${place}.tls`, 'of no use, as the address begins with http:; write https:.')
  return url === undefined
    ? undefined
    : compact({ url, username, password, token, tls, timeoutMs: optional(tree, place, 'timeout', duration(10), check) })
}

function protocolOf(url: string): string {
  return URL.canParse(url) ? new URL(url).protocol : ''
}

/** Without the keys that are undefined. */
function compact<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T
}
