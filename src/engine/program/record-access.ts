/**
 * References of expressions over records: which paths of key and value a generated program needs, in which form, and
 * the code that names them once they are read.
 *
 * A program reads in phases: what WHERE needs first, the rest only of records that pass. A path read in an earlier
 * phase is not read again. Texts are lazy: the formats give the byte range, a JavaScript string is made where one is
 * really needed.
 */
import { unexpected } from '../../lib/assert.ts'
import { type Code, type Emitter, join, js, type Name } from '../../codegen/emitter.ts'
import { bytesAt, stringAt } from '../../formats/reading/reader-runtime.ts'
import type { EmitContext, FacetDecoder, RenderOptions, Want } from '../../formats/format.ts'
import type { HeaderRef, LastOffset, PathRef, PresenceTest, SlotRef } from '../../plan/plan.ts'
import { hasOwn } from '../../formats/reading/want.ts'
import { sameType } from '../../plan/expressions/type-parts.ts'
import type { DataType } from '../../types.ts'
import type { References } from './expression/references.ts'
import { readHeader } from './read-header.ts'
import { readVarlong } from './record-runtime.ts'

/**
 * The longest literal, in bytes, that is compared byte by byte in generated code. Not a limit: longer literals are
 * compared by a call.
 */
const MAX_INLINE_TEXT = 64

/** U+FFFD, as which everything is read, and written, that is no character. */
const REPLACEMENT = Buffer.from('\ufffd')

/** One path in one type. A path that is asked for in two types has two slots, and so two wants with the same step. */
interface Slot {
  readonly type: DataType
  readonly want: Want
  /** Every variable that the reader assigns, with its start value. */
  readonly declarations: { readonly name: Name; readonly initial: Code }[]
}

/** The paths of one phase. */
class Phase {
  /** Mostly one for each facet; a further one for the whole facet in another type. */
  readonly roots = { key: [] as Want[], value: [] as Want[] }
  /** By path; nearly always one for each. */
  readonly slots = new Map<string, Slot[]>()
  /** Of paths of which only the presence is asked. */
  readonly flags: Name[] = []
}

export class RecordReferences implements References {
  readonly #emitter: Emitter
  readonly #phases: Phase[] = []
  readonly #noValue: boolean
  readonly #checked: boolean
  #usesValue = false

  /**
   * `noValue`: code for records whose value is null; every path of the value is NULL there. `checked`: of records that
   * were looked at as a whole, and of which key or value may be bad.
   */
  constructor(emitter: Emitter, noValue: boolean, checked = false) {
    this.#emitter = emitter
    this.#noValue = noValue
    this.#checked = checked
  }

  /** Does the program look into the value at all? */
  get usesValue(): boolean {
    return this.#usesValue
  }

