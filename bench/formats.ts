/**
 * How fast the generated readers are by themselves: records of one kind in a buffer, no Kafka, no SQL. Prints records
 * per second and nanoseconds a record. Run: `node bench/formats.ts`. It measures one thread; the figures of whole
 * queries are in `bench/main.ts`.
 */
import { type Code, Emitter, js, type Name } from '../src/codegen/emitter.ts'
import { avroDecoder } from '../src/formats/avro/decoder.ts'
import type { FacetDecoder, Want } from '../src/formats/format.ts'
import { jsonDecoder } from '../src/formats/json/decoder.ts'
import { protobufDecoder } from '../src/formats/protobuf/decoder.ts'
import { parseProtobufSchema } from '../src/formats/protobuf/definition/link.ts'
import { DEFAULT_RENDER } from '../src/formats/text/render.ts'
import type { DataType } from '../src/types.ts'

/** Few enough for one pass to fit between two turns of a busy scheduler: the best of many passes is what counts. */
const RECORDS = 5_000
const DOUBLE: DataType = { kind: 'double' }
const STRING: DataType = { kind: 'string' }
const JSON_KIND: DataType = { kind: 'json' }

const VESSEL = {
  type: 'record',
  name: 'Report',
  fields: (
    [
      ['Type', 'int'],
      ['Repeat', 'int'],
      ['MMSI', 'long'],
      ['Speed', 'double'],
      ['Accuracy', 'boolean'],
      ['Longitude', 'double'],
      ['Latitude', 'double'],
      ['location', 'string'],
      ['Course', 'double'],
      ['Heading', 'int'],
      ['Second', 'int'],
      ['RAIM', 'boolean'],
      ['Radio', 'long'],
      ['Status', 'int'],
      ['Turn', 'double'],
      ['Maneuver', 'int'],
      ['Timestamp', 'long'],
    ] as const
  ).map(([name, type]) => ({ name, type })),
}

const PROTO_TYPES: Readonly<Record<string, string>> = {
  int: 'int32',
  long: 'int64',
  double: 'double',
  boolean: 'bool',
  string: 'string',
}
const VESSEL_PROTO = `syntax = "proto3";
message Report {
${VESSEL.fields.map(({ name, type }, i) => `  ${PROTO_TYPES[type]} ${name} = ${i + 1};`).join('\n')}
}`

/** A small repeatable source of numbers in [0, 1). */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 4294967296
  }
}

function varint(out: number[], value: number | bigint): void {
  const n = BigInt(value)
  let rest = n >= 0n ? n * 2n : -n * 2n - 1n
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128)
  out.push(Number(rest))
}

function double(out: number[], value: number): void {
  const b = Buffer.alloc(8)
  b.writeDoubleLE(value)
  out.push(...b)
}

function vessel(i: number, random: () => number): Buffer {
  const out: number[] = []
  const [longitude, latitude] = [random() * 360 - 180, random() * 180 - 90]
  const location = `${latitude.toFixed(6)},${longitude.toFixed(6)}`
  varint(out, 1 + Math.floor(random() * 3))
  varint(out, 0)
  varint(out, 219000000 + Math.floor(random() * 999999))
  double(out, Math.floor(random() * 300) / 10)
  out.push(0)
  double(out, longitude)
  double(out, latitude)
  varint(out, location.length)
  out.push(...Buffer.from(location))
  double(out, Math.floor(random() * 3600) / 10)
  varint(out, 511)
  varint(out, i % 60)
  out.push(1)
  varint(out, 33577 + (i % 1000))
  varint(out, i % 16)
  double(out, -128)
  varint(out, 0)
  varint(out, 1491318144456507320n + BigInt(i) * 1000003n)
  return Buffer.from(out)
}

/**
 * The same report as Protobuf writes it, behind the list of message indexes: defaults are left out, field numbers above
 * 15 take two bytes.
 */
