/**
 * Random Avro schemas with a value of each, in three forms: as avsc encodes it, as the run-time value, and as JSON
 * text. Made from a seed.
 */
import avsc from 'avsc'
import { Decimal } from '../../src/lib/decimal.ts'
import { JsonText } from '../../src/lib/json-text.ts'
import type { DataType, Field, Value } from '../../src/types.ts'
import type { Step } from './driver.ts'

export interface Sample {
  readonly schema: unknown
  /** What avsc takes (unions wrapped, longs as bigint). */
  readonly encoded: unknown
  readonly value: Value
  readonly text: string
  readonly type: DataType
  /** The same as a value of the `json` kind. */
  readonly json: Value
  readonly nullable: boolean
  /** Every path below, with what is there. */
  readonly below: readonly { readonly path: readonly Step[]; readonly sample: Sample }[]
}

/** avsc's long as bigint, so that all 64 bits are tested. */
const LONG = avsc.types.LongType.__with({
  fromBuffer: (b: Buffer) => b.readBigInt64LE(),
  toBuffer: (n: bigint) => {
    const b = Buffer.alloc(8)
    b.writeBigInt64LE(n)
    return b
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (n: unknown) => typeof n === 'bigint',
  compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
} as never)

/** The bytes of the sample, written by avsc. */
export function encode(sample: Sample): Buffer {
  const carriers = JSON.parse(
    JSON.stringify(sample.schema, (_key, schema) => (typeof schema?.logicalType === 'string' ? schema.type : schema)),
  )
  return avsc.Type.forSchema(carriers as never, { registry: { long: LONG }, wrapUnions: 'always' } as never).toBuffer(
    sample.encoded,
  )
}

export class Samples {
  #state: number
  #names = 0
  constructor(seed: number) {
    this.#state = seed | 0
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) | 0
    return Math.floor(((this.#state >>> 0) / 4294967296) * limit)
  }
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]
  }

  record(depth: number): Sample {
    const fields = Array.from({ length: 1 + this.below(6) }, (_, i) => ({
      name: `${this.pick(['a', 'id', 'groesse', 'x_y', 'value'])}${i}`,
      sample: this.any(depth - 1),
    }))
    const name = `R${this.#names++}`
    const value = new Map(fields.map((field) => [field.name, field.sample.value]))
    const text = `{${fields.map((field) => `${JSON.stringify(field.name)}:${field.sample.text}`).join(',')}}`
    const typeFields: Field[] = fields.map((field) => ({
      name: field.name,
      type: field.sample.type,
      nullable: field.sample.nullable,
    }))
    return {
      schema: {
        type: 'record',
        name,
        fields: fields.map((field) => ({ name: field.name, type: field.sample.schema })),
      },
      encoded: Object.fromEntries(fields.map((field) => [field.name, field.sample.encoded])),
      value,
      text,
      json: new JsonText(text),
      type: { kind: 'struct', name, fields: typeFields },
      nullable: false,
      below: fields.flatMap((field) => deeper(field.name, field.sample)),
    }
  }

  any(depth: number): Sample {
    if (depth <= 0) return this.scalar()
    switch (this.below(8)) {
      case 0:
        return this.record(depth)
      case 1:
        return this.array(depth)
      case 2:
        return this.map(depth)
      case 3:
        return this.optional(depth)
      case 4:
        return this.union(depth)
      default:
        return this.scalar()
    }
  }

  /** Every item has the schema of the first; its value varies where that is simple. */
  array(depth: number): Sample {
    const length = this.below(4)
    const item = this.any(depth - 1)
    const items = Array.from({ length }, () => item)
    const text = `[${items.map((each) => each.text).join(',')}]`
    return {
      schema: { type: 'array', items: item.schema },
      encoded: items.map((each) => each.encoded),
      value: items.map((each) => each.value),
      text,
      json: new JsonText(text),
      type: { kind: 'array', element: item.type },
      nullable: false,
      below: items.flatMap((each, i) => deeper(i, each)),
    }
  }

  map(depth: number): Sample {
    const item = this.any(depth - 1)
    const keys = ['k', 'a key', 'ключ', 'quo"te', ''].slice(0, this.below(6))
    const text = `{${keys.map((key) => `${JSON.stringify(key)}:${item.text}`).join(',')}}`
    return {
      schema: { type: 'map', values: item.schema },
      encoded: Object.fromEntries(keys.map((key) => [key, item.encoded])),
      value: new Map(keys.map((key) => [key, item.value])),
      text,
      json: new JsonText(text),
      type: { kind: 'map', value: item.type },
      nullable: false,
      below: keys.flatMap((key) => deeper(key, item)),
    }
  }

  optional(depth: number): Sample {
    let inner = this.any(depth - 1)
    while (inner.nullable || Array.isArray(inner.schema)) inner = this.scalar()
    const first = this.below(2) === 0
    const schema = first ? ['null', inner.schema] : [inner.schema, 'null']
    if (this.below(3) === 0)
      return {
        schema,
        encoded: null,
        value: null,
        text: 'null',
        json: null,
        type: inner.type,
        nullable: true,
        below: [],
      }
    return { ...inner, schema, encoded: { [branchName(inner.schema)]: inner.encoded }, nullable: true }
  }

  union(depth: number): Sample {
    const branches = new Map<string, Sample>()
    for (let i = 0; i < 4; i++) {
      const branch = this.any(depth - 1)
      if (!Array.isArray(branch.schema) && branch.schema !== 'null') branches.set(branchName(branch.schema), branch)
    }
    if (branches.size < 2) return this.scalar()
    const list = [...branches]
    const [name, chosen] = this.pick(list)
    const nullable = this.below(2) === 0
    return {
      schema: [...(nullable ? ['null'] : []), ...list.map(([, branch]) => branch.schema)],
      encoded: { [name]: chosen.encoded },
      value: chosen.json,
      text: chosen.text,
      json: chosen.json,
      type: { kind: 'json' },
      nullable,
      below: chosen.below,
    }
  }

  string(): string {
    return Array.from({ length: this.pick([0, 1, 3, 5, 12, 70, 200]) }, () =>
      this.pick(['a', 'Z', '7', ' ', '"', '\\', '\n', '\u0001', '\u007f', 'é', '€', '😀', '/']),
    ).join('')
  }

  long(): bigint {
    const bits = this.below(64)
    const n = (BigInt(this.below(4294967296)) << 32n) | BigInt(this.below(4294967296))
    return this.pick([
      BigInt.asIntN(64, n >> BigInt(bits)),
      BigInt.asIntN(64, n),
      9007199254740991n,
      -9007199254740991n,
      -9007199254740992n,
      9007199254740992n,
      -9223372036854775808n,
      9223372036854775807n,
      0n,
      -1n,
      63n,
      64n,
      -64n,
      -65n,
    ])
  }

  double(): number {
    return this.pick([
      this.below(1000) / 10,
      this.below(4294967296) / 4294967296,
      -this.below(1e9),
      1e300 / (1 + this.below(100)),
      5e-324,
      -0,
      0,
      12.570543333333333,
      1e21,
      123456789012345680,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ])
  }

  scalar(): Sample {
    switch (this.below(16)) {
      case 0:
        return leaf('null', { kind: 'null' }, null, null, 'null')
      case 1:
        return this.simple('boolean', { kind: 'boolean' }, this.below(2) === 0)
      case 2:
        return this.simple('int', { kind: 'int' }, this.int())
      case 3: {
        const n = this.long()
        return leaf('long', { kind: 'long' }, n, asLong(n), String(n))
      }
      case 4:
        return floating('double', this.double())
      case 5:
        return floating('float', Math.fround(this.double()))
      case 6:
        return this.bytes()
      case 7: {
        const symbols = ['A', 'B', 'LONGER_SYMBOL']
        return this.simple({ type: 'enum', name: `E${this.#names++}`, symbols }, { kind: 'string' }, this.pick(symbols))
      }
      case 8: {
        const b = Buffer.from([1, 2, 250, 0, this.below(256)])
        return {
          ...leaf(
            { type: 'fixed', name: `F${this.#names++}`, size: 5 },
            { kind: 'bytes' },
            b,
            new Uint8Array(b),
            JSON.stringify(b.toString('base64')),
          ),
          json: b.toString('base64'),
        }
      }
      case 9:
        return this.decimal()
      case 10:
        return temporal({ type: 'int', logicalType: 'date' }, { kind: 'date' }, 19429, '"2023-03-13"')
      case 11:
        return temporal(
          { type: 'long', logicalType: 'timestamp-millis' },
          { kind: 'timestamp', unit: 'millis' },
          1678707744260,
          '"2023-03-13T11:42:24.26Z"',
        )
      case 12:
        return temporal(
          { type: 'long', logicalType: 'timestamp-micros' },
          { kind: 'timestamp', unit: 'micros' },
          -1,
          '"1969-12-31T23:59:59.999999Z"',
        )
      case 13:
        return temporal(
          { type: 'int', logicalType: 'time-millis' },
          { kind: 'time', unit: 'millis' },
          74833679,
          '"20:47:13.679"',
        )
      default:
        return this.simple('string', { kind: 'string' }, this.string())
    }
  }

  int(): number {
    return this.pick([
      0,
      -1,
      1,
      63,
      -64,
      64,
      2147483647,
      -2147483648,
      this.below(4294967296) | 0,
      this.below(4294967296) >> 16,
    ])
  }

  simple(schema: unknown, type: DataType, value: boolean | number | string): Sample {
    return leaf(schema, type, value, value, JSON.stringify(value))
  }

  bytes(): Sample {
    const b = Buffer.from(Array.from({ length: this.below(100) }, () => this.below(256)))
    const base64 = b.toString('base64')
    return { ...leaf('bytes', { kind: 'bytes' }, b, new Uint8Array(b), JSON.stringify(base64)), json: base64 }
  }

  decimal(): Sample {
    const [unscaled, hex] = this.pick([
      [12345n, '3039'],
      [-1n, 'ff'],
      [0n, '00'],
      [-(1n << 80n), 'ff00000000000000000000'],
      [1n << 100n, '10000000000000000000000000'],
    ] as const)
    const value = new Decimal(unscaled, 2)
    return {
      ...leaf(
        { type: 'bytes', logicalType: 'decimal', precision: 38, scale: 2 },
        { kind: 'decimal', precision: 38, scale: 2 },
        Buffer.from(hex, 'hex'),
        value,
        value.toString(),
      ),
      json: value.toNumber(),
    }
  }
}

function leaf(schema: unknown, type: DataType, encoded: unknown, value: Value, text: string): Sample {
  return { schema, encoded, value, text, type, json: value, nullable: schema === 'null', below: [] }
}

function temporal(schema: { type: string; logicalType: string }, type: DataType, value: number, text: string): Sample {
  return {
    ...leaf(schema, type, schema.type === 'long' ? BigInt(value) : value, value, text),
    json: JSON.parse(text) as string,
  }
}

function floating(kind: 'float' | 'double', value: number): Sample {
  const shortest = kind === 'double' ? String(value) : shortestFloat(value)
  const visible = /^-?\d+$/.test(shortest) ? `${shortest}.0` : shortest
  const text = Number.isFinite(value) ? (Object.is(value, -0) ? '-0.0' : visible) : `"${value}"`
  return { ...leaf(kind, { kind }, value, value, text), json: Number.isFinite(value) ? Number(text) : String(value) }
}

function shortestFloat(value: number): string {
  for (let digits = 1; digits <= 9; digits++)
    if (Math.fround(Number(value.toPrecision(digits))) === value) return String(Number(value.toPrecision(digits)))
  return String(value)
}

function asLong(n: bigint): number | bigint {
  return n >= -9007199254740991n && n <= 9007199254740991n ? Number(n) : n
}

function branchName(schema: unknown): string {
  if (typeof schema === 'string') return schema
  const { name, type } = schema as { name?: string; type: string }
  return name ?? type
}

function deeper(step: Step, sample: Sample): { path: Step[]; sample: Sample }[] {
  return [
    { path: [step], sample },
    ...sample.below.map((each) => ({ path: [step, ...each.path], sample: each.sample })),
  ]
}