  #isNull(facet: string): boolean {
    if (facet === 'value') this.#usesValue = true
    return this.#noValue && facet === 'value'
  }

  /** From here on new paths belong to a further phase. */
  nextPhase(): void {
    this.#phases.push(new Phase())
  }

  // -------------------------------------------------------------------------------------------- references

  path(ref: PathRef): Code {
    const { facet, steps } = ref.path
    if (facet === 'meta') return this.#meta(String(steps[0]))
    if (facet === 'header') unexpected('headers are header references')
    if (this.#isNull(facet)) return js`null`
    if (isText(ref.type)) return this.#lazyText(ref)
    return this.#existing(ref, (w) => w.value) ?? this.#add(ref, 'value')
  }

  /** The byte range of a text and the variable that holds what has no such range. */
  slice(ref: PathRef): { from: Code; to: Code; value: Code } | undefined {
    if (!isText(ref.type) || (ref.path.facet !== 'key' && ref.path.facet !== 'value') || this.#isNull(ref.path.facet))
      return undefined
    const slot = this.#sliceSlot(ref)
    const { slice, value } = slot.want
    return slice === undefined || value === undefined ? undefined : { from: slice.from, to: slice.to, value }
  }

  /** The value as JSON text (a JavaScript string), or null. */
  text(ref: PathRef): Code {
    if (this.#isNull(ref.path.facet)) return js`null`
    return this.#existing(ref, (w) => w.text) ?? this.#add(ref, 'text')
  }

  slot(ref: SlotRef): Code {
    unexpected(`slot ${ref.index} of a record`)
  }

  presence(ref: PresenceTest): Code {
    if (ref.path.facet !== 'key' && ref.path.facet !== 'value') return js`true`
    // A value that cannot be read is there.
    const there = this.#checked && ref.path.steps.length === 0
    if (!there && this.#isNull(ref.path.facet)) return js`false`
    if (ref.path.steps.length === 0) return ref.path.facet === 'key' ? js`(ks >= 0)` : js`(vs >= 0)`
    return js`(${this.#presenceFlag(ref)} === true)`
  }

  header(ref: HeaderRef, name: Code | undefined): Code {
    return js`${this.#emitter.constant(readHeader, 'header')}(b, hs, next, ${name ?? js`null`}, ${ref.as})`
  }

  lastOffset(_ref: LastOffset): Code {
    return js`state.lastOffset`
  }

  textEquals(ref: PathRef, literal: string, negated: boolean): Code | undefined {
    const bytes = Buffer.from(literal)
    // Bytes that are no UTF-8 are read as U+FFFD, and half of a surrogate pair has no bytes.
    if (bytes.length > MAX_INLINE_TEXT || bytes.includes(REPLACEMENT)) return undefined
    const slice = this.slice(ref)
    if (slice === undefined) return undefined
    const { from, to, value } = slice
    const tests = [
      js`${to} - ${from} === ${bytes.length}`,
      ...[...bytes].map((byte, i) => js`b[${from} + ${i}] === ${byte}`),
    ]
    const same = js`(${join(tests, ' && ')})`
    return negated
      ? js`(${from} >= 0 ? !${same} : ${value} !== null && ${value} !== ${literal})`
      : js`(${from} >= 0 ? ${same} : ${value} === ${literal})`
  }

  #meta(field: string): Code {
    switch (field) {
      case 'offset':
        return this.offset()
      case 'partition':
        return js`partition`
      case 'topic':
        return js`state.topic`
      case 'timestamp':
        return this.timestamp()
      case '__keysize':
        return js`(ks < 0 ? 0 : ke - ks)`
      case '__valuesize':
        return js`(vs < 0 ? 0 : ve - vs)`
      case 'keySchemaId':
        return js`(state.keyFramed && ks >= 0 && ke - ks >= 5 ? view.getInt32(ks + 1) : null)`
      case 'valueSchemaId':
        return js`(state.valueFramed && vs >= 0 && ve - vs >= 5 ? view.getInt32(vs + 1) : null)`
      case '_bad':
        return js`(trouble !== null)`
      case '_error':
        return js`trouble`
      case '_raw':
        return js`(vs < 0 ? null : ${this.#emitter.constant(bytesAt, 'bytesAt')}(b, vs, ve))`
      case '_raw_key':
        return js`(ks < 0 ? null : ${this.#emitter.constant(bytesAt, 'bytesAt')}(b, ks, ke))`
      default:
        unexpected(`metadata field ${field}`)
    }
  }

  offset(): Code {
    return js`(baseOffset + ${this.varlong()}(b, deltaAt))`
  }

  /** Epoch milliseconds. */
  timestamp(): Code {
    return js`(logAppendTime ? maxTimestamp : baseTimestamp + ${this.varlong()}(b, tsAt))`
  }

  varlong(): Code {
    return this.#emitter.constant(readVarlong, 'varlong')
  }

  #lazyText(ref: PathRef): Code {
    const { want } = this.#sliceSlot(ref)
    const value = want.value as Name
    const { from, to } = want.slice as { from: Name; to: Name }
    return js`(${from} >= 0 && ${value} === null ? (${value} = ${this.#emitter.constant(stringAt, 'utf8')}(b, ${from}, ${to})) : ${value})`
  }

  #sliceSlot(ref: PathRef): Slot {
    for (const phase of this.#phases) {
      const slot = find(phase, ref)
      if (slot?.want.slice !== undefined) return slot
    }
    this.#add(ref, 'slice')
    return find(this.#phases[this.#phases.length - 1], ref) as Slot
  }

  #existing(ref: PathRef, pick: (want: Want) => Name | undefined): Code | undefined {
    for (const phase of this.#phases) {
      const slot = find(phase, ref)
      const name = slot === undefined ? undefined : pick(slot.want)
      if (name !== undefined) return name
    }
    return undefined
  }

  /** Whether a path is there is the same in every type: any want of it will do, and a new one leaves the type open. */
  #presenceFlag(ref: PresenceTest): Name {
    const facet = ref.path.facet as 'key' | 'value'
    for (const phase of this.#phases) {
      const known = wantsAt(phase.roots[facet], ref.path.steps).find((want) => want.exists !== undefined)
      if (known?.exists !== undefined) return known.exists
    }
    const phase = this.#phases[this.#phases.length - 1]
    const want = wantsAt(phase.roots[facet], ref.path.steps)[0] ?? wantAt(phase, facet, ref.path.steps, undefined)
    const name = this.#emitter.name(String(ref.path.steps.at(-1) ?? facet))
    want.exists = name
    phase.flags.push(name)
    return name
  }

  #add(ref: PathRef, form: 'value' | 'text' | 'slice'): Code {
    const slot = this.#slotOf(ref)
    const { want, declarations } = slot
    if (!same(want.type, ref.type))
      unexpected(`the path ${pathKey(ref)} was to be read as ${ref.type.kind}, and is read as ${want.type.kind}`)
    const hint = String(ref.path.steps.at(-1) ?? ref.path.facet)
    const declared = (initial: Code): Name => {
      const name = this.#emitter.name(hint)
      declarations.push({ name, initial })
      return name
    }
    if (form === 'slice') {
      want.slice = { from: declared(js`-1`), to: declared(js`-1`) }
      want.value ??= declared(js`null`)
      return want.slice.from
    }
    const name = want[form] ?? declared(js`null`)
    want[form] = name
    return name
  }

  #slotOf(ref: PathRef): Slot {
    const phase = this.#phases[this.#phases.length - 1]
    const known = find(phase, ref)
    if (known !== undefined) return known
    const want = wantAt(phase, ref.path.facet as 'key' | 'value', ref.path.steps, ref.type)
    const slot: Slot = { type: ref.type, want, declarations: [] }
    const key = pathKey(ref)
    const others = phase.slots.get(key)
    if (others === undefined) phase.slots.set(key, [slot])
    else others.push(slot)
    return slot
  }

  // -------------------------------------------------------------------------------------------- code of a phase

  /** Declarations of a phase's variables, to stand inside the loop. */
  declarations(phase: number): Code {
    const { slots, flags } = this.#phases[phase]
    const all = [
      ...[...slots.values()].flatMap((same) => same.flatMap((s) => s.declarations)),
      ...flags.map((name) => ({ name, initial: js`null` })),
    ]
    return all.length === 0
      ? js``
      : js`let ${join(
          all.map((d) => js`${d.name} = ${d.initial}`),
          ', ',
        )}`
  }

  usesKey(): boolean {
    return this.#phases.some((p) => p.roots.key.length > 0)
  }

  /** Code that reads a facet's wanted paths of a phase; nothing where it wants none. */
  read(
    phase: number,
    facet: 'key' | 'value',
    decoder: FacetDecoder | undefined,
    context: { from: Code; to: Code; bad: Code; validate: boolean; render: RenderOptions },
  ): Code {
    const wants = this.#phases[phase].roots[facet]
    if (wants.length === 0) return js``
    const emit: EmitContext = { emitter: this.#emitter, ...context }
    const code = decoder === undefined ? context.bad : js`${wants.map((want) => decoder.emit(want, emit))}`
    // Records without a value take another way altogether, so that here its numbers are numbers and never null.
    return facet === 'value'
      ? code
      : js`if (${this.#checked ? js`keyGood` : js`ks >= 0`}) {
${code}
}`
  }
}

