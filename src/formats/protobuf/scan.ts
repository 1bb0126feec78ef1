/**
 * Generates the scan of one message: a single pass over its bytes that notes where the wanted fields stand. Values are
 * read afterwards from the noted positions, so that the last of several values counts, a oneof keeps one member, and
 * the order on the wire does not matter.
 *
 * Writers nearly always put fields in the order of their numbers: a chain of tests in that order, one for each field,
 * takes such records without a loop or a jump table. Whatever the chain does not take is taken by the loop behind it.
 */
import { type Code, js, join, type Name, NOTHING } from '../../codegen/emitter.ts'
import { scratch } from '../reading/reader-runtime.ts'
import type { Frame } from './family.ts'
import type { ProtoField, ProtoMessage, ProtoType } from './definition/schema.ts'
import { lengthAt, skipField, skipTagged, tagAt, wireOf } from './wire.ts'

/**
 * Fields that one function takes care of: a wider message is read by several, each of which looks through the record.
 */
export const PART_FIELDS = 256
/** Fields in the chain; the loop takes the others. */
const CHAIN_FIELDS = 64

/** Where the values of a field stand, once the scan is over. */
export interface Tracked {
  readonly field: ProtoField
  /**
   * Of shape `one`: the position of the last value (behind its tag); of a list or map: of the first tag. -1: there is
   * none.
   */
  readonly at: Name
  /** Lists and maps: the position of the last tag. */
  readonly last: Name
  /** Messages of shape `one`: how many there are. */
  readonly count: Name
}

export interface Scan {
  readonly code: Code
  readonly tracked: ReadonlyMap<ProtoField, Tracked>
}

type Wire = 0 | 1 | 2 | 3 | 5

/** The wire type of a single value. */
export function wireOfType(type: ProtoType): Wire {
  return type.kind === 'message' ? (type.group === undefined ? 2 : 3) : type.kind === 'enum' ? 0 : wireOf(type.scalar)
}

/** The wire types that a field may come in, the usual one first. */
function wiresOf(field: ProtoField): Wire[] {
  if (field.shape === 'map') return [2]
  const wire = wireOfType(field.type)
  if (field.shape === 'one' || wire === 2 || wire === 3) return [wire]
  return field.packed ? [2, wire] : [wire, 2]
}

/** The number that stands in front of a value. */
export function tagOf(field: ProtoField, wire: Wire): number {
  return ((field.number << 3) | wire) >>> 0
}

/** The test whether the bytes at `p` are the tag. */
export function tagTest(tag: number, p: Name): { test: Code; size: number } {
  const tests: Code[] = []
  for (let rest = tag; ; rest = Math.floor(rest / 128)) {
    const size = tests.length
    tests.push(js`b[${size === 0 ? p : js`${p} + ${size}`}] === ${rest > 127 ? (rest % 128) + 128 : rest}`)
    if (rest <= 127) return { test: join(tests, ' && '), size: size + 1 }
  }
}

/** Moves `p` behind a value. `tag`: that of its field, for values between tags. */
function step(frame: Frame, wire: Wire, tag: number, p: Name, to: Code): Code {
  switch (wire) {
    case 0:
      return js`while (b[${p}++] > 127);`
    case 1:
      return js`${p} += 8`
    case 5:
      return js`${p} += 4`
    case 3:
      return js`${p} = ${frame.e.constant(skipField, 'skipField')}(b, ${p}, ${to}, ${tag}); if (${p} < 0) ${frame.bad}`
    default: {
      const { e } = frame
      const n = e.name('n')
      return js`let ${n} = b[${p}++] | 0
if (${n} > 127) { ${n} = ${e.constant(lengthAt, 'lengthAt')}(b, ${p} - 1); if (${n} < 0) ${frame.bad}
${p} = ${e.constant(scratch, 'scratch')}.at }
if (${n} > ${to} - ${p}) ${frame.bad}
${p} += ${n}`
    }
  }
}

