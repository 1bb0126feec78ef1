/**
 * The environments of the configuration: how to reach each Kafka cluster and its schema registry, and which formats are
 * known beforehand. `files` gets the paths of the files that secrets are read from.
 */
import { z } from 'zod'
import type { FlinkConfig } from '../../flink/gateway.ts'
import { FORMAT_NAMES, formatNamed, PLAIN_FORMATS } from '../../formats/format.ts'
import { type ClusterConfig, parseAddress, type SaslConfig } from '../../kafka/config.ts'
import { didYouMean } from '../../lib/suggest.ts'
import type { TlsConfig } from '../../lib/tls-config.ts'
import type { RegistryConfig } from '../../registry/registry.ts'
import type { EnvironmentConfig, TopicFormats } from '../environment.ts'
import {
  compact,
  converted,
  duration,
  fillSecrets,
  flag,
  integer,
  isGiven,
  looseText,
  object,
  oneOf,
  secret,
  size,
  text,
  wrong,
} from './schema.ts'

/** One entry of `environments`. */
export function environment(files: string[]): z.ZodType<EnvironmentConfig> {
  return object({
    name: z
      .string(wrong('a text'))
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, wrong('a name of letters, digits, dots, dashes and underscores')),
    default: flag.default(false),
    kafka: kafka(files),
    registry: registry(files).optional(),
    // The folder that holds the schemas of AWS Glue.
    glue: object({ folder: text }, { short: (folder) => ({ folder }) }).optional(),
    flink: flink.optional(),
    formats: z.record(z.string(), topicFormats, wrong('a map from topic names to {key, value}')).default({}),
  })
}

const texts = z.record(z.string(), looseText, wrong('a map from names to texts'))

const flink = object(
  {
    gateway: text.refine(
      (given) => /^https?:\/\/[^/@]+\/?$/.test(given),
      wrong('an address such as http://flink:8083'),
    ),
    rest: text
      .refine((given) => /^https?:\/\/[^/@]+\/?$/.test(given), wrong('an address such as http://flink:8081'))
      .optional(),
    parallelism: integer(1, 32_768).optional(),
    options: texts.optional(),
    kafka: texts.optional(),
    registry: text.optional(),
    requestTimeout: duration(10).optional(),
    planTimeout: duration(10).optional(),
  },
  { short: (gateway) => ({ gateway }) },
).transform(
  ({ requestTimeout, planTimeout, ...kept }): FlinkConfig =>
    compact({ ...kept, requestTimeoutMs: requestTimeout, planTimeoutMs: planTimeout }),
)

const format = converted(
  `one of ${FORMAT_NAMES}`,
  (given) => (typeof given === 'string' ? formatNamed(given) : undefined),
  { hint: (word) => didYouMean(word, PLAIN_FORMATS, 1) },
)

const mark = z.string(wrong('one ASCII character')).regex(/^[\t -~]$/, wrong('one ASCII character'))

const topicFormats = object({
  key: format.optional(),
  value: format.optional(),
  csv: object({
    header: z.array(text, wrong('a list of column names such as [id, name]')).optional(),
    delimiter: mark.optional(),
    quote: mark.optional(),
  }).optional(),
  ids: z.enum(['headers', 'payload'], wrong('headers or payload: where the ids of schemas stand')).optional(),
}).transform(({ key, value, ...rest }): TopicFormats => ({ key, value, ...rest }))

const broker = text.refine((given) => parseAddress(given) !== undefined, wrong('an address such as kafka-1:9092'))

/** A list, or one text with commas. */
const brokers = z.preprocess(
  (given) =>
    typeof given === 'string'
      ? given
          .split(',')
          .map((address) => address.trim())
          .filter((address) => address !== '')
      : given,
  z
    .array(broker, wrong('a list of addresses such as [kafka-1:9092, kafka-2:9092]'))
    .min(1, wrong('a list with at least one address')),
)

