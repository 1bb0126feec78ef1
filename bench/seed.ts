/**
 * The benchmark's topics: seeded vessel reports (Avro or Protobuf), payments, orders and customers (JSON), written by the official
 * Java client (java/SeedTopics.java) into a running Kafka, their schema kept in a running registry. By hand, into what
 * `npm run kafka -- --registry` printed:
 *   node bench/seed.ts HOST:PORT REGISTRY_URL vessels,bench_vessels,5000000,1,none
 *   payments,bench_payments,5000000,1,none …
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { java, kafkaLibraries } from '../scripts/provision.ts'

export type Codec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

export interface SeededTopic {
  readonly kind: 'vessels' | 'reports' | 'payments' | 'orders' | 'customers'
  readonly topic: string
  readonly count: number
  /** Default 1. */
  readonly partitions?: number
  /** Default none. */
  readonly codec?: Codec
  /** Largest batch of the producer. Default 262,144. */
  readonly batchBytes?: number
}

/** What was written; bytes are those of keys and values before compression. */
export interface Written {
  readonly topic: string
  readonly records: number
  readonly bytes: number
  readonly seconds: number
}

const field = (name: string, type: string) => ({ name, type })

/** The value schema of `vessels`: the specification's 17 fields. */
export const vesselSchema = {
  type: 'record',
  name: 'VesselPositionReport',
  namespace: 'io.sluice.bench',
  fields: [
    field('Type', 'int'),
    field('Repeat', 'int'),
    field('MMSI', 'long'),
    field('Speed', 'double'),
    field('Accuracy', 'boolean'),
    field('Longitude', 'double'),
    field('Latitude', 'double'),
    field('location', 'string'),
    field('Course', 'double'),
    field('Heading', 'int'),
    field('Second', 'int'),
    field('RAIM', 'boolean'),
    field('Radio', 'long'),
    field('Status', 'int'),
    field('Turn', 'double'),
    field('Maneuver', 'int'),
    field('Timestamp', 'long'),
  ],
}

const PROTOBUF_TYPES: Readonly<Record<string, string>> = { int: 'int32', long: 'int64', boolean: 'bool' }

/** The value schema of `reports`: the same fields. */
const reportSchema = `syntax = "proto3";
package io.sluice.bench;
message VesselPositionReport {
${vesselSchema.fields.map(({ name, type }, i) => `  ${PROTOBUF_TYPES[type] ?? type} ${name} = ${i + 1};`).join('\n')}
}
`

/** What the registry is given for the values of a kind; undefined: it keeps no schema of them. */
function schemaOf(kind: SeededTopic['kind']): object | undefined {
  if (kind === 'vessels') return { schema: JSON.stringify(vesselSchema) }
  return kind === 'reports' ? { schemaType: 'PROTOBUF', schema: reportSchema } : undefined
}

/** Creates and fills the topics, one after the other; `onTopic` hears of each as it is done. */
export async function seedTopics(
  bootstrap: string,
  registryUrl: string,
  topics: readonly SeededTopic[],
  onTopic: (written: Written) => void = () => undefined,
): Promise<Written[]> {
  const [javaFile, libraries] = await Promise.all([java(), kafkaLibraries()])
  const specs: string[] = []
  for (const { kind, topic, count, partitions = 1, codec = 'none', batchBytes = 262_144 } of topics) {
    const schema = schemaOf(kind)
    const schemaId = schema === undefined ? 0 : await registerValueSchema(registryUrl, topic, schema)
    specs.push([kind, topic, count, partitions, codec, schemaId, batchBytes].join(','))
  }
  const source = join(import.meta.dirname, 'java', 'SeedTopics.java')
  const args = [
    '-Xmx384m',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
    '-cp',
    join(libraries, '*'),
    source,
    bootstrap,
    ...specs,
  ]
  const child = spawn(javaFile, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<number>((resolve, reject) =>
    child.once('close', (code) => resolve(code ?? 1)).once('error', reject),
  )
  const written: Written[] = []
  for await (const line of createInterface(child.stdout)) {
    const one = JSON.parse(line) as Written
    written.push(one)
    onTopic(one)
  }
  const code = await ended
  if (code !== 0) throw new Error(`the Java producer ended with code ${code}`)
  return written
}

async function registerValueSchema(registryUrl: string, topic: string, schema: object): Promise<number> {
  const response = await fetch(`${registryUrl}/subjects/${encodeURIComponent(topic)}-value/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify(schema),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`the registry refused the schema of ${topic}: ${response.status} ${text}`)
  return (JSON.parse(text) as { id: number }).id
}

if (import.meta.main) {
  const [bootstrap, registryUrl, ...specs] = process.argv.slice(2)
  const topics = specs.map((spec) => {
    const [kind, topic, count, partitions, codec] = spec.split(',')
    return {
      kind: kind as SeededTopic['kind'],
      topic,
      count: Number(count),
      partitions: Number(partitions ?? 1),
      codec: (codec ?? 'none') as Codec,
    }
  })
  await seedTopics(bootstrap, registryUrl, topics, (written) => console.log(JSON.stringify(written)))
}