/** The scan of the bytes [from, to) of a message. Its variables are declared by the code. */
export function scanMessage(
  frame: Frame,
  message: ProtoMessage,
  wanted: readonly ProtoField[],
  from: Code,
  to: Code,
): Scan {
  const { e, bad } = frame
  const tracked = new Map<ProtoField, Tracked>()
  for (const field of wanted)
    tracked.set(field, { field, at: e.name(field.name), last: e.name('last'), count: e.name('count') })
  const [p, t, c] = [e.name('p'), e.name('t'), e.name('tag')]
  const numbers = new Map([...tracked.values()].map((each) => [each.field.number, each]))
  const accept = (field: ProtoField): Code => {
    const resets = field.siblings.flatMap((number) => {
      const other = numbers.get(number)
      return other === undefined
        ? []
        : [js`${other.at} = -1; ${other.field.type.kind === 'message' ? js`${other.count} = 0` : NOTHING}`]
    })
    const own = tracked.get(field)
    if (own === undefined) return js`${resets}`
    if (field.shape !== 'one')
      return js`if (${own.at} < 0) ${own.at} = ${t}
${own.last} = ${t}`
    return js`${own.at} = ${p}; ${field.type.kind === 'message' ? js`${own.count}++;` : NOTHING} ${resets}`
  }
  const declarations = [...tracked.values()].map(
    ({ at, last, count, field }) =>
      js`let ${at} = -1 ${field.shape === 'one' ? (field.type.kind === 'message' ? js`, ${count} = 0` : NOTHING) : js`, ${last} = -1`}`,
  )
  const ordered = [...message.fields].sort((x, y) => x.number - y.number).slice(0, CHAIN_FIELDS)
  const chain = ordered.map((field) => {
    const [wire] = wiresOf(field)
    const { test, size } = tagTest(tagOf(field, wire), p)
    const list = field.shape !== 'one'
    return js`${list ? js`while` : js`if`} (${p} < ${to} && ${test}) { ${list ? js`${t} = ${p}` : NOTHING}
${p} += ${size}
${accept(field)}
${step(frame, wire, tagOf(field, wire), p, to)} }`
  })
  const looped = message.fields.filter(
    (field) => tracked.has(field) || field.siblings.some((number) => numbers.has(number)),
  )
  // By number and not by tag: dense cases become a jump table.
  const cases = looped.map(
    (field) => js`case ${field.number}: ${wiresOf(field).map(
      (wire) => js`if (${c} === ${tagOf(field, wire)}) { ${accept(field)}
${step(frame, wire, tagOf(field, wire), p, to)}
continue }`,
    )}
break`,
  )
  const code = js`${declarations}
let ${p} = ${from}, ${t} = 0, ${c} = 0
${chain}
while (${p} < ${to}) { ${t} = ${p}; ${c} = b[${p}++]
if (${c} > 127) { ${c} = ${e.constant(tagAt, 'tagAt')}(b, ${t}); if (${c} < 0) ${bad}
${p} = ${e.constant(scratch, 'scratch')}.at }
${cases.length === 0 ? NOTHING : js`switch (${c} >>> 3) { ${cases} }`}
${p} = ${e.constant(skipField, 'skipField')}(b, ${p}, ${to}, ${c}); if (${p} < 0) ${bad} }
if (${p} !== ${to}) ${bad}`
  return { code, tracked }
}

/**
 * A loop over the values of a list or the entries of a map that a scan has noted: `each` gives the code for the value
 * at a position. Blocks of packed numbers are taken apart.
 */
export function eachValue(
  frame: Frame,
  field: ProtoField,
  at: Code,
  last: Code,
  to: Code,
  each: (at: Name) => Code,
): Code {
  const { e } = frame
  const [q, end, n] = [e.name('q'), e.name('end'), e.name('n')]
  const own = field.shape === 'map' ? 2 : wireOfType(field.type)
  const single = tagTest(tagOf(field, own), q)
  const packed = own === 2 || own === 3 ? undefined : tagTest(tagOf(field, 2), q)
  const block =
    packed === undefined
      ? NOTHING
      : js`if (${packed.test}) { ${q} += ${packed.size}; const ${n} = ${e.constant(lengthAt, 'lengthAt')}(b, ${q}); ${q} = ${e.constant(scratch, 'scratch')}.at
const ${end} = ${q} + ${n}
${own === 0 ? NOTHING : js`if (${n} % ${own === 1 ? 8 : 4} !== 0) ${frame.bad}`}
while (${q} < ${end}) { ${each(q)}
${step(frame, own, tagOf(field, own), q, end)} }
if (${q} !== ${end}) ${frame.bad}
} else`
  return js`if (${at} >= 0) for (let ${q} = ${at}; ${q} <= ${last};) {
if (${single.test}) { ${q} += ${single.size}
${each(q)}
${step(frame, own, tagOf(field, own), q, to)} } else ${block} { ${q} = ${e.constant(skipTagged, 'skipTagged')}(b, ${q}, ${to}); if (${q} < 0) ${frame.bad} } }`
}