function vesselProto(i: number, random: () => number): Buffer {
  const out: number[] = [0]
  const [longitude, latitude] = [random() * 360 - 180, random() * 180 - 90]
  const location = `${latitude.toFixed(6)},${longitude.toFixed(6)}`
  const field = (number: number, wire: number): void => unsigned(out, BigInt(number * 8 + wire))
  const integer = (number: number, value: bigint): void => {
    if (value === 0n) return
    field(number, 0)
    unsigned(out, BigInt.asUintN(64, value))
  }
  const real = (number: number, value: number): void => {
    if (value === 0) return
    field(number, 1)
    double(out, value)
  }
  integer(1, BigInt(1 + Math.floor(random() * 3)))
  integer(3, BigInt(219000000 + Math.floor(random() * 999999)))
  real(4, Math.floor(random() * 300) / 10)
  real(6, longitude)
  real(7, latitude)
  field(8, 2)
  out.push(location.length, ...Buffer.from(location))
  real(9, Math.floor(random() * 3600) / 10)
  integer(10, 511n)
  integer(11, BigInt(i % 60))
  integer(12, 1n)
  integer(13, BigInt(33577 + (i % 1000)))
  integer(14, BigInt(i % 16))
  real(15, -128)
  integer(17, 1491318144456507320n + BigInt(i) * 1000003n)
  return Buffer.from(out)
}

function unsigned(out: number[], value: bigint): void {
  let rest = value
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128)
  out.push(Number(rest))
}

function payment(i: number, random: () => number): Buffer {
  const currency = ['EUR', 'USD', 'GBP', 'NOK', 'SEK', 'CHF'][i % 6]
  const row = {
    id: `txn${100000 + i}`,
    time: '2023-03-13T11:42:24.267Z',
    merchant: `merchant-${i % 5000}`,
    currency,
    amount: Math.floor(random() * 1e6) / 100,
    card: '4532-****-****-1234',
    blocked: i % 50 === 0,
  }
  return Buffer.from(JSON.stringify(row))
}

interface Case {
  readonly name: string
  readonly decoder: FacetDecoder
  readonly records: readonly Buffer[]
  readonly want: (declare: () => Name) => Want
}

function measure({ name, decoder, records, want }: Case): void {
  const e = new Emitter()
  const declared: Name[] = []
  const root = want(() => {
    const made = e.name('out')
    declared.push(made)
    return made
  })
  const body = decoder.emit(root, {
    emitter: e,
    from: js`from`,
    to: js`to`,
    bad: js`{ bad++; break one }`,
    validate: false,
    render: DEFAULT_RENDER,
  })
  const use: Code[] = declared.map(
    (made) => js`if (typeof ${made} === 'number') sum += ${made}; else if (${made} !== null) sum += ${made}.length`,
  )
  const run = e.build<(b: Buffer, view: DataView, ends: Int32Array) => { sum: number; bad: number }>(
    ['b', 'view', 'ends'],
    js`let sum = 0, bad = 0, from = 0
for (let i = 0; i < ends.length; i++) { const to = ends[i]
${declared.map((made) => js`let ${made} = null`)}
one: { ${body} }
${use}
from = to }
return { sum, bad }`,
    name,
  )
  const ends = new Int32Array(records.length)
  let end = 0
  records.forEach((record, i) => {
    end += record.length
    ends[i] = end
  })
  const b = Buffer.concat([...records, Buffer.alloc(64)])
  const view = new DataView(b.buffer, b.byteOffset, b.byteLength)
  let best = Number.POSITIVE_INFINITY
  let result = { sum: 0, bad: 0 }
  const until = process.hrtime.bigint() + 1_000_000_000n
  while (process.hrtime.bigint() < until) {
    const start = process.hrtime.bigint()
    result = run(b, view, ends)
    best = Math.min(best, Number(process.hrtime.bigint() - start))
  }
  const ns = best / records.length
  console.log(
    `${name.padEnd(52)} ${(1000 / ns).toFixed(2).padStart(7)} M records/s ${ns.toFixed(1).padStart(8)} ns  ${(end / records.length).toFixed(0).padStart(5)} B${result.bad > 0 ? `  BAD ${result.bad}` : ''}`,
  )
}

