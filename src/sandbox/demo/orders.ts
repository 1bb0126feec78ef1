/**
 * `orders`: nested Avro with everything that makes reading it interesting (arrays of records, unions, maps, enum,
 * fixed, decimal, dates and times, uuid), and with record headers.
 */
import { partitionOfKey } from '../../lib/murmur2.ts'
import { Bytes, pieceOf } from './bytes.ts'
import { customerId, customerName } from './customers.ts'
import { Random } from './random.ts'
import { RETENTION_BYTES, type AddRecord, type DemoTopic, type Register } from './topic.ts'

const decimal = (precision: number, scale: number) => ({ type: 'bytes', logicalType: 'decimal', precision, scale })
const field = (name: string, type: unknown, more: object = {}) => ({ name, type, ...more })
const optional = (name: string, type: unknown) => field(name, ['null', type], { default: null })

const STATUS = ['NEW', 'PAID', 'PACKED', 'SHIPPED', 'DELIVERED', 'CANCELLED'] as const

export const ORDER_SCHEMA = {
  type: 'record',
  name: 'Order',
  namespace: 'io.sluice.demo',
  fields: [
    field('orderId', { type: 'string', logicalType: 'uuid' }),
    field('number', 'long'),
    field('status', { type: 'enum', name: 'OrderStatus', symbols: STATUS }),
    field('createdAt', { type: 'long', logicalType: 'timestamp-millis' }),
    optional('paidAt', { type: 'long', logicalType: 'timestamp-micros' }),
    optional('deliveryDate', { type: 'int', logicalType: 'date' }),
    field('customer', {
      type: 'record',
      name: 'Customer',
      fields: [field('id', 'string'), field('name', 'string'), optional('email', 'string'), field('vip', 'boolean')],
    }),
    field('shipTo', {
      type: 'record',
      name: 'Address',
      fields: [
        field('street', 'string'),
        field('city', 'string'),
        field('zip', 'string'),
        field('country', 'string'),
        optional('floor', 'int'),
      ],
    }),
    optional('billTo', 'Address'),
    field('lines', {
      type: 'array',
      items: {
        type: 'record',
        name: 'OrderLine',
        fields: [
          field('sku', 'string'),
          field('quantity', 'int'),
          field('unitPrice', decimal(12, 2)),
          optional('discount', 'double'),
          field('tags', { type: 'array', items: 'string' }),
        ],
      },
    }),
    field('total', decimal(14, 2)),
    field('attributes', { type: 'map', values: 'string' }),
    field('reference', ['null', 'string', 'long'], { default: null }),
    field('checksum', { type: 'fixed', name: 'Checksum', size: 4 }),
    field('weight', 'float'),
  ],
}

const SEED = 1789
const PARTITIONS = 3
const START_MS = Date.UTC(2023, 2, 1)
const STEP_MS = 45_000
/** Order numbers begin at a million times this: beyond what a double can tell apart. */
const FIRST_NUMBER = 9_007_199_255
const STREETS = ['Havnegade', 'Main Street', 'Rue de la Paix', 'Ringstraße', 'Calle Mayor', 'Nørregade'] as const
const CITIES = [
  ['Copenhagen', '1058', 'DK'],
  ['Aarhus', '8000', 'DK'],
  ['Malmö', '211 22', 'SE'],
  ['Köln', '50667', 'DE'],
  ['Lyon', '69001', 'FR'],
  ['Madrid', '28013', 'ES'],
] as const
const TAGS = ['fragile', 'gift', 'oversize', 'cold', 'return'] as const
const SOURCES = ['web', 'app', 'store', 'phone'] as const

/** The topic `orders` with `history` records. */
export function ordersTopic(register: Register, history: number): DemoTopic {
  const schemaId = register('orders-value', ORDER_SCHEMA)
  const random = new Random(SEED)
  const writer = new Bytes()
  let number = 0
  const send = (timestampMs: number, add: AddRecord) => {
    const id = random.uuid()
    const key = Buffer.from(id)
    writer.begin(schemaId)
    writeOrder(writer, random, id, number++, timestampMs)
    const headers = [
      ['trace-id', Buffer.from(`${random.hex(8)}${random.hex(8)}`)],
      ['source', Buffer.from(random.pick(SOURCES))],
      ['attempt', Buffer.from(String(1 + random.below(3)))],
      ...(random.next() < 0.1 ? ([['replayed', null]] as const) : []),
    ] as const
    add(partitionOfKey(key, PARTITIONS), timestampMs, pieceOf(key), writer, headers)
  }
  return {
    name: 'orders',
    partitions: PARTITIONS,
    config: { 'retention.bytes': RETENTION_BYTES },
    codec: 'zstd',
    batchBytes: 65_536,
    history,
    perSecond: 1,
    past: (i, add) => send(START_MS + i * STEP_MS, add),
    present: send,
  }
}

function writeOrder(w: Bytes, random: Random, id: string, number: number, timestampMs: number): void {
  const status = random.below(STATUS.length)
  const customer = 1 + random.below(2000)
  w.string(id).nanoseconds(FIRST_NUMBER, number).long(status).long(timestampMs)
  if (status === 0) w.long(0)
  else w.long(1).long(timestampMs * 1000 + random.below(1_000_000))
  if (status < 3) w.long(0)
  else w.long(1).long(Math.floor(timestampMs / 86_400_000) + 1 + random.below(5))
  w.string(customerId(customer)).string(customerName(customer))
  if (customer % 3 === 0) w.long(0)
  else w.long(1).string(`${customerId(customer).toLowerCase()}@example.com`)
  w.boolean(customer % 10 === 0)
  writeAddress(w, random)
  if (random.next() < 0.7) w.long(0)
  else writeAddress(w.long(1), random)
  w.decimal(writeLines(w, random))
  w.long(2)
    .string('channel')
    .string(random.pick(SOURCES))
    .string('campaign')
    .string(`spring-${random.below(9)}`)
    .long(0)
  const reference = random.below(3)
  w.long(reference)
  if (reference === 1) w.string(`PO-${random.below(100_000)}`)
  if (reference === 2) w.long(random.below(1e9))
  w.fixed(Buffer.from(random.hex(8), 'hex')).float(Math.round(random.next() * 4000) / 100)
}

function writeAddress(w: Bytes, random: Random): void {
  const [city, zip, country] = random.pick(CITIES)
  w.string(`${random.pick(STREETS)} ${1 + random.below(200)}`)
    .string(city)
    .string(zip)
    .string(country)
  if (random.next() < 0.5) w.long(0)
  else w.long(1).long(random.below(12))
}

/** Writes 1 to 4 lines and gives the sum in cents. */
function writeLines(w: Bytes, random: Random): bigint {
  const count = 1 + random.below(4)
  let total = 0n
  w.long(count)
  for (let i = 0; i < count; i++) {
    const quantity = 1 + random.below(5)
    const cents = BigInt(199 + random.below(50_000))
    total += cents * BigInt(quantity)
    w.string(`SKU-${String(random.below(500)).padStart(4, '0')}`)
      .long(quantity)
      .decimal(cents)
    if (random.next() < 0.8) w.long(0)
    else w.long(1).double(random.below(30) / 100)
    writeTags(w, random)
  }
  w.long(0)
  return total
}

function writeTags(w: Bytes, random: Random): void {
  const tags = TAGS.filter(() => random.next() < 0.2)
  if (tags.length > 0) w.long(tags.length)
  for (const tag of tags) w.string(tag)
  w.long(0)
}
