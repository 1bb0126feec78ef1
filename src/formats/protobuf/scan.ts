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
import type { ProtoField, ProtoMessage, ProtoOneof, ProtoType } from './definition/schema.ts'
import { lengthAt, skipField, tagAt, wireOf } from './wire.ts'

/** Fields that one function takes care of: of a wider message `wide.ts` notes the places, and several read them. */
export const PART_FIELDS = 256
/** Fields in the chain; the loop takes the others. */
const CHAIN_FIELDS = 64

/**
 * Where the values of a field stand, once the scan is over. Neighbouring values of a list or map, each behind the
 * shortest form of one tag, are a run: only where a run begins is noted, so that looking at them is no second look at
 * everything between them.
 */
export interface Tracked {
  readonly field: ProtoField
  /**
   * Of shape `one`: the position of the last value (behind its tag); of a list or map: of the first tag. -1: there is
   * none.
   */
  readonly at: Name
  /**
   * Positions of what else there is, null for nothing. Of messages of shape `one`: the earlier values; of a list or
   * map: the first tag of each further run. Scalars of shape `one` have none.
   */
  readonly more: Name
}

export interface Scan {
  readonly code: Code
  readonly tracked: ReadonlyMap<ProtoField, Tracked>
}

export type Wire = 0 | 1 | 2 | 3 | 5

/** The wire type of a single value. */
export function wireOfType(type: ProtoType): Wire {
  return type.kind === 'message' ? (type.group === undefined ? 2 : 3) : type.kind === 'enum' ? 0 : wireOf(type.scalar)
}

