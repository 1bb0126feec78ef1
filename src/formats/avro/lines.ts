/**
 * Pieces of generated Avro readers: a list of statements that merges fixed-size skips, and the inlined varint reads.
 * One `Frame` stands for one place where code runs (the engine's block, or the body of a function of the family), with
 * its position variable and its way to say "bad".
 */
import { type Code, type Emitter, js, type Name } from '../../codegen/emitter.ts'
import type { AvroNode, DefaultNode, UnionNode } from './schema.ts'
import { longAt, scratch, stringAt } from '../reading/reader-runtime.ts'

/** The variables that code in one place works with. */
export interface Frame {
  readonly e: Emitter
  /** The position; declared by the code that makes the frame, as is `c` (the last byte looked at). */
  readonly p: Name
  readonly c: Name
  readonly to: Code
  readonly bad: Code
  /** How many generated functions deep the code runs: the guard against endless recursion in the data. */
  readonly depth: Code
  /** The bytes are those of a default: ranges of them mean nothing to others. */
  readonly aside?: boolean
}

/** Statements in order. `advance` is lazy: fixed sizes add up until something needs the position. */
export class Lines {
  readonly frame: Frame
  #codes: Code[] = []
  #pending = 0
  constructor(frame: Frame) {
    this.frame = frame
  }
  add(code: Code): void {
    this.#flush()
    this.#codes.push(code)
  }
  advance(size: number): void {
    this.#pending += size
  }
  #flush(): void {
    if (this.#pending > 0) this.#codes.push(js`${this.frame.p} += ${this.#pending}`)
    this.#pending = 0
  }
  /** Everything so far as one list of statements. */
  done(): readonly Code[] {
    this.#flush()
    return this.#codes
  }
  /** The code of a nested block. */
  block(fill: (inner: Lines) => void): Code {
    const inner = new Lines(this.frame)
    fill(inner)
    return js`{ ${inner.done()} }`
  }
}

/** Reads a 32-bit zigzag varint into a new variable. */
export function readInt(out: Lines): Name {
  const { e, p, c, bad } = out.frame
  const x = e.name('i')
  out.add(js`${c} = b[${p}++]; let ${x} = ${c} & 127
if (${c} > 127) { ${c} = b[${p}++]; ${x} |= (${c} & 127) << 7; if (${c} > 127) { ${c} = b[${p}++]; ${x} |= (${c} & 127) << 14; if (${c} > 127) { ${c} = b[${p}++]; ${x} |= (${c} & 127) << 21; if (${c} > 127) { ${c} = b[${p}++]; ${x} |= ${c} << 28; if (!(${c} <= 15)) ${bad} } } } }
${x} = (${x} >>> 1) ^ -(${x} & 1)`)
  return x
}

/** Reads a 64-bit zigzag varint into a new variable: a number, or a bigint beyond ±(2^53-1). */
export function readLong(out: Lines): Name {
  const { e, p, c, bad } = out.frame
  const x = e.name('l')
  const long = e.constant(longAt, 'longAt')
  out.add(js`${c} = b[${p}++]; let ${x} = ${c} & 127
if (${c} > 127) { ${c} = b[${p}++]; ${x} |= (${c} & 127) << 7; if (${c} > 127) { ${c} = b[${p}++]; ${x} |= (${c} & 127) << 14; if (${c} > 127) { ${c} = b[${p}++]; ${x} |= (${c} & 127) << 21 } } }
if (${c} > 127) { ${x} = ${long}(b, ${p} - 4); if (${x} === undefined) ${bad}
while (b[${p}++] > 127); } else ${x} = (${x} >>> 1) ^ -(${x} & 1)`)
  return x
}

/** Reads a length (a varint that is not negative) into a new variable. It may reach beyond `to`. */
export function readLength(out: Lines): Name {
  const { e, p, c, bad } = out.frame
  const n = e.name('n')
  out.add(js`let ${n} = b[${p}++]
if (${n} > 127) { ${c} = b[${p}++]; ${n} = ${n} & 127 | (${c} & 127) << 7; if (${c} > 127) { ${c} = b[${p}++]; ${n} |= (${c} & 127) << 14; if (${c} > 127) { ${c} = b[${p}++]; ${n} |= (${c} & 127) << 21; if (${c} > 127) { ${c} = b[${p}++]; ${n} |= ${c} << 28; if (!(${c} <= 7)) ${bad} } } } }
if (${n} & 1) ${bad}
${n} >>>= 1`)
  return n
}

/** Reads a length and makes sure that as many bytes follow. */
export function readCheckedLength(out: Lines): Name {
  const { p, to, bad } = out.frame
  const n = readLength(out)
  out.add(js`if (${n} > ${to} - ${p}) ${bad}`)
  return n
}

