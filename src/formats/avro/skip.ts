/**
 * Generates the code that skips a value: fixed sizes merge, small types are written out in place, large and
 * recursive ones get a function.
 */
import { js } from '../../codegen/emitter.ts'
import { DECIMAL_LIMIT_BYTES } from '../reading/reader-runtime.ts'
import type { Family } from './family.ts'
import { blocks, type Lines, readInt, readLength, readLong, skipVarintCode, branches } from './lines.ts'
import type { AvroNode, RecordNode, UnionNode } from './schema.ts'
import { codeSize, fixedSize, minimumSize } from './size.ts'

/** The most nodes of a record that is skipped in place. */
const INLINE_NODES = 24
/** Fields that one function of a long run skips. */
const RUN_FIELDS = 64

/** Code that moves the position behind a value of the node. `strict`: also check what a mere step need not look at. */
export function skip(out: Lines, node: AvroNode, family: Family, strict: boolean): void {
  const size = fixedSize(node)
  if (size !== undefined && (!strict || size === 0)) return out.advance(size)
  switch (node.kind) {
    case 'null':
    case 'default':
      return
    case 'fixed':
      return out.advance(node.size)
    case 'boolean':
    case 'float':
    case 'double':
      return out.advance(fixedSize(node) ?? 0)
    case 'int':
    case 'long':
      if (!strict) return skipVarintCode(out)
      if (node.kind === 'int') readInt(out)
      else readLong(out)
      return
    case 'enum':
      if (!strict) return skipVarintCode(out)
      return out.add(js`if (${readInt(out)} >>> 0 >= ${node.symbols.length}) ${out.frame.bad}`)
    case 'bytes':
    case 'string': {
      const n = readLength(out)
      if (strict && node.logical?.kind === 'decimal') out.add(js`if (${n} > ${DECIMAL_LIMIT_BYTES}) ${out.frame.bad}`)
      // A length near 2^30 must not add up to a position that is no small integer any more.
      return out.add(js`if (${n} > ${out.frame.to} - ${out.frame.p}) ${out.frame.bad}
${out.frame.p} += ${n}`)
    }
    case 'record':
      return skipRecord(out, node, family, strict)
    case 'array':
    case 'map':
      return skipBlocks(out, node, family, strict)
    case 'union':
      return skipUnion(out, node, family, strict)
  }
}

function skipRecord(out: Lines, node: RecordNode, family: Family, strict: boolean): void {
  if (codeSize(node, INLINE_NODES) <= INLINE_NODES) return skipFields(out, node, 0, node.fields.length, family, strict)
  const fn = family.define(node, strict ? 'check' : 'skip', 'skip', js`null`, (inner) => {
    skipFields(inner, node, 0, node.fields.length, family, strict)
    return js`null`
  })
  family.call(out, fn)
}

/**
 * Skips the fields [from, to) of a record. A long run is cut into functions: one function of a thousand fields
 * would never be optimized.
 */
export function skipFields(
  out: Lines,
  node: RecordNode,
  from: number,
  to: number,
  family: Family,
  strict: boolean,
): void {
  if (to - from <= 2 * RUN_FIELDS) {
    for (let i = from; i < to; i++) skip(out, node.fields[i].node, family, strict)
    return
  }
  for (let i = from; i < to; ) {
    const end = Math.min(to, (Math.floor(i / RUN_FIELDS) + 1) * RUN_FIELDS)
    const fn = family.define(node, `${strict ? 'check' : 'skip'} ${i} ${end}`, 'skip', js`null`, (inner) => {
      skipFields(inner, node, i, end, family, strict)
      return js`null`
    })
    family.call(out, fn)
    i = end
  }
}

function skipBlocks(out: Lines, node: AvroNode & { kind: 'array' | 'map' }, family: Family, strict: boolean): void {
  const { p, to, bad } = out.frame
  const item = node.kind === 'array' ? node.items : node.values
  const size = node.kind === 'array' && !strict ? fixedSize(item) : undefined
  if (size === undefined) {
    return blocks(out, node.kind === 'map' ? 1 : minimumSize(item), !strict, (inner) => {
      if (node.kind === 'map') skip(inner, { kind: 'string' }, family, strict)
      skip(inner, item, family, strict)
    })
  }
  // Items of one size: a block is one step.
  out.add(
    js`for (;;) ${out.block((inner) => {
      const n = readInt(inner)
      inner.add(js`if (${n} === 0) break`)
      inner.add(js`if (${n} < 0) { ${n} = -${n}; while (b[${p}++] > 127); }
if (${n} * ${size} > ${to} - ${p}) ${bad}
${p} += ${n} * ${size}
if (${p} > ${to}) ${bad}`)
    })}`,
  )
}

function skipUnion(out: Lines, node: UnionNode, family: Family, strict: boolean): void {
  if (codeSize(node, INLINE_NODES) <= INLINE_NODES)
    return branches(out, node, (inner, branch) => skip(inner, branch, family, strict))
  const fn = family.define(node, strict ? 'check' : 'skip', 'skip', js`null`, (inner) => {
    branches(inner, node, (each, branch) => skip(each, branch, family, strict))
    return js`null`
  })
  family.call(out, fn)
}
