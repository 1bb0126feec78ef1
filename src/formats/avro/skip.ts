/**
 * How large encoded values of a node are, and how much code reads them: what the generators decide by. And the code that
 * skips a value: fixed sizes merge, small types are written out in place, large and recursive ones get a function.
 */
import { js } from '../../codegen/emitter.ts'
import { DECIMAL_LIMIT_BYTES } from '../reading/reader-runtime.ts'
import type { Family } from './family.ts'
import { blocks, type Lines, readInt, readLength, readLong, skipVarintCode, branches } from './lines.ts'
import type { AvroNode, RecordNode, UnionNode } from './schema.ts'

const FIXED: Readonly<Record<string, number>> = { null: 0, default: 0, boolean: 1, float: 4, double: 8 }

/**
 * Sizes of records: types may be used many times over. A recursive record has no fixed size, so what is found on the
 * way round holds for good.
 */
const fixedSizes = new WeakMap<AvroNode, number | undefined>()
const minimumSizes = new WeakMap<AvroNode, number>()

/** The size in bytes of every value of the node, or undefined when it varies. */
export function fixedSize(node: AvroNode, open: Set<AvroNode> = new Set()): number | undefined {
  if (node.kind === 'fixed') return node.size
  if (node.kind !== 'record') return FIXED[node.kind]
  if (open.has(node)) return undefined
  if (fixedSizes.has(node)) return fixedSizes.get(node)
  open.add(node)
  let sum: number | undefined = 0
  for (const field of node.fields) {
    const size = fixedSize(field.node, open)
    if (size === undefined) {
      sum = undefined
      break
    }
    sum += size
  }
  open.delete(node)
  fixedSizes.set(node, sum)
  return sum
}

/** The fewest bytes that a value of the node can have; a recursion counts nothing. */
export function minimumSize(node: AvroNode, open: Set<AvroNode> = new Set()): number {
  if (node.kind === 'fixed') return node.size
  if (node.kind !== 'record') return FIXED[node.kind] ?? 1
  if (open.has(node)) return 0
  const known = minimumSizes.get(node)
  if (known !== undefined) return known
  open.add(node)
  let sum = 0
  for (const field of node.fields) {
    sum += minimumSize(field.node, open)
    // Callers need to know about one byte only; a wide schema must not be walked for more.
    if (sum > 0) break
  }
  open.delete(node)
  minimumSizes.set(node, sum)
  return sum
}

/**
 * How many nodes the code for a value visits, counted no further than `limit`; a recursive type is beyond every limit.
 */
export function codeSize(node: AvroNode, limit: number, open: Set<AvroNode> = new Set()): number {
  if (open.has(node)) return limit + 1
  const children =
    node.kind === 'record'
      ? node.fields.map((field) => field.node)
      : node.kind === 'union'
        ? node.branches
        : node.kind === 'array'
          ? [node.items]
          : node.kind === 'map'
            ? [node.values]
            : node.kind === 'default'
              ? [node.node]
              : []
  let sum = 1
  open.add(node)
  for (const child of children) {
    sum += codeSize(child, limit - sum, open)
    if (sum > limit) break
  }
  open.delete(node)
  return sum
}

/** Whether the schema has records, or arrays of items, that may have no bytes at all. */
export function hasEmptyParts(node: AvroNode, seen: Set<AvroNode> = new Set()): boolean {
  if (seen.has(node)) return false
  seen.add(node)
  if (node.kind === 'array') return minimumSize(node.items) === 0 || hasEmptyParts(node.items, seen)
  if (node.kind === 'default') return hasEmptyParts(node.node, seen)
  if (node.kind === 'map') return hasEmptyParts(node.values, seen)
  if (node.kind === 'union') return node.branches.some((branch) => hasEmptyParts(branch, seen))
  return (
    node.kind === 'record' && (minimumSize(node) === 0 || node.fields.some((field) => hasEmptyParts(field.node, seen)))
  )
}

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
