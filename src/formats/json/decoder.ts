/**
 * JSON readers: one pass over the bytes that finds the wanted paths, compares keys as bytes, and stops when all of them
 * have been found. What it passes over is checked (RFC 8259, with a byte order mark allowed in front); damage behind
 * the last wanted value is not looked for, unless `validate`.
 *
 * One rule for repeated keys, everywhere: the first counts. The `text` of an object shows only the first of each. A
 * member that is null and a member that is missing are both null; `exists` tells them apart. `text` of a null is null.
 * A string with `slice` is not made: `value` is then assigned only where
 * `slice.from` is -2 (escapes) or the value is no string.
 */
import { type Code, type Emitter, join, js, type Name, NOTHING } from '../../codegen/emitter.ts'
import type { DataType } from '../../types.ts'
import type { EmitContext, FacetDecoder, Want } from '../format.ts'
import { existsNames, hasOwn, isWanted } from '../reading/want.ts'
import { fromJson } from '../reading/convert.ts'
import { scratch, stringAt, TEXT_LIMIT_BYTES } from '../reading/reader-runtime.ts'
import { jsonFault } from './fault.ts'
import { type LayoutStep, layoutOf } from './layout.ts'
import { skipNumber, skipSpace, skipString, skipValue, skipWord } from './scan.ts'
import {
  containerAt,
  digitsAt,
  JSON_LIMIT_NUMBER_CHARACTERS,
  keyIndex,
  numberAt,
  numberWithoutValue,
  POWERS,
  textOrNullAt,
  unescapedAt,
  valueAt,
} from './values.ts'

const DECODER: FacetDecoder = {
  title: 'json',
  type: { kind: 'json' },
  emit: (want, context) => new JsonReader(context).facet(want),
  explain: (payload) => jsonFault(payload) ?? `JSON with a text of more than ${TEXT_LIMIT_BYTES >> 20} MiB`,
  misfit: hugeNumber,
  specialize: (sample) => {
    const layout = layoutOf(sample)
    return layout === undefined
      ? DECODER
      : {
          ...DECODER,
          title: `json of ${layout.length} members`,
          emit: (want, context) => new JsonReader(context, layout).facet(want),
        }
  },
}

/** The first number that is JSON and no value, in words. */
function hugeNumber(payload: Buffer): string | undefined {
  const found = numberWithoutValue(payload.toString('latin1'))
  if (found === undefined) return undefined
  const { number, at } = found
  if (number.length > JSON_LIMIT_NUMBER_CHARACTERS)
    return (
      `JSON with a number of ${number.length} characters at byte ${at}; as a value it may have ` +
      `${JSON_LIMIT_NUMBER_CHARACTERS}`
    )
  return (
    `JSON with the number ${number.length > 40 ? `${number.slice(0, 40)}…` : number} at byte ${at}, which is ` +
    'beyond the range of a double'
  )
}

/** The decoder for JSON of any shape. */
export function jsonDecoder(): FacetDecoder {
  return DECODER
}

/** A function that reads more values than this in place is too large to be optimized. */
const VALUES_IN_PLACE = 10

/**
 * Where a value stands: how many levels down, and the counters of what is left to find in each object or array around
 * it.
 */
interface Place {
  readonly depth: number
  readonly left: readonly Name[]
}

class JsonReader {
  readonly #e: Emitter
  readonly #bad: Code
  readonly #validate: boolean
  readonly #context: EmitContext
  /** Position and the last byte looked at. */
  readonly #p: Name
  readonly #c: Name
  readonly #to: Name
  /** The last position from which four bytes can be read. */
  readonly #last: Name
  /** How many more values are read by code in place. */
  #inPlace = VALUES_IN_PLACE
  /** The label that ends the search. */
  readonly #done: Name

  readonly #layout: readonly LayoutStep[] | undefined

  /** `layout`: how the object most probably looks. */
  constructor(context: EmitContext, layout?: readonly LayoutStep[]) {
    this.#context = context
    this.#layout = layout
    this.#e = context.emitter
    this.#bad = context.bad
    this.#validate = context.validate
    this.#p = this.#e.name('p')
    this.#c = this.#e.name('c')
    this.#to = this.#e.name('end')
    this.#last = this.#e.name('last')
    this.#done = this.#e.name('done')
  }

