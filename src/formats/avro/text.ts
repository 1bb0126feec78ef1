/**
 * Generates functions that turn encoded Avro into JSON text without making a value in between: bytes in, bytes into the
 * scratch buffer out. Record names and punctuation are written four bytes at a time. It renders as `render.ts` does,
 * rule by rule.
 */
import { type Code, js, type Name } from '../../codegen/emitter.ts'
import type { DataType } from '../../types.ts'
import { isoDate, isoTime, isoTimestamp } from '../text/render.ts'
import {
  type RawBuffer,
  decimalAt,
  durationAt,
  grow,
  uuidAt,
  writeAscii,
  writeBase64,
  writeReady,
  writeString,
} from '../reading/reader-runtime.ts'
import { writeDouble, writeFloat, writeInteger, writeLongAt } from '../text/number-writer.ts'
import type { Family } from './family.ts'
import {
  aside,
  blocks,
  countEmpty,
  type Lines,
  need,
  readCheckedLength,
  readInt,
  readLength,
  readLong,
  scratchName,
  branches,
} from './lines.ts'
import type { AvroNode, EnumNode, Logical } from './schema.ts'
import { fieldTypes, itemType, rawScalar, shownAs } from './scalar.ts'
import { codeSize, minimumSize } from './skip.ts'

/** The most nodes of a composite that is written in place; a wider record is split into functions of that size. */
const INLINE_NODES = 48
/** Room that a number or another scalar of bounded size may take. */
const SCALAR_BYTES = 40

/** Lines of code that also hold the writer's variables and merge literal text. */
class TextLines {
  readonly lines: Lines
  readonly family: Family
  readonly w: Name
  readonly o: Name
  readonly view: Name
  readonly rest: Name
  /** Bytes of room that the function must have before it starts and again after everything of variable size. */
  readonly room: { bytes: number }
  #text = ''
  constructor(
    lines: Lines,
    family: Family,
    names: { w: Name; o: Name; view: Name; rest: Name },
    room: { bytes: number },
  ) {
    this.lines = lines
    this.family = family
    this.w = names.w
    this.o = names.o
    this.view = names.view
    this.rest = names.rest
    this.room = room
  }

  literal(text: string): void {
    this.#text += text
  }