const random = numbers(7)
const vessels = Array.from({ length: RECORDS }, (_, i) => vessel(i, random))
const payments = Array.from({ length: RECORDS }, (_, i) => payment(i, random))
const avro = avroDecoder(JSON.stringify(VESSEL), 'avro')
const reports = Array.from({ length: RECORDS }, (_, i) => vesselProto(i, random))
const protobuf = protobufDecoder(parseProtobufSchema(VESSEL_PROTO), 'protobuf')
const json = jsonDecoder()
const leaf = (step: string, type: DataType, parts: Partial<Want>): Want => ({ step, type, children: [], ...parts })
const root = (children: Want[], parts: Partial<Want> = {}): Want => ({ step: '', type: JSON_KIND, children, ...parts })

const CASES: readonly Case[] = [
  {
    name: 'avro: Type, Speed of 17',
    decoder: avro,
    records: vessels,
    want: (d) => root([leaf('Type', { kind: 'int' }, { value: d() }), leaf('Speed', DOUBLE, { value: d() })]),
  },
  {
    name: 'avro: Speed, Status of 17',
    decoder: avro,
    records: vessels,
    want: (d) => root([leaf('Speed', DOUBLE, { value: d() }), leaf('Status', { kind: 'int' }, { value: d() })]),
  },
  {
    name: 'avro: location as range, Timestamp',
    decoder: avro,
    records: vessels,
    want: (d) =>
      root([
        leaf('location', STRING, { slice: { from: d(), to: d() }, value: d() }),
        leaf('Timestamp', { kind: 'long' }, { text: d() }),
      ]),
  },
  {
    name: 'avro: location as string',
    decoder: avro,
    records: vessels,
    want: (d) => root([leaf('location', STRING, { value: d() })]),
  },
  { name: 'avro: whole record as JSON text', decoder: avro, records: vessels, want: (d) => root([], { text: d() }) },
  {
    name: 'avro: whole record as a value',
    decoder: avro,
    records: vessels,
    want: (d) => root([], { value: d(), type: avro.type }),
  },
  {
    name: 'protobuf: Type, Speed of 17',
    decoder: protobuf,
    records: reports,
    want: (d) => root([leaf('Type', { kind: 'int' }, { value: d() }), leaf('Speed', DOUBLE, { value: d() })]),
  },
  {
    name: 'protobuf: location as range, Timestamp',
    decoder: protobuf,
    records: reports,
    want: (d) =>
      root([
        leaf('location', STRING, { slice: { from: d(), to: d() }, value: d() }),
        leaf('Timestamp', { kind: 'long' }, { text: d() }),
      ]),
  },
  {
    name: 'protobuf: whole record as JSON text',
    decoder: protobuf,
    records: reports,
    want: (d) => root([], { text: d() }),
  },
  {
    name: 'protobuf: whole record as a value',
    decoder: protobuf,
    records: reports,
    want: (d) => root([], { value: d(), type: protobuf.type }),
  },
  {
    name: 'json: currency as range, amount',
    decoder: json,
    records: payments,
    want: (d) =>
      root([
        leaf('currency', JSON_KIND, { slice: { from: d(), to: d() }, value: d() }),
        leaf('amount', JSON_KIND, { value: d() }),
      ]),
  },
  {
    name: 'json: currency as string, amount',
    decoder: json,
    records: payments,
    want: (d) => root([leaf('currency', JSON_KIND, { value: d() }), leaf('amount', JSON_KIND, { value: d() })]),
  },
  {
    name: 'json: last field',
    decoder: json,
    records: payments,
    want: (d) => root([leaf('blocked', JSON_KIND, { value: d() })]),
  },
  { name: 'json: whole record as text', decoder: json, records: payments, want: (d) => root([], { text: d() }) },
]

const only = process.argv[2]
for (const one of CASES) if (only === undefined || one.name.includes(only)) measure(one)