function isText(type: DataType): boolean {
  return type.kind === 'string' || type.kind === 'json' || type.kind === 'uuid'
}

function pathKey(ref: PathRef): string {
  return JSON.stringify([ref.path.facet, ...ref.path.steps])
}

function find(phase: Phase, ref: PathRef): Slot | undefined {
  return phase.slots.get(pathKey(ref))?.find((slot) => same(slot.type, ref.type))
}

function same(a: DataType, b: DataType): boolean {
  return a === b || sameType(a, b)
}

/** All wants of a path, in whatever type. */
function wantsAt(roots: readonly Want[], steps: readonly (string | number)[]): readonly Want[] {
  return steps.reduce<readonly Want[]>(
    (wants, step) => wants.flatMap((want) => want.children.filter((c) => c.step === step)),
    roots,
  )
}

/** A want of the path that is free to be of the type; `undefined`: of any. */
function wantAt(
  phase: Phase,
  facet: 'key' | 'value',
  steps: readonly (string | number)[],
  type: DataType | undefined,
): Want {
  const add = (list: Want[], step: string | number): Want => {
    const made: Want = { step, type: { kind: 'json' }, children: [] }
    list.push(made)
    return made
  }
  let list = phase.roots[facet]
  let step: string | number = ''
  for (const next of steps) {
    list = (list.find((c) => c.step === step) ?? add(list, step)).children
    step = next
  }
  const want = list.find((c) => c.step === step && !hasOwn(c)) ?? add(list, step)
  if (type !== undefined) want.type = type
  return want
}
