/**
 * `corrupt_events`: Avro, but one record in eight is not what it should be: cut short, of a schema that is not
 * registered, plain text, JSON, or empty.
 */
import { Bytes, pieceOf, type Piece } from './bytes.ts'
import { Random } from './random.ts'
import { RETENTION_BYTES, type AddRecord, type DemoTopic, type Register } from './topic.ts'

export const EVENT_SCHEMA = {
  type: 'record',
  name: 'SensorEvent',
  namespace: 'io.sluice.demo',
  fields: [
    { name: 'sensor', type: 'string' },
    { name: 'value', type: 'double' },
    { name: 'unit', type: 'string' },
    { name: 'sequence', type: 'long' },
  ],
}

const SEED = 99
const START_MS = Date.UTC(2023, 2, 14)
const STEP_MS = 1000
const UNKNOWN_SCHEMA = 999_999
/** Every eighth record is bad, by turns in these ways. */
const EVERY = 8
const WAYS = ['truncated', 'unknown schema', 'text', 'json', 'empty'] as const

/** The topic `corrupt_events` with `history` records. */
export function corruptTopic(register: Register, history: number): DemoTopic {
  const schemaId = register('corrupt_events-value', EVENT_SCHEMA)
  const random = new Random(SEED)
  const writer = new Bytes()
  let sequence = 0
  const send = (timestampMs: number, add: AddRecord) => {
    const sensor = `sensor-${random.below(20)}`
    const reading = Math.round(random.next() * 10_000) / 100
    const way = sequence % EVERY === EVERY - 1 ? WAYS[Math.floor(sequence / EVERY) % WAYS.length] : undefined
    writer
      .begin(way === 'unknown schema' ? UNKNOWN_SCHEMA : schemaId)
      .string(sensor)
      .double(reading)
      .string(random.pick(['C', 'bar', '%']))
      .long(sequence++)
    add(0, timestampMs, pieceOf(Buffer.from(sensor)), damaged(writer, way, sensor, reading))
  }
  return {
    name: 'corrupt_events',
    partitions: 1,
    config: { 'retention.bytes': RETENTION_BYTES },
    codec: 'none',
    batchBytes: 16_384,
    history,
    perSecond: 0.5,
    past: (i, add) => send(START_MS + i * STEP_MS, add),
    present: send,
  }
}

function damaged(bytes: Bytes, way: (typeof WAYS)[number] | undefined, sensor: string, reading: number): Piece {
  if (way === 'truncated') return bytes.cut(7)
  if (way === 'text') return pieceOf(Buffer.from(`${sensor} says ${reading}`))
  if (way === 'json') return pieceOf(Buffer.from(JSON.stringify({ sensor, value: reading })))
  return way === 'empty' ? pieceOf(Buffer.alloc(0)) : bytes
}
