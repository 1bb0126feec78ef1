/**
 * `input`: the table that the Python program in the WebSocket specification asks for. Small JSON readings with string
 * keys.
 */
import { partitionOfKey } from '../../lib/murmur2.ts'
import { pieceOf } from './bytes.ts'
import { Random } from './random.ts'
import { RETENTION_BYTES, type AddRecord, type DemoTopic } from './topic.ts'

const SEED = 100
const PARTITIONS = 2
const DEVICES = 24
const START_MS = Date.UTC(2023, 2, 14, 9)
const STEP_MS = 5000
const ROOMS = ['kitchen', 'office', 'server room', 'cellar'] as const

/** The topic `input` with `history` records. */
export function inputTopic(history: number): DemoTopic {
  const random = new Random(SEED)
  let id = 0
  const send = (timestampMs: number, add: AddRecord) => {
    const device = `device-${String(random.below(DEVICES)).padStart(2, '0')}`
    const temperature = Math.round((15 + random.next() * 15) * 10) / 10
    const reading = {
      id: ++id,
      device,
      room: random.pick(ROOMS),
      temperature,
      humidity: 20 + random.below(60),
      at: new Date(timestampMs).toISOString(),
      ok: random.next() > 0.02,
    }
    const key = Buffer.from(device)
    add(partitionOfKey(key, PARTITIONS), timestampMs, pieceOf(key), pieceOf(Buffer.from(JSON.stringify(reading))))
  }
  return {
    name: 'input',
    partitions: PARTITIONS,
    config: { 'retention.bytes': RETENTION_BYTES },
    codec: 'none',
    batchBytes: 16_384,
    history,
    perSecond: 1,
    past: (i, add) => send(START_MS + i * STEP_MS, add),
    present: send,
  }
}
