/**
 * `customers`: a compacted topic with string keys and JSON values. Customers change and some leave (a tombstone);
 * between its batches offsets are missing, as after a cleaning.
 */
import { partitionOfKey } from '../../lib/murmur2.ts'
import { pieceOf } from './bytes.ts'
import { Random } from './random.ts'
import type { AddRecord, DemoTopic } from './topic.ts'

const SEED = 4711
const PARTITIONS = 2
const CUSTOMERS = 2000
const START_MS = Date.UTC(2023, 0, 2, 8)
const STEP_MS = 137_000
const TOMBSTONE_SHARE = 0.04
const FIRST = [
  'Ada',
  'Bjørn',
  'Chloé',
  'Dmitri',
  'Eva',
  'Fatima',
  'Giulia',
  'Hiro',
  'Inés',
  'Jürgen',
  'Kasia',
  'Linh',
  'Mario',
  'Nia',
  'Olu',
  'Priya',
] as const
const LAST = [
  'Andersen',
  'Brown',
  'Costa',
  'Dubois',
  'Eriksson',
  'Fischer',
  'García',
  'Haddad',
  'Ivanova',
  'Jensen',
  'Kowalski',
  'López',
  'Müller',
  'Nguyen',
  'Okafor',
  'Petrović',
] as const
const CITIES = [
  ['Copenhagen', 'DK'],
  ['Gothenburg', 'SE'],
  ['Hamburg', 'DE'],
  ['Lyon', 'FR'],
  ['Kraków', 'PL'],
  ['Porto', 'PT'],
  ['Łódź', 'PL'],
  ['New York', 'US'],
] as const
const TIERS = ['bronze', 'bronze', 'bronze', 'silver', 'silver', 'gold', null] as const

/** The ids that orders refer to as well. */
export function customerId(number: number): string {
  return `C${String(number).padStart(5, '0')}`
}

export function customerName(number: number): string {
  return `${FIRST[number % FIRST.length]} ${LAST[(number * 7 + 3) % LAST.length]}`
}

/** The topic `customers` with `history` records: compacted, with tombstones. */
export function customersTopic(history: number): DemoTopic {
  const random = new Random(SEED)
  const send = (timestampMs: number, add: AddRecord) => {
    const number = 1 + random.below(CUSTOMERS)
    const key = Buffer.from(customerId(number))
    const gone = random.next() < TOMBSTONE_SHARE
    add(
      partitionOfKey(key, PARTITIONS),
      timestampMs,
      pieceOf(key),
      gone ? null : pieceOf(Buffer.from(JSON.stringify(customer(number, timestampMs, random)))),
    )
  }
  return {
    name: 'customers',
    partitions: PARTITIONS,
    config: { 'cleanup.policy': 'compact' },
    codec: 'none',
    batchBytes: 16_384,
    gap: 3,
    history,
    perSecond: 0.2,
    past: (i, add) => send(START_MS + i * STEP_MS, add),
    present: send,
  }
}

function customer(number: number, timestampMs: number, random: Random): object {
  const [city, country] = random.pick(CITIES)
  const optional = random.next() < 0.5 ? { phone: `+45 ${20_000_000 + random.below(80_000_000)}` } : {}
  return {
    id: customerId(number),
    name: customerName(number),
    email: `${customerId(number).toLowerCase()}@example.com`,
    address: { city, country, zip: String(1000 + random.below(9000)) },
    tier: random.pick(TIERS),
    creditLimit: 100 * (1 + random.below(200)),
    newsletter: random.next() < 0.3,
    tags: ['retail', 'online', 'returns', 'b2b'].filter(() => random.next() < 0.3),
    updatedAt: new Date(timestampMs).toISOString(),
    ...optional,
  }
}