/** Makes sure that `size` bytes are there. */
export function need(out: Lines, size: number): void {
  const { p, to, bad } = out.frame
  out.add(js`if (${p} + ${size} > ${to}) ${bad}`)
}

/** Skips a varint of any length. */
export function skipVarintCode(out: Lines): void {
  out.add(js`while (b[${out.frame.p}++] > 127);`)
}

/** A string of the bytes [from, to). */
export function stringCode(frame: Frame, from: Code, to: Code): Code {
  return js`${frame.e.constant(stringAt, 'stringAt')}(b, ${from}, ${to})`
}

/** The name of the scratch buffer in generated code. */
export function scratchName(frame: Frame): Name {
  return frame.e.constant(scratch, 'scratch')
}

/**
 * Limit `avro.data.empty.parts` (parts): array items and nested records of no size at all in one record. Beyond it: the
 * record is bad. All other parts are bounded by the bytes of the record.
 */
export const AVRO_LIMIT_EMPTY_PARTS = 10_000

/** Counts `n` parts without bytes. */
export function countEmpty(out: Lines, n: Code | number): void {
  out.add(js`if ((${scratchName(out.frame)}.empty += ${n}) > ${AVRO_LIMIT_EMPTY_PARTS}) ${out.frame.bad}`)
}

/**
 * Limit `avro.data.default.bytes` (bytes): defaults that one record brings along, each counted as often as it is read.
 * Beyond it: the record is bad. A small record of many parts must not become a large value.
 */
export const AVRO_LIMIT_DEFAULT_BYTES = 16 << 20

/**
 * Code that reads a default, with the same means as if it stood in the record: `b` and `view` are replaced meanwhile.
 */
export function aside(out: Lines, node: DefaultNode, fill: (inner: Lines) => void): void {
  const { e, bad } = out.frame
  const inner = new Lines({ ...out.frame, p: e.name('p'), c: e.name('c'), to: js`${node.to}`, aside: true })
  fill(inner)
  const { p, c } = inner.frame
  out.add(js`if ((${scratchName(out.frame)}.defaults += ${node.to - node.from + 1}) > ${AVRO_LIMIT_DEFAULT_BYTES}) ${bad}
{ const b = ${e.constant(node.store.bytes, 'defaults')}, view = ${e.constant(node.store.view, 'defaultsView')}
let ${p} = ${node.from}, ${c} = 0
${inner.done()} }`)
}

/**
 * The loop over the blocks of an array or map. `item` adds the code for one item; the position is checked after each.
 * `skipWhole`: whole blocks with a byte size are skipped. `leave` ends the loop early.
 */
export function blocks(
  out: Lines,
  minimumSize: number,
  skipWhole: boolean,
  item: (inner: Lines, leave: Code) => void,
): void {
  const { e, p, to, bad } = out.frame
  const label = e.name('blocks')
  const body = out.block((inner) => {
    const n = readInt(inner)
    inner.add(js`if (${n} === 0) break`)
    inner.add(
      js`if (${n} < 0) ${inner.block((negative) => {
        const size = readLength(negative)
        negative.add(js`if (${size} > ${to} - ${p}) ${bad}`)
        negative.add(skipWhole ? js`${p} += ${size}; continue` : js`${n} = -${n}`)
      })}`,
    )
    if (minimumSize > 0) inner.add(js`if (${n} > ${to} - ${p}) ${bad}`)
    else countEmpty(inner, n)
    inner.add(
      js`for (; ${n} > 0; ${n}--) ${inner.block((each) => {
        item(each, js`break ${label}`)
        each.add(js`if (${p} > ${to}) ${bad}`)
      })}`,
    )
  })
  out.add(js`${label}: for (;;) ${body}`)
}

/** Branches of a union whose number is one byte. */
const SMALL_UNION = 64

/**
 * The choice of a union's branch, which everything that reads a union begins with. Branch numbers are one byte, except
 * in large unions. These have a table of cases: as a chain of conditions, one in the other, the code of thousands of
 * branches could not be read.
 */
export function branches(
  out: Lines,
  node: UnionNode,
  branch: (inner: Lines, node: AvroNode, index: number) => void,
): void {
  const { p, bad } = out.frame
  const blockOf = (each: AvroNode, i: number): Code => out.block((inner) => branch(inner, each, i))
  if (node.branches.length > SMALL_UNION) {
    const index = readInt(out)
    const cases = node.branches.map((each, i) => js`case ${i}: ${blockOf(each, i)} break`)
    return out.add(js`switch (${index}) { ${cases}
default: ${bad} }`)
  }
  const index = out.frame.e.name('branch')
  out.add(js`const ${index} = b[${p}++]`)
  const cases = node.branches.map((each, i) => js`if (${index} === ${i * 2}) ${blockOf(each, i)} else`)
  out.add(js`${cases} ${bad}`)
}