  /** Writes the literal text that waits. */
  flush(): void {
    if (this.#text === '') return
    const bytes = Buffer.from(this.#text)
    this.#text = ''
    this.room.bytes += bytes.length + 4
    const { w, view } = this
    if (bytes.length > 64) return this.ready(bytes)
    const padded = Buffer.concat([bytes, Buffer.alloc(3)])
    const stores: Code[] = []
    for (let i = 0; i < bytes.length; i += 4)
      stores.push(js`${view}.setInt32(${w} + ${i}, ${padded.readInt32LE(i)}, true)`)
    this.lines.add(js`${stores}
${w} += ${bytes.length}`)
  }

  ready(bytes: Uint8Array): void {
    this.variable(
      js`${this.lines.frame.e.constant(writeReady, 'writeReady')}(${this.lines.frame.e.constant(bytes, 'ready')}, ${this.w}, ${this.rest})`,
    )
  }

  add(code: Code): void {
    this.flush()
    this.lines.add(code)
  }

  /** A scalar of bounded size: `code` returns the new position. */
  scalar(code: Code): void {
    this.room.bytes += SCALAR_BYTES
    this.add(js`${this.w} = ${code}`)
  }

  /** Something that makes its own room (and may have moved the scratch buffer), or returns -1. */
  variable(code: Code): void {
    const s = scratchName(this.lines.frame)
    this.add(js`${this.w} = ${code}; if (${this.w} < 0) ${this.lines.frame.bad}
${this.o} = ${s}.bytes; ${this.view} = ${s}.view`)
  }

  block(fill: (inner: TextLines) => void): Code {
    return this.lines.block((lines) => this.within(lines, fill))
  }

  within(lines: Lines, fill: (inner: TextLines) => void): void {
    const inner = new TextLines(lines, this.family, this, this.room)
    fill(inner)
    inner.flush()
  }

  fn(value: unknown, prefix: string): Name {
    return this.lines.frame.e.constant(value, prefix)
  }
}

/**
 * The function (b, view, p, to, w, depth) → new w that writes a value of the node as JSON text, as the type shows it
 * (`shown-as.ts`); without a type as the node says.
 */
export function textFunction(node: AvroNode, family: Family, type?: DataType): Name {
  return textPart(node, family, family.textPurpose(type, 'text'), (out) => writeNode(out, node, type, true))
}

function textPart(node: AvroNode, family: Family, purpose: unknown, fill: (out: TextLines) => void): Name {
  const { e } = family
  const w = e.name('w')
  const names = { w, o: e.name('o'), view: e.name('ov'), rest: e.name('rest') }
  const room = { bytes: 16 }
  return family.define(
    node,
    purpose,
    'text',
    w,
    (lines) => {
      const out = new TextLines(lines, family, names, room)
      fill(out)
      out.flush()
      return w
    },
    [w],
    () => {
      const s = scratchOf(family)
      return js`const ${names.rest} = ${room.bytes}
if (${w} + ${names.rest} > ${s}.bytes.length && !${e.constant(grow, 'grow')}(${w} + ${names.rest})) { ${s}.at = -1; return ${w} }
let ${names.o} = ${s}.bytes, ${names.view} = ${s}.view`
    },
  )
}

function scratchOf(family: Family): Name {
  return scratchName({ e: family.e } as Lines['frame'])
}

function callText(out: TextLines, fn: Name): void {
  out.flush()
  const x = out.family.call(out.lines, fn, [out.w])
  // What follows needs its room again.
  out.variable(js`${out.fn(grow, 'grow')}(${x} + ${out.rest}) ? ${x} : -1`)
}

function writeNode(out: TextLines, node: AvroNode, type?: DataType, top = false): void {
  switch (node.kind) {
    case 'default':
      out.flush()
      return aside(out.lines, node, (lines) => out.within(lines, (inner) => writeNode(inner, node.node, type)))
    case 'record':
    case 'array':
    case 'map':
    case 'union':
      if (!top && codeSize(node, INLINE_NODES) > INLINE_NODES)
        return callText(out, textFunction(node, out.family, type))
      return writeComposite(out, node, type)
    default:
      return writeLeaf(out, node, type)
  }
}

function writeComposite(
  out: TextLines,
  node: AvroNode & { kind: 'record' | 'array' | 'map' | 'union' },
  type?: DataType,
): void {
  switch (node.kind) {
    case 'record':
      return writeRecord(out, node, type)
    case 'union': {
      out.flush()
      return branches(out.lines, node, (lines, branch) => out.within(lines, (inner) => writeNode(inner, branch, type)))
    }
    default:
      return writeItems(out, node, itemType(node, type))
  }
}

function writeRecord(out: TextLines, node: AvroNode & { kind: 'record' }, type?: DataType): void {
  const types = fieldTypes(type)
  const fill = (from: number, to: number) => (inner: TextLines) => {
    for (let i = from; i < to; i++) {
      inner.literal(`${i === 0 ? '' : ','}${JSON.stringify(node.fields[i].name)}:`)
      writeNode(inner, node.fields[i].node, types.get(node.fields[i].name))
    }
  }
  if (minimumSize(node) === 0) countEmpty(out.lines, 1)
  out.literal('{')
  const { length } = node.fields
  if (length <= INLINE_NODES) fill(0, length)(out)
  else
    for (let i = 0; i < length; i += INLINE_NODES)
      callText(
        out,
        textPart(
          node,
          out.family,
          out.family.textPurpose(type, `text ${i}`),
          fill(i, Math.min(length, i + INLINE_NODES)),
        ),
      )
  out.literal('}')
}

function writeItems(out: TextLines, node: AvroNode & { kind: 'array' | 'map' }, type?: DataType): void {
  const { e } = out.family
  const item = node.kind === 'array' ? node.items : node.values
  const first = e.name('first')
  out.literal(node.kind === 'array' ? '[' : '{')
  out.add(js`let ${first} = true`)
  blocks(out.lines, node.kind === 'map' ? 1 : minimumSize(item), false, (lines) =>
    out.within(lines, (inner) => {
      // Every item has the room of the whole function again.
      inner.variable(js`${inner.fn(grow, 'grow')}(${inner.w} + ${inner.rest}) ? ${inner.w} : -1`)
      inner.add(js`if (${first}) ${first} = false; else ${inner.o}[${inner.w}++] = 44`)
      if (node.kind === 'map') {
        writeNode(inner, { kind: 'string' })
        inner.literal(':')
      }
      writeNode(inner, item, type)
    }),
  )
  out.literal(node.kind === 'array' ? ']' : '}')
}

function writeLeaf(out: TextLines, node: AvroNode, type?: DataType): void {
  const { p, to, bad } = out.lines.frame
  const { lines } = out
  const shown = type === undefined ? undefined : shownAs(node, type, out.family.render)
  if (shown !== undefined) return writeShown(out, node, shown)
  if ('logical' in node && node.logical !== undefined && writeLogical(out, node, node.logical)) return
  switch (node.kind) {
    case 'null':
      return out.literal('null')
    case 'boolean': {
      out.flush()
      const yes = out.block((inner) => inner.literal('true'))
      const no = out.block((inner) => inner.literal('false'))
      return out.add(js`if (b[${p}++] === 1) ${yes} else ${no}`)
    }
    case 'int':
      return out.scalar(js`${out.fn(writeInteger, 'writeInteger')}(${out.o}, ${out.w}, ${readInt(lines)})`)
    case 'long':
      return writeLong(out)
    case 'float':
      need(lines, 4)
      out.scalar(js`${out.fn(writeFloat, 'writeFloat')}(${out.o}, ${out.w}, view.getFloat32(${p}, true))`)
      return lines.advance(4)
    case 'double':
      need(lines, 8)
      out.scalar(js`${out.fn(writeDouble, 'writeDouble')}(${out.o}, ${out.w}, view.getFloat64(${p}, true))`)
      return lines.advance(8)
    case 'string': {
      const n = readCheckedLength(lines)
      out.variable(js`${out.fn(writeString, 'writeString')}(b, view, ${p}, ${p} + ${n}, ${out.w}, ${out.rest})`)
      return lines.add(js`${p} += ${n}`)
    }
    case 'bytes': {
      const n = readCheckedLength(lines)
      out.variable(js`${out.fn(writeBase64, 'writeBase64')}(b, ${p}, ${p} + ${n}, ${out.w}, ${out.rest})`)
      return lines.add(js`${p} += ${n}`)
    }
    case 'fixed':
      lines.add(js`if (${p} + ${node.size} > ${to}) ${bad}`)
      out.variable(js`${out.fn(writeBase64, 'writeBase64')}(b, ${p}, ${p} + ${node.size}, ${out.w}, ${out.rest})`)
      return lines.advance(node.size)
    case 'enum':
      return writeEnum(out, node)
    default:
  }
}

/** A single value of another version, by way of the value that it has in the newest. */
function writeShown(out: TextLines, node: AvroNode, shown: (value: never) => string): void {
  out.flush()
  const x = out.family.e.name('own')
  const raw = rawScalar(out.lines, node)
  out.add(js`const ${x} = ${raw.value}`)
  if (raw.after !== undefined) out.add(raw.after)
  if (raw.size !== undefined) out.lines.advance(raw.size)
  ascii(out, js`${out.fn(shown, 'shown')}(${x})`)
}

function writeLong(out: TextLines): void {
  const { p, c, bad } = out.lines.frame
  out.room.bytes += SCALAR_BYTES
  out.flush()
  const x = out.family.e.name('l')
  // Up to 28 bits in place; longer ones go from bytes to digits without a number (or a bigint) in between.
  out.add(js`${c} = b[${p}++]; let ${x} = ${c} & 127
if (${c} > 127) { ${c} = b[${p}++]; ${x} |= (${c} & 127) << 7; if (${c} > 127) { ${c} = b[${p}++]; ${x} |= (${c} & 127) << 14; if (${c} > 127) { ${c} = b[${p}++]; ${x} |= (${c} & 127) << 21 } } }
if (${c} > 127) { ${out.w} = ${out.fn(writeLongAt, 'writeLongAt')}(${out.o}, ${out.w}, b, ${p} - 4); if (${out.w} < 0) ${bad}
while (b[${p}++] > 127); } else ${out.w} = ${out.fn(writeInteger, 'writeInteger')}(${out.o}, ${out.w}, (${x} >>> 1) ^ -(${x} & 1))`)
}

function writeEnum(out: TextLines, node: EnumNode): void {
  const texts = node.symbols.map((symbol) => Buffer.from(JSON.stringify(symbol)))
  const x = readInt(out.lines)
  out.add(js`if (${x} < 0 || ${x} >= ${texts.length}) ${out.lines.frame.bad}`)
  out.variable(js`${out.fn(writeReady, 'writeReady')}(${out.fn(texts, 'symbols')}[${x}], ${out.w}, ${out.rest})`)
}

function ascii(out: TextLines, text: Code): void {
  out.variable(js`${out.fn(writeAscii, 'writeAscii')}(${text}, ${out.w}, ${out.rest})`)
}

/** The text of a decimal as the options want it. Shared by text and value code. */
export function decimalText(
  b: RawBuffer,
  from: number,
  to: number,
  scale: number,
  digits: number | undefined,
): string | undefined {
  const value = decimalAt(b, from, to, scale)
  return value === undefined ? undefined : (digits === undefined ? value : value.round(digits)).toString()
}

function quotedTime(value: number | bigint, logical: Logical): string {
  switch (logical.kind) {
    case 'date':
      return `"${isoDate(Number(value))}"`
    case 'time':
      return `"${isoTime(value, logical.unit)}"`
    case 'timestamp':
      return `"${isoTimestamp(value, logical.unit, false, logical.local)}"`
    default:
      return String(value)
  }
}

/** False: the logical type prints as its carrier does. */
function writeLogical(out: TextLines, node: AvroNode, logical: Logical): boolean {
  const { lines } = out
  const { p, bad } = lines.frame
  switch (logical.kind) {
    case 'date':
    case 'time':
    case 'timestamp': {
      if (!out.family.render.timestamp) return false
      const x = node.kind === 'int' ? readInt(lines) : readLong(lines)
      ascii(out, js`${out.fn(quotedTime, 'quotedTime')}(${x}, ${out.fn(logical, 'logical')})`)
      return true
    }
    case 'decimal': {
      const n = node.kind === 'fixed' ? js`${node.size}` : readLength(lines)
      lines.add(js`if (${n} > ${lines.frame.to} - ${p}) ${bad}`)
      const x = out.family.e.name('decimal')
      lines.add(js`const ${x} = ${out.fn(decimalText, 'decimalText')}(b, ${p}, ${p} + ${n}, ${logical.scale}, ${out.family.render.decimal}); if (${x} === undefined) ${bad}
${p} += ${n}`)
      ascii(out, x)
      return true
    }
    case 'uuid':
    case 'duration': {
      if (node.kind !== 'fixed') return false
      need(lines, node.size)
      ascii(
        out,
        js`'"' + ${logical.kind === 'uuid' ? out.fn(uuidAt, 'uuidAt') : out.fn(durationAt, 'durationAt')}(b, ${p}) + '"'`,
      )
      lines.advance(node.size)
      return true
    }
  }
}