/** The wire types that a field may come in, the usual one first. */
export function wiresOf(field: ProtoField): Wire[] {
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

/** Adds a position to what is noted already. */
export function noted(more: number[] | null, at: number): number[] {
  if (more === null) return [at]
  more.push(at)
  return more
}

/** Whether `more` of a field is ever anything but null. */
function hasMore(field: ProtoField): boolean {
  return field.shape !== 'one' || field.type.kind === 'message'
}

/** Makes the pieces of one scan: what is done where a field was met, in the chain or in the loop. */
class ScanWriter {
  readonly #frame: Frame
  readonly #to: Code
  readonly #tracked: ReadonlyMap<ProtoField, Tracked>
  /** For each oneof with wanted members: the variable that holds the number of the member that was met last. */
  readonly oneofs = new Map<ProtoOneof, Name>()
  readonly p: Name
  readonly t: Name
  constructor(frame: Frame, to: Code, tracked: ReadonlyMap<ProtoField, Tracked>) {
    this.#frame = frame
    this.#to = to
    this.#tracked = tracked
    this.p = frame.e.name('p')
    this.t = frame.e.name('t')
    for (const { oneof } of tracked.keys())
      if (oneof !== undefined && oneof.fields.length > 1 && !this.oneofs.has(oneof))
        this.oneofs.set(oneof, frame.e.name('member'))
  }

  /** In front of the value at `p`, whose tag stands at `t`. `first`: nothing of the field can have come before. */
  #accept(field: ProtoField, first: boolean): Code {
    const member = field.oneof && this.oneofs.get(field.oneof)
    const own = this.#tracked.get(field)
    const { e } = this.#frame
    const note = (at: Code): Code =>
      own === undefined ? NOTHING : js`${own.more} = ${e.constant(noted, 'noted')}(${own.more}, ${at})`
    if (own === undefined) return member === undefined ? NOTHING : js`${member} = ${field.number}`
    if (field.shape !== 'one')
      return first ? js`${own.at} = ${this.t}` : js`if (${own.at} < 0) ${own.at} = ${this.t}; else ${note(this.t)}`
    // What came before another member of the oneof is no part of the message.
    const earlier = js`if (${own.at} >= 0) ${member === undefined ? note(own.at) : js`if (${member} === ${field.number}) ${note(own.at)}; else ${own.more} = null`}`
    return js`${first || !hasMore(field) ? NOTHING : earlier}
${own.at} = ${this.p}; ${member === undefined ? NOTHING : js`${member} = ${field.number}`}`
  }

  /** Takes the field where its usual tag stands at `p`. */
  chained(field: ProtoField): Code {
    const { p, t } = this
    const [wire] = wiresOf(field)
    const { test, size } = tagTest(tagOf(field, wire), p)
    return js`if (${p} < ${this.#to} && ${test}) { ${field.shape === 'one' ? NOTHING : js`${t} = ${p}`}
${p} += ${size}
${this.#accept(field, true)}
${this.#passed(field, wire)} }`
  }

  /** Takes the field whose tag was read, with values of the wire type. */
  looped(field: ProtoField, wire: Wire): Code {
    return js`${this.#accept(field, false)}
${this.#passed(field, wire)}`
  }

  /** Moves `p` behind the value, and behind the whole run of a list or map. */
  #passed(field: ProtoField, wire: Wire): Code {
    const { p } = this
    const tag = tagOf(field, wire)
    const one = step(this.#frame, wire, tag, p, this.#to)
    if (field.shape === 'one') return one
    const { test, size } = tagTest(tag, p)
    return js`for (;;) { ${one}
if (!(${p} < ${this.#to} && ${test})) break
${p} += ${size} }`
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
  for (const field of wanted) tracked.set(field, { field, at: e.name(field.name), more: e.name('more') })
  const writer = new ScanWriter(frame, to, tracked)
  const { p, t, oneofs } = writer
  const c = e.name('tag')
  const declarations = [...tracked.values()].map(
    ({ at, more, field }) => js`let ${at} = -1 ${hasMore(field) ? js`, ${more} = null` : NOTHING}`,
  )
  const ordered = [...message.fields].sort((x, y) => x.number - y.number).slice(0, CHAIN_FIELDS)
  const few = [...oneofs.keys()].filter((oneof) => oneof.fields.length <= CHAIN_FIELDS)
  const looped = new Set([...tracked.keys(), ...few.flatMap((oneof) => oneof.fields)])
  // By number and not by tag: dense cases become a jump table.
  const cases = [...looped].map(
    (field) => js`case ${field.number}: ${wiresOf(field).map(
      (wire) => js`if (${c} === ${tagOf(field, wire)}) { ${writer.looped(field, wire)}
continue }`,
    )}
break`,
  )
  // Of a oneof with very many members those that nobody asked for have no cases of their own.
  const others = [...oneofs]
    .filter(([oneof]) => oneof.fields.length > CHAIN_FIELDS)
    .map(([oneof, member]) => js`if (${e.constant(tagsOf(oneof), 'members')}.has(${c})) ${member} = 0`)
  const cleared = [...tracked.values()].flatMap(({ field, at }) => {
    const member = field.oneof && oneofs.get(field.oneof)
    return member === undefined ? [] : [js`if (${member} !== ${field.number}) ${at} = -1`]
  })
  const code = js`${declarations}
let ${p} = ${from}, ${t} = 0, ${c} = 0
${[...oneofs.values()].map((member) => js`let ${member} = 0`)}
${ordered.map((field) => writer.chained(field))}
while (${p} < ${to}) { ${t} = ${p}; ${c} = b[${p}++]
if (${c} > 127) { ${c} = ${e.constant(tagAt, 'tagAt')}(b, ${t}); if (${c} < 0) ${bad}
${p} = ${e.constant(scratch, 'scratch')}.at }
${cases.length === 0 ? NOTHING : js`switch (${c} >>> 3) { ${cases} }`}
${others}
${p} = ${e.constant(skipField, 'skipField')}(b, ${p}, ${to}, ${c}); if (${p} < 0) ${bad} }
if (${p} !== ${to}) ${bad}
${cleared}`
  return { code, tracked }
}

/** Tags of the members, made once for each oneof. */
const memberTags = new WeakMap<ProtoOneof, ReadonlySet<number>>()

function tagsOf(oneof: ProtoOneof): ReadonlySet<number> {
  let tags = memberTags.get(oneof)
  if (tags === undefined)
    memberTags.set(oneof, (tags = new Set(oneof.fields.map((field) => tagOf(field, wiresOf(field)[0])))))
  return tags
}

/**
 * A loop over the values of a list or the entries of a map that a scan has noted: `each` gives the code for the value
 * at a position. Blocks of packed numbers are taken apart.
 */
export function eachValue(
  frame: Frame,
  field: ProtoField,
  at: Code,
  more: Code,
  to: Code,
  each: (at: Name) => Code,
): Code {
  const { e } = frame
  const [q, r, t, end, n] = [e.name('q'), e.name('r'), e.name('t'), e.name('end'), e.name('n')]
  const [usual, other] = wiresOf(field)
  const own = field.shape === 'map' ? 2 : wireOfType(field.type)
  const first = tagTest(tagOf(field, usual), q)
  /** What is behind a value: the next one of the run, or the next run. */
  const next = (wire: Wire): Code => {
    const { test, size } = tagTest(tagOf(field, wire), q)
    return js`if (!(${q} < ${to} && ${test})) break
${q} += ${size}`
  }
  const single = js`for (;;) { ${each(q)}
${step(frame, own, tagOf(field, own), q, to)}
${next(own)} }`
  const block =
    other === undefined
      ? NOTHING
      : js`if (${t} === ${tagOf(field, 2)}) for (;;) { const ${n} = ${e.constant(lengthAt, 'lengthAt')}(b, ${q}); ${q} = ${e.constant(scratch, 'scratch')}.at
const ${end} = ${q} + ${n}
${own === 0 ? NOTHING : js`if (${n} % ${own === 1 ? 8 : 4} !== 0) ${frame.bad}`}
while (${q} < ${end}) { ${each(q)}
${step(frame, own, tagOf(field, own), q, end)} }
if (${q} !== ${end}) ${frame.bad}
${next(2)} } else`
  return js`for (let ${q} = ${at}, ${r} = 0, ${t} = 0; ${q} >= 0; ${q} = ${more} !== null && ${r} < ${more}.length ? ${more}[${r}++] : -1) {
if (${first.test}) { ${q} += ${first.size}; ${t} = ${tagOf(field, usual)} } else { ${t} = ${e.constant(tagAt, 'tagAt')}(b, ${q}); ${q} = ${e.constant(scratch, 'scratch')}.at }
${block} ${single} }`
}
