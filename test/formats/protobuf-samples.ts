/**
 * Random Protobuf schemas with a value of each, in three forms: as protobufjs takes it, as the run-time value, and as
 * JSON text. Made from a seed.
 */
import protobuf from 'protobufjs'
import type { DataType, Field, Value } from '../../src/types.ts'
import type { Step } from './driver.ts'

const LONG = protobuf.util.Long as unknown as { fromString(digits: string, unsigned: boolean): unknown }

export interface Shown {
  readonly type: DataType
  readonly value: Value
  readonly text: string
  readonly exists: boolean
  /** The path is a single string whose bytes stand in the record. */
  readonly sliced: boolean
}
export interface Place {
  readonly path: readonly Step[]
  readonly at: Shown
}
export interface MessageSample extends Shown {
  readonly name: string
  /** What protobufjs takes. */
  readonly encoded: Record<string, unknown>
  readonly below: readonly Place[]
}

interface Leaf {
  readonly declared: string
  readonly type: DataType
  readonly encoded: unknown
  readonly value: Value
  readonly text: string
}

export class ProtobufSamples {
  #state: number
  #names = 0
  #messages: string[] = []
  readonly proto3: boolean
  constructor(seed: number) {
    this.#state = seed | 0
    this.proto3 = this.below(2) === 0
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) | 0
    return Math.floor(((this.#state >>> 0) / 4294967296) * limit)
  }
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]
  }