  facet(want: Want): Code {
    if (!isWanted(want) && !this.#validate) return NOTHING
    const p = this.#p
    const flags = existsNames(want)
    return js`{
const ${this.#to} = ${this.#context.to}, ${this.#last} = ${this.#to} - 4
let ${p} = ${this.#context.from}, ${this.#c} = 0
${flags.map((flag) => js`${flag} = false`)}
if (b[${p}] === 239 && b[${p} + 1] === 187 && b[${p} + 2] === 191) ${p} += 3
${this.#space()}
${this.#done}: {
${this.#guess(want)}
${this.#read([want], { depth: 0, left: [] })}
${this.#validate ? this.#ended() : NOTHING}
}
if (${p} > ${this.#to}) ${this.#bad}
}`
  }

  /**
   * Reads members at the places where the layout has them, up to the last wanted one; any other byte between the values
   * (more white space, too) leads to the general reader below.
   */
  #guess(want: Want): Code {
    const layout = this.#layout
    const wanted = want.children.filter(isWanted)
    if (layout === undefined || this.#validate || hasOwn(want) || want.exists !== undefined || wanted.length === 0)
      return NOTHING
    const last = Math.max(...wanted.map((w) => layout.findIndex((step) => step.key === w.step)))
    // A nested path, and a member that the sample has not, are found by the general reader only.
    if (wanted.some((w) => w.children.some(isWanted) || !layout.some((step) => step.key === w.step))) return NOTHING
    const p = this.#p
    const [guess, start] = [this.#e.name('guess'), this.#e.name('start')]
    const steps = layout.slice(0, last + 1).map(({ prefix, key, length }) => {
      const of = wanted.filter((w) => w.step === key)
      return js`if (${p} >= ${this.#to} - ${prefix.length} ${this.#differs(prefix)} || b[${p} + ${prefix.length}] <= 32) break ${guess}
${p} += ${prefix.length}
${of.length === 0 ? this.#skipString(length) : this.#read(of, { depth: 1, left: [] })}`
    })
    const reset = wanted.flatMap((w) => [
      ...[w.value, w.text].filter((n) => n !== undefined).map((n) => js`${n} = null`),
      ...(w.slice === undefined ? [] : [js`${w.slice.from} = -1`, js`${w.slice.to} = -1`]),
      ...(w.exists === undefined ? [] : [js`${w.exists} = false`]),
    ])
    return js`const ${start} = ${p}
${guess}: {
${steps}
break ${this.#done}
}
${p} = ${start}
${reset}`
  }

  /** Skips a value that is probably a string of the given number of bytes: looks at all of them without a loop. */
  #skipString(length: number): Code {
    const p = this.#p
    if (length < 4 || length > 40) return this.#skip(1)
    const words: Code[] = []
    for (let at = 1; at < length + 1; at += 4) words.push(js`${this.#word(Math.min(at, length - 3))}`)
    return js`if (b[${p}] === 34 && ${p} + ${length + 2} < ${this.#to} && b[${p} + ${length + 1}] === 34 && ((${join(words, ' | ')}) & -2139062144) === 0) ${p} += ${length + 2}
else { ${this.#skip(1)} }`
  }

  #word(at: number): Code {
    const x = js`view.getInt32(${this.#p} + ${at}, true)`
    return js`((${x} ^ 33686018) - 555819297 | (${x} ^ 1549556828) - 16843009) & ~${x}`
  }

