/**
 * `cc_payments` (Avro) and `cc_payments_json`: card payments, one partition, the same payments in both, in the same
 * order. About 96 bytes a record in Avro, as in the STATS sample of the WebSocket specification, which lies within the
 * history: 541,951 payments up to 2023-03-15T17:29:15.
 */
import { Bytes, type Piece } from './bytes.ts'
import { Random } from './random.ts'
import { RETENTION_BYTES, type AddRecord, type DemoTopic, type Register } from './topic.ts'

export const PAYMENT_SCHEMA = {
  type: 'record',
  name: 'Payment',
  namespace: 'io.sluice.demo',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'time', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'amount', type: 'double' },
    { name: 'currency', type: 'string' },
    { name: 'creditCardId', type: 'string' },
    { name: 'merchantId', type: 'long' },
  ],
}

/** Numbers that make a payment; one object, filled in again and again. */
interface Payment {
  /** Its id is `txn-`, these in eight hexadecimal digits, `-`, its number in eight decimal digits. */
  salt: number
  number: number
  timeMs: number
  cents: number
  /** Index in CURRENCIES. */
  currency: number
  /** Sixteen decimal digits. */
  card: number
  merchant: number
}

const SEED = 541951
const SAMPLE_RECORDS = 541_951
const SAMPLE_MS = Date.UTC(2023, 2, 15, 17, 29, 15)
const STEP_MS = 800
const START_MS = SAMPLE_MS - SAMPLE_RECORDS * STEP_MS
const CARDS = 20_000
const MERCHANTS = 119
const CURRENCIES: readonly Buffer[] = [
  ...['AUD', 'BGN', 'BRL', 'CAD', 'CHF', 'CNY', 'CZK', 'DKK', 'EUR', 'GBP', 'HKD', 'HUF', 'IDR', 'ILS'],
  ...['INR', 'JPY', 'KRW', 'MXN', 'MYR', 'NOR', 'NZD', 'PLN', 'RON', 'SEK', 'SGD', 'THB', 'USD'],
].map((code) => Buffer.from(code))

/** The payments, one after the other. */
class Payments {
  readonly #random = new Random(SEED)
  readonly #cards = Float64Array.from({ length: CARDS }, () => 4e15 + this.#random.below(1e15))
  readonly #payment: Payment = { salt: 0, number: 0, timeMs: 0, cents: 0, currency: 0, card: 0, merchant: 0 }

  /** Valid until the next call. */
  next(timeMs: number): Payment {
    const random = this.#random
    const payment = this.#payment
    payment.salt = random.below(4294967296)
    payment.number++
    payment.timeMs = timeMs
    payment.cents = Math.round(random.next() ** 3 * 500_000 + 50)
    payment.currency = random.below(CURRENCIES.length)
    payment.card = this.#cards[random.below(CARDS)]
    payment.merchant = 1 + random.below(MERCHANTS)
    return payment
  }
}

const TXN = Buffer.from('txn-')
const DASH = 45
const ID_BYTES = 21

function writeId(w: Bytes, payment: Payment): Bytes {
  return w.fixed(TXN).hex8(payment.salt).byte(DASH).digits(payment.number, 8)
}

function paymentTopic(
  name: string,
  codec: 'none' | 'zstd',
  batchBytes: number,
  history: number,
  encode: (payment: Payment) => Piece,
): DemoTopic {
  const payments = new Payments()
  const key = new Bytes(64)
  const send = (payment: Payment, add: AddRecord) =>
    add(0, payment.timeMs, writeId(key.clear(), payment), encode(payment))
  return {
    name,
    partitions: 1,
    config: { 'retention.bytes': RETENTION_BYTES },
    codec,
    batchBytes,
    history,
    perSecond: 2,
    past: (i, add) => send(payments.next(START_MS + i * STEP_MS), add),
    present: (nowMs, add) => send(payments.next(nowMs), add),
  }
}

/** The topic `cc_payments` with `history` records in Avro. */
export function avroPayments(register: Register, history: number): DemoTopic {
  const schemaId = register('cc_payments-value', PAYMENT_SCHEMA)
  const writer = new Bytes()
  return paymentTopic('cc_payments', 'none', 32_768, history, (payment) => {
    writeId(writer.begin(schemaId).long(ID_BYTES), payment)
      .long(payment.timeMs)
      .double(payment.cents / 100)
    return writer.prefixed(CURRENCIES[payment.currency]).long(16).digits(payment.card, 16).long(payment.merchant)
  })
}

const [ID, TIME, AMOUNT, CURRENCY, CARD, MERCHANT, END] = [
  '{"id":"',
  '","time":',
  ',"amount":',
  ',"currency":"',
  '","creditCardId":"',
  '","merchantId":',
  '}',
].map((text) => Buffer.from(text))
const POINT = 46

/** Compressed with zstd: four times smaller, and a topic to see decompression at work. */
export function jsonPayments(history: number): DemoTopic {
  const w = new Bytes()
  return paymentTopic('cc_payments_json', 'zstd', 131_072, history, (payment) => {
    writeId(w.clear().fixed(ID), payment).fixed(TIME).digits(payment.timeMs).fixed(AMOUNT)
    writeAmount(w, payment.cents)
      .fixed(CURRENCY)
      .fixed(CURRENCIES[payment.currency])
      .fixed(CARD)
      .digits(payment.card, 16)
    return w.fixed(MERCHANT).digits(payment.merchant).fixed(END)
  })
}

/** As JSON.stringify would: no trailing zeros. */
function writeAmount(w: Bytes, cents: number): Bytes {
  w.digits(Math.floor(cents / 100))
  const rest = cents % 100
  if (rest === 0) return w
  return rest % 10 === 0 ? w.byte(POINT).digits(rest / 10) : w.byte(POINT).digits(rest, 2)
}