  /** The schema of everything made so far; `first` becomes its first message. */
  schema(first: string): string {
    const order = [first, ...[...this.#messages].reverse()]
    const texts = [
      ...new Set(
        order.map((text) => (text === first ? this.#messages.find((m) => m.startsWith(`message ${first} `)) : text)),
      ),
    ]
    return `syntax = "${this.proto3 ? 'proto3' : 'proto2'}";\npackage sample;\nenum E { ZERO = 0; ONE = 1; BIG = 70000; MINUS = ${this.proto3 ? 2 : -1}; }\n${texts.join('\n')}\n`
  }

  message(depth: number): MessageSample {
    const name = `M${this.#names++}`
    const lines: string[] = []
    const encoded: Record<string, unknown> = {}
    const fields: Field[] = []
    const value = new Map<string, Value>()
    const texts: string[] = []
    const below: Place[] = []
    const numbers = new Set<number>()
    const count = 1 + this.below(7)
    for (let i = 0; i < count; i++) {
      const field = `${this.pick(['a', 'id', 'x_y', 'value', 'message'])}${i}`
      let number = this.pick([i + 1, i + 1, 16 + i, 3000 + i * 7, 536870000 + i])
      while (numbers.has(number)) number++
      numbers.add(number)
      const made = this.field(depth, field, number)
      lines.push(made.line)
      if (made.encoded !== undefined) encoded[field] = made.encoded
      fields.push({ name: field, type: made.shown.type, nullable: made.nullable })
      value.set(field, made.shown.value)
      texts.push(`${JSON.stringify(field)}:${made.shown.text}`)
      below.push(
        { path: [field], at: made.shown },
        ...made.below.map(({ path, at }) => ({ path: [field, ...path], at })),
      )
    }
    this.#messages.push(`message ${name} {\n${lines.map((line) => `  ${line}`).join('\n')}\n}`)
    return {
      name,
      encoded,
      value,
      text: `{${texts.join(',')}}`,
      type: { kind: 'struct', name: `sample.${name}`, fields },
      exists: true,
      sliced: false,
      below,
    }
  }

  field(
    depth: number,
    name: string,
    number: number,
  ): { line: string; encoded: unknown; shown: Shown; nullable: boolean; below: readonly Place[] } {
    const kind = depth > 1 ? this.below(10) : 4 + this.below(6)
    const end = `${name} = ${number}`
    switch (kind) {
      case 0:
      case 1: {
        const inner = this.message(depth - 1)
        const label = this.proto3 ? '' : 'optional '
        if (this.below(4) === 0)
          return {
            line: `${label}${inner.name} ${end};`,
            encoded: undefined,
            shown: missing(inner.type),
            nullable: true,
            below: [],
          }
        return {
          line: `${label}${inner.name} ${end};`,
          encoded: inner.encoded,
          shown: inner,
          nullable: true,
          below: inner.below,
        }
      }
      case 2: {
        const inner = this.message(depth - 1)
        const items = Array.from({ length: this.below(4) }, () => inner)
        return this.list(
          `repeated ${inner.name} ${end};`,
          inner.type,
          items,
          items.map((item) => item.encoded),
          items.map((item) => item.below),
        )
      }
      case 3:
        return this.mapOfMessages(depth, end)
      case 4: {
        const leaf = this.leaf()
        const items = Array.from({ length: this.below(5) }, () => leaf)
        const packable = !['string', 'bytes'].includes(leaf.declared)
        const option = packable ? this.pick(['', ' [packed = true]', ' [packed = false]']) : ''
        return this.list(
          `repeated ${leaf.declared} ${end}${option};`,
          leaf.type,
          items.map(shownLeaf),
          items.map((item) => item.encoded),
          items.map(() => []),
        )
      }
      case 5:
        return this.mapOfLeaves(end)
      case 6: {
        const leaf = this.leaf()
        if (this.below(3) === 0)
          return {
            line: `optional ${leaf.declared} ${end};`,
            encoded: undefined,
            shown: missing(leaf.type),
            nullable: true,
            below: [],
          }
        return {
          line: `optional ${leaf.declared} ${end};`,
          encoded: leaf.encoded,
          shown: shownLeaf(leaf),
          nullable: true,
          below: [],
        }
      }
      default: {
        const leaf = this.leaf()
        if (!this.proto3)
          return {
            line: `required ${leaf.declared} ${end};`,
            encoded: leaf.encoded,
            shown: shownLeaf(leaf),
            nullable: false,
            below: [],
          }
        if (this.below(4) > 0)
          return {
            line: `${leaf.declared} ${end};`,
            encoded: leaf.encoded,
            shown: shownLeaf(leaf),
            nullable: false,
            below: [],
          }
        return {
          line: `${leaf.declared} ${end};`,
          encoded: undefined,
          shown: shownLeaf({ ...leaf, ...empty(leaf.declared) }),
          nullable: false,
          below: [],
        }
      }
    }
  }

  list(
    line: string,
    element: DataType,
    items: readonly Shown[],
    encoded: unknown[],
    below: readonly (readonly Place[])[],
  ) {
    const shown: Shown = {
      type: { kind: 'array', element },
      value: items.map((item) => item.value),
      text: `[${items.map((item) => item.text).join(',')}]`,
      exists: true,
      sliced: false,
    }
    const places = items.flatMap((item, i) => [
      { path: [i], at: item },
      ...below[i].map(({ path, at }) => ({ path: [i, ...path], at })),
    ])
    return { line, encoded: encoded.length === 0 ? undefined : encoded, shown, nullable: false, below: places }
  }

  mapOfMessages(depth: number, end: string) {
    const inner = this.message(depth - 1)
    const keys = ['k', 'a key', 'ключ', 'quo"te', ''].slice(0, this.below(6))
    return this.map(`map<string, ${inner.name}> ${end};`, inner.type, keys, inner, inner.encoded, inner.below)
  }

  mapOfLeaves(end: string) {
    const leaf = this.leaf()
    const [key, keys] = this.pick<[string, string[]]>([
      ['string', ['k', 'zwei', 'дрй']],
      ['int32', ['-1', '0', '2147483647']],
      ['uint64', ['18446744073709551615', '1']],
      ['bool', ['true', 'false']],
    ])
    return this.map(
      `map<${key}, ${leaf.declared}> ${end};`,
      leaf.type,
      keys.slice(0, this.below(4)),
      shownLeaf(leaf),
      leaf.encoded,
      [],
    )
  }

  map(line: string, type: DataType, keys: readonly string[], item: Shown, encoded: unknown, below: readonly Place[]) {
    // A JavaScript object would put keys that look like indexes first.
    const ordered = Object.keys(Object.fromEntries(keys.map((key) => [key, 0])))
    const shown: Shown = {
      type: { kind: 'map', value: type },
      value: new Map(ordered.map((key) => [key, item.value])),
      text: `{${ordered.map((key) => `${JSON.stringify(key)}:${item.text}`).join(',')}}`,
      exists: true,
      sliced: false,
    }
    const places = ordered.flatMap((key) => [
      { path: [key], at: item },
      ...below.map(({ path, at }) => ({ path: [key, ...path], at })),
    ])
    return {
      line,
      encoded: keys.length === 0 ? undefined : Object.fromEntries(ordered.map((key) => [key, encoded])),
      shown,
      nullable: false,
      below: places,
    }
  }

  string(): string {
    return this.pick([
      '',
      'x',
      'hello world',
      'quo"te\\',
      'Grüße, 世界 🚢',
      'x'.repeat(130),
      'line\nbreak',
      String(this.below(1e9)),
    ])
  }

  leaf(): Leaf {
    const long = (declared: string, values: readonly bigint[]): Leaf => {
      const n = this.pick(values)
      return {
        declared,
        type: { kind: 'long' },
        encoded: LONG.fromString(n.toString(), n > 0x7fffffffffffffffn),
        value: asLong(n),
        text: String(n),
      }
    }
    const plain = (
      declared: string,
      kind: 'int' | 'long' | 'boolean' | 'string',
      value: number | boolean | string,
    ): Leaf => ({
      declared,
      type: { kind },
      encoded: value,
      value,
      text: JSON.stringify(value),
    })
    const signed = [
      0n,
      1n,
      -1n,
      127n,
      128n,
      -128n,
      2n ** 53n,
      -(2n ** 53n),
      2n ** 53n - 1n,
      2n ** 63n - 1n,
      -(2n ** 63n),
      BigInt(this.below(1e9)),
    ]
    const unsigned = [0n, 1n, 127n, 300n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]
    const ints = [0, 1, -1, 127, 128, -128, 2147483647, -2147483648, this.below(1e9), -this.below(1e9)]
    switch (this.below(15)) {
      case 0:
        return plain('int32', 'int', this.pick(ints))
      case 1:
        return plain('sint32', 'int', this.pick(ints))
      case 2:
        return plain('sfixed32', 'int', this.pick(ints))
      case 3:
        return plain('uint32', 'long', this.pick([0, 1, 127, 128, 4294967295, this.below(1e9)]))
      case 4:
        return plain('fixed32', 'long', this.pick([0, 1, 4294967295, this.below(1e9)]))
      case 5:
        return long('int64', signed)
      case 6:
        return long('sint64', signed)
      case 7:
        return long('sfixed64', signed)
      case 8:
        return long('uint64', unsigned)
      case 9:
        return long('fixed64', unsigned)
      case 10:
        return plain('bool', 'boolean', this.below(2) === 0)
      case 11:
        return floating(
          'double',
          this.pick([
            0,
            -0,
            1,
            -128,
            0.1,
            1e300,
            -1.5e-9,
            Number.NaN,
            Number.NEGATIVE_INFINITY,
            this.below(1e9) / 1000,
          ]),
        )
      case 12:
        return floating(
          'float',
          Math.fround(this.pick([0, 1, -2.5, 0.1, 3e38, Number.POSITIVE_INFINITY, this.below(1e6) / 64])),
        )
      case 13: {
        const b = Buffer.from(Array.from({ length: this.below(150) }, () => this.below(256)))
        return {
          declared: 'bytes',
          type: { kind: 'bytes' },
          encoded: b,
          value: new Uint8Array(b),
          text: JSON.stringify(b.toString('base64')),
        }
      }
      default: {
        if (this.below(3) > 0) return plain('string', 'string', this.string())
        const [number, name] = this.pick<[number, string]>([
          [0, 'ZERO'],
          [1, 'ONE'],
          [70000, 'BIG'],
          ...(this.proto3 ? ([[99, '99']] as [number, string][]) : []),
        ])
        return { declared: 'E', type: { kind: 'string' }, encoded: number, value: name, text: JSON.stringify(name) }
      }
    }
  }
}

/** What an absent value of a proto3 scalar reads as. */
function empty(declared: string): { value: Value; text: string } {
  switch (declared) {
    case 'string':
      return { value: '', text: '""' }
    case 'bytes':
      return { value: new Uint8Array(0), text: '""' }
    case 'bool':
      return { value: false, text: 'false' }
    case 'E':
      return { value: 'ZERO', text: '"ZERO"' }
    case 'double':
    case 'float':
      return { value: 0, text: '0.0' }
    default:
      return { value: 0, text: '0' }
  }
}

function shownLeaf(leaf: Leaf): Shown {
  return { type: leaf.type, value: leaf.value, text: leaf.text, exists: true, sliced: leaf.declared === 'string' }
}

function missing(type: DataType): Shown {
  return { type, value: null, text: 'null', exists: false, sliced: false }
}

function floating(kind: 'float' | 'double', value: number): Leaf {
  const shortest = kind === 'double' ? String(value) : shortestFloat(value)
  const visible = /^-?\d+$/.test(shortest) ? `${shortest}.0` : shortest
  return {
    declared: kind,
    type: { kind },
    encoded: value,
    value,
    text: Number.isFinite(value) ? (Object.is(value, -0) ? '-0.0' : visible) : `"${value}"`,
  }
}

function shortestFloat(value: number): string {
  for (let digits = 1; digits <= 9; digits++)
    if (Math.fround(Number(value.toPrecision(digits))) === value) return String(Number(value.toPrecision(digits)))
  return String(value)
}

function asLong(n: bigint): number | bigint {
  return n >= -9007199254740991n && n <= 9007199254740991n ? Number(n) : n
}

/** The message as protobufjs writes it, without any framing. */
export function encodeSample(schema: string, sample: MessageSample): Buffer {
  const type = protobuf.parse(schema, { keepCase: true }).root.lookupType(`sample.${sample.name}`)
  return Buffer.from(type.encode(type.fromObject(sample.encoded)).finish())
}

/** What protobufjs reads of the bytes, with defaults filled in. */
export function decodedByLibrary(schema: string, name: string, bytes: Uint8Array): unknown {
  const type = protobuf.parse(schema, { keepCase: true }).root.lookupType(`sample.${name}`)
  return type.toObject(type.decode(bytes), { defaults: true, longs: String, bytes: String })
}