  /** Tests, each beginning with ||, that the bytes at the position are other ones. */
  #differs(bytes: Uint8Array): Code[] {
    const p = this.#p
    const b = Buffer.from(bytes)
    const tests: Code[] = []
    let at = 0
    for (; at + 4 <= b.length; at += 4) tests.push(js`|| view.getInt32(${p} + ${at}, true) !== ${b.readInt32LE(at)}`)
    for (; at < b.length; at++) tests.push(js`|| b[${p} + ${at}] !== ${b[at]}`)
    return tests
  }

  #fn(fn: { readonly name: string }): Name {
    return this.#e.constant(fn, fn.name)
  }

  /** White space: none and one blank in place, more by a call. */
  #space(): Code {
    const p = this.#p
    return js`if (b[${p}] <= 32) { if (b[${p}] === 32) ${p}++; if (b[${p}] <= 32) ${p} = ${this.#fn(skipSpace)}(b, ${p}, ${this.#to}) }`
  }

  /**
   * Four bytes are looked at together: `hit` has a bit for the first of them that is a quote, a backslash or a control
   * character (see `plainEnd`). Which of the four it is, is found by branches: the processor guesses them, where it
   * would have to wait for arithmetic. From the opening quote: `plain` runs on the closing quote of a string without
   * escapes, `escaped` behind the closing quote of one with escapes.
   */
  #string(plain: Code, escaped: Code): Code {
    const p = this.#p
    const c = this.#c
    const [x, hit] = [this.#e.name('x'), this.#e.name('hit')]
    return js`${p}++
while (${p} <= ${this.#last}) {
const ${x} = view.getInt32(${p}, true), ${hit} = ((${x} ^ 33686018) - 555819297 | (${x} ^ 1549556828) - 16843009) & ~${x} & -2139062144
if (${hit} !== 0) { ${p} += ${hit} & 128 ? 0 : ${hit} & 32768 ? 1 : ${hit} & 8388608 ? 2 : 3; break }
${p} += 4 }
${c} = b[${p}]
if (${c} !== 34) while (${c} > 92 || ${c} > 34 && ${c} < 92 || ${c} === 32 || ${c} === 33) ${c} = b[++${p}]
if (${c} === 34) { ${plain} } else { ${p} = ${this.#fn(skipString)}(b, view, ${p}, ${this.#to}); if (${p} < 0) ${this.#bad}
${escaped} }`
  }

  /** Behind the whole value only white space may follow. */
  #ended(): Code {
    const p = this.#p
    return js`${p} = ${this.#fn(skipSpace)}(b, ${p}, ${this.#to}); if (${p} !== ${this.#to}) ${this.#bad}`
  }

  /** Skips the value at the position. */
  #skip(depth: number): Code {
    const p = this.#p
    return js`if (b[${p}] === 34) { ${this.#string(js`${p}++`, NOTHING)} } else { ${p} = b[${p}] <= 57 ? ${this.#fn(skipNumber)}(b, ${p}, ${this.#to}) : ${this.#fn(skipValue)}(b, view, ${p}, ${this.#to}, ${depth}); if (${p} < 0) ${this.#bad} }`
  }

  /** Reads what is wanted of the value at the position, and leaves the position behind it. */
  #read(wants: readonly Want[], place: Place): Code {
    const asked = wants.filter(isWanted)
    const p = this.#p
    const parts: Code[] = asked.flatMap((want) => (want.exists === undefined ? [] : [js`${want.exists} = true`]))
    const start = this.#e.name('start')
    const passes: Code[] = []
    for (const want of asked) {
      if (want.text !== undefined) passes.push(this.#text(want.text, place.depth))
      if (want.value !== undefined || want.slice !== undefined) passes.push(this.#own(want, place.depth))
    }
    // Who has read the whole facet has seen what stands behind it; the steps below may end the search earlier.
    if (place.depth === 0 && passes.length > 0) passes[0] = js`${passes[0]}\n${this.#ended()}`
    const children = asked.flatMap((want) => want.children).filter(isWanted)
    if (children.length > 0) passes.push(this.#inside(children, place))
    if (passes.length === 0) passes.push(this.#skip(place.depth))
    if (passes.length === 1)
      return js`${parts}
${passes[0]}`
    return js`${parts}
const ${start} = ${p}
${passes.map((pass, i) =>
  i === 0
    ? pass
    : js`${p} = ${start}
${pass}`,
)}`
  }

  #text(target: Name, depth: number): Code {
    return js`${target} = ${this.#fn(textOrNullAt)}(b, view, ${this.#p}, ${this.#to}, ${depth}); ${this.#p} = ${this.#scratch()}.at; if (${this.#p} < 0) ${this.#bad}`
  }

  #scratch(): Name {
    return this.#e.constant(scratch, 'scratch')
  }

  /** The value itself, as slice and value: in place for the first few, by a call for more. */
  #own(want: Want, depth: number): Code {
    if (this.#inPlace-- <= 0) return this.#ownByCall(want, depth)
    const { slice } = want
    const p = this.#p
    const value = want.value ?? this.#e.name('unused')
    const start = this.#e.name('s')
    const plain =
      slice === undefined
        ? js`${value} = ${this.#fn(stringAt)}(b, ${start}, ${p})`
        : js`${slice.from} = ${start}; ${slice.to} = ${p}`
    const mark = slice === undefined ? NOTHING : js`${slice.from} = -2`
    const string = this.#string(
      js`${plain}; ${p}++`,
      js`${value} = ${this.#fn(unescapedAt)}(b, ${start}, ${p} - 1); ${mark}`,
    )
    return js`${want.value === undefined ? js`let ${value} = null` : NOTHING}
if (b[${p}] === 34) { const ${start} = ${p} + 1
${string}
} else if (b[${p}] <= 57) { ${this.#number(value)} }
else if (b[${p}] === 123 || b[${p}] === 91) { ${value} = ${this.#fn(containerAt)}(b, view, ${p}, ${this.#to}, ${depth}); ${p} = ${this.#scratch()}.at; if (${p} < 0) ${this.#bad} }
else { const ${start} = b[${p}]; ${p} = ${this.#fn(skipWord)}(b, ${p}, ${this.#to}); if (${p} < 0) ${this.#bad}
if (${start} !== 110) ${value} = ${start} === 116 }
${this.#converted(value, want.type)}`
  }

  #ownByCall({ value, slice, type }: Want, depth: number): Code {
    const p = this.#p
    const s = this.#scratch()
    const x = this.#e.name('x')
    const range = slice === undefined ? NOTHING : js`; ${slice.from} = ${s}.from; ${slice.to} = ${s}.to`
    return js`const ${x} = ${this.#fn(valueAt)}(b, view, ${p}, ${this.#to}, ${depth}, ${slice !== undefined}); ${p} = ${s}.at; if (${p} < 0) ${this.#bad}
${value === undefined ? NOTHING : js`${value} = ${x}`} ${range}
${value === undefined ? NOTHING : this.#converted(value, type)}`
  }

  #converted(value: Name, type: DataType): Code {
    const convert = fromJson(type)
    return convert === null
      ? NOTHING
      : js`if (${value} !== null) { ${value} = ${this.#e.constant(convert, 'convert')}(${value}); if (${value} === undefined) ${this.#bad} }`
  }

  /**
   * A number: up to nine digits without an exponent in place and with integers (a sum in doubles takes twice as long),
   * all others by a call.
   */
  #number(value: Code): Code {
    const e = this.#e
    const p = this.#p
    const c = this.#c
    const [start, m, first, scale, digits, x] = [
      e.name('s'),
      e.name('m'),
      e.name('first'),
      e.name('scale'),
      e.name('digits'),
      e.name('x'),
    ]
    return js`const ${start} = ${p}; let ${m} = 0, ${scale} = 0
if (b[${p}] === 45) ${p}++
const ${first} = ${p}
while ((${c} = b[${p}] - 48) >= 0 && ${c} <= 9) { ${m} = Math.imul(${m}, 10) + ${c} | 0; ${p}++ }
let ${digits} = ${p} - ${first}
if (${digits} > 1 && b[${first}] === 48) ${digits} = 0
if (${digits} > 0 && ${c} === -2) { ${p}++; while ((${c} = b[${p}] - 48) >= 0 && ${c} <= 9) { ${m} = Math.imul(${m}, 10) + ${c} | 0; ${p}++ }
${scale} = ${p} - ${first} - ${digits} - 1; ${digits} = ${scale} === 0 ? 0 : ${digits} + ${scale} }
if (${digits} === 0 || ${digits} > 15 || ${c} === 21 || ${c} === 53) { ${value} = ${this.#fn(numberAt)}(b, ${start}, ${this.#to}); if (${value} === undefined) ${this.#bad}
${p} = ${this.#scratch()}.at }
else { let ${x} = ${digits} > 9 ? ${this.#fn(digitsAt)}(b, ${first}, ${p}) : ${m}
if (${scale} !== 0) ${x} /= ${e.constant(POWERS, 'powers')}[${scale}]
${value} = ${first} === ${start} ? ${x} : -${x} }`
  }

  /** Descends into an object or array for the wanted members or elements; other values are skipped. */
  #inside(children: readonly Want[], place: Place): Code {
    const p = this.#p
    const members = children.filter((want) => typeof want.step === 'string')
    const elements = children.filter(
      (want) => typeof want.step === 'number' && Number.isInteger(want.step) && want.step >= 0,
    )
    const inner = (left: Name): Place => ({ depth: place.depth + 1, left: [...place.left, left] })
    const objectCase =
      members.length === 0 ? NOTHING : js`if (b[${p}] === 123) { ${this.#object(members, inner)} } else`
    const arrayCase = elements.length === 0 ? NOTHING : js`if (b[${p}] === 91) { ${this.#array(elements, inner)} } else`
    return js`${objectCase} ${arrayCase} { ${this.#skip(place.depth)} }`
  }

  /** To be executed when a step has been read: leaves when nothing is left to find here and in everything around. */
  #found(left: readonly Name[]): Code {
    const own = left[left.length - 1]
    if (this.#validate) return NOTHING
    const outer = left.slice(0, -1).map((name) => js`&& ${name} === 1`)
    return js`if (--${own} === 0 ${outer}) break ${this.#done}`
  }

  #object(members: readonly Want[], inner: (left: Name) => Place): Code {
    const e = this.#e
    const p = this.#p
    const names = [...new Set(members.map((want) => want.step as string))]
    const left = e.name('left')
    const place = inner(left)
    const seen = names.map(() => e.name('seen'))
    const [k, start] = [e.name('key'), e.name('s')]
    const read = names.map(
      (name, i) => js`if (${k} === ${i}) { ${seen[i]} = true
${this.#read(
  members.filter((want) => want.step === name),
  place,
)}
${this.#found(place.left)} } else`,
    )
    const skip = this.#skip(place.depth)
    return js`let ${left} = ${names.length} ${seen.map((flag) => js`, ${flag} = false`)}
${p}++
${this.#space()}
if (b[${p}] === 125) ${p}++
else for (;;) {
if (b[${p}] !== 34) { ${this.#space()}
if (b[${p}] !== 34) ${this.#bad} }
const ${start} = ${p} + 1; let ${k} = -1
${this.#string(
  js`${this.#keySwitch(names, seen, k, start)} ${p}++`,
  js`${k} = ${this.#fn(keyIndex)}(b, ${start}, ${p} - 1, ${e.constant(names, 'names')})
${seen.map((flag, i) => js`if (${k} === ${i} && ${flag}) ${k} = -1`)}`,
)}
if (b[${p}] !== 58) { ${this.#space()}
if (b[${p}] !== 58) ${this.#bad} }
if (${p} >= ${this.#to}) ${this.#bad}
${p}++
${this.#space()}
if (${k} < 0) { ${skip} } else ${read} ;
if (${p} >= ${this.#to}) ${this.#bad}
${this.#next(125)}
}`
  }

  /** Behind a member or element: leaves the loop on `close`, goes on behind a comma. */
  #next(close: number): Code {
    const p = this.#p
    const c = this.#c
    return js`${c} = b[${p}++]
if (${c} !== 44) { if (${c} <= 32) { ${p}--; ${this.#space()}
${c} = b[${p}++] }
if (${c} === ${close}) break
if (${c} !== 44) ${this.#bad} }`
  }

  /**
   * Sets `k` to the place of the key among the names that have not been seen: by length, then four bytes at a time. The
   * position is on the closing quote.
   */
  #keySwitch(names: readonly string[], seen: readonly Name[], k: Name, start: Name): Code {
    const byLength = new Map<number, Code[]>()
    names.forEach((name, i) => {
      const bytes = Buffer.from(name)
      const tests: Code[] = []
      let at = 0
      for (; at + 4 <= bytes.length; at += 4)
        tests.push(js`&& view.getInt32(${start} + ${at}, true) === ${bytes.readInt32LE(at)}`)
      for (; at < bytes.length; at++) tests.push(js`&& b[${start} + ${at}] === ${bytes[at]}`)
      const cases = byLength.get(bytes.length) ?? []
      byLength.set(bytes.length, cases)
      cases.push(js`if (!${seen[i]} ${tests}) ${k} = ${i}; else`)
    })
    const cases = [...byLength].map(([length, list]) => js`case ${length}: ${list} ; break`)
    return js`switch (${this.#p} - ${start}) { ${cases} }`
  }

  #array(elements: readonly Want[], inner: (left: Name) => Place): Code {
    const e = this.#e
    const p = this.#p
    const steps = [...new Set(elements.map((want) => want.step as number))]
    const left = e.name('left')
    const place = inner(left)
    const index = e.name('index')
    const read = steps.map(
      (step) => js`if (${index} === ${step}) { ${this.#read(
        elements.filter((want) => want.step === step),
        place,
      )}
${this.#found(place.left)} } else`,
    )
    return js`let ${left} = ${steps.length}
${p}++
${this.#space()}
if (b[${p}] === 93) ${p}++
else for (let ${index} = 0; ; ${index}++) {
${read} { ${this.#skip(place.depth)} }
if (${p} >= ${this.#to}) ${this.#bad}
${this.#next(93)}
${this.#space()}
}`
  }
}