function kafka(files: string[]) {
  const time = duration(10).optional()
  const switched = z.preprocess(
    (given) => (given === 'true' ? true : given === 'false' ? false : given),
    z.union([z.boolean(), tls(files)]),
  )
  return object({
    brokers,
    clientId: text.optional(),
    tls: switched.optional(),
    sasl: sasl(files).optional(),
    connectTimeout: time,
    requestTimeout: time,
    retryTimeout: time,
    idleTimeout: time,
    responseMaxBytes: size(1024 * 1024).optional(),
  }).transform(
    ({ connectTimeout, requestTimeout, retryTimeout, idleTimeout, ...kept }): ClusterConfig =>
      compact({
        ...kept,
        connectTimeoutMs: connectTimeout,
        requestTimeoutMs: requestTimeout,
        retryTimeoutMs: retryTimeout,
        idleTimeoutMs: idleTimeout,
      }),
  )
}

/** How a TLS connection to somebody else is made. */
export function tls(files: string[]) {
  return object(
    {
      ...secret('ca'),
      ...secret('cert'),
      ...secret('key'),
      ...secret('passphrase'),
      servername: text.optional(),
      rejectUnauthorized: flag.optional(),
    },
    {
      check: (tree, problem) => {
        fillSecrets(tree, problem, files, 'ca', 'cert', 'key', 'passphrase')
        if (isGiven(tree, 'cert') !== isGiven(tree, 'key'))
          problem(
            isGiven(tree, 'cert') ? 'keyFile' : 'certFile',
            'missing; a client certificate needs both certFile and keyFile.',
          )
      },
    },
  ).transform(
    ({ ca, cert, key, passphrase, servername, rejectUnauthorized }): TlsConfig =>
      compact({ ca, cert, key, passphrase, servername, rejectUnauthorized }),
  )
}

function sasl(files: string[]) {
  return object(
    {
      mechanism: oneOf('PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER').default('PLAIN'),
      username: looseText.optional(),
      ...secret('password'),
      ...secret('token'),
    },
    {
      check: (tree, problem) => {
        fillSecrets(tree, problem, files, 'password', 'token')
        if (tree.mechanism === 'OAUTHBEARER') {
          if (!isGiven(tree, 'token')) problem('token', 'missing; expected the token, or better tokenFile.')
        } else if (tree.mechanism !== undefined) {
          if (tree.username === undefined) problem('username', 'missing; expected a text.')
          if (!isGiven(tree, 'password')) problem('password', 'missing; expected the password, or passwordFile.')
        }
      },
    },
  ).transform(({ mechanism, username = '', password = '', token = '', tokenFile }): SaslConfig => {
    if (mechanism !== 'OAUTHBEARER') return { mechanism, username, password }
    // The file is read again for each connection, because such tokens do not live long.
    return tokenFile === undefined ? { mechanism, token } : { mechanism, tokenFile }
  })
}

function isDecodable({ username, password }: URL): boolean {
  try {
    return decodeURIComponent(username + password) !== undefined
  } catch {
    return false
  }
}

function registry(files: string[]) {
  return object(
    {
      url: text
        .refine(
          (given) => URL.canParse(given) && /^https?:$/.test(new URL(given).protocol),
          'the value is not an address such as http://registry:8081.',
        )
        .refine(
          (given) => !URL.canParse(given) || isDecodable(new URL(given)),
          'a "%" in the login of the address does not begin two hexadecimal digits of UTF-8; write %25 for it, or username: and password: instead.',
        ),
      username: looseText.optional(),
      ...secret('password'),
      ...secret('token'),
      timeout: duration(10).optional(),
      tls: tls(files).optional(),
    },
    {
      short: (url) => ({ url }),
      check: (tree, problem) => {
        fillSecrets(tree, problem, files, 'password', 'token')
        if ((tree.username === undefined) === isGiven(tree, 'password'))
          problem(tree.username === undefined ? 'username' : 'password', 'missing; user name and password go together.')
        if (tree.tls !== undefined && typeof tree.url === 'string' && tree.url.startsWith('http:'))
          problem('tls', 'of no use, as the address begins with http:; write https:.')
      },
    },
  ).transform(
    ({ url, username, password, token, tls, timeout }): RegistryConfig =>
      compact({ url, username, password, token, tls, timeoutMs: timeout }),
  )
}
