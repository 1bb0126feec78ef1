/**
 * Avro readers: code that finds the wanted paths in the binary encoding, in writer order, and stops after the last of
 * them. The caller has taken off any framing (magic byte and schema id). A path that the writer's schema does not have
 * stays null; a map or array step that finds nothing does, too.
 *
 * With `slice` on a plain string no string is made: `value` is then only assigned where `slice.from` is -2 (enums,
 * uuids kept as bytes, durations).
 */
import { type Code, js, join, NOTHING } from '../../codegen/emitter.ts'
import { families } from '../reading/families.ts'
import type { EmitContext, FacetDecoder, Want } from '../format.ts'
import { faultFinder } from '../check.ts'
import { existsNames, hasOwn, isWanted } from '../reading/want.ts'
import { bytesEqual } from '../reading/reader-runtime.ts'
import { Family } from './family.ts'
import {
  aside,
  blocks,
  type Frame,
  Lines,
  readCheckedLength,
  readInt,
  readLong,
  scratchName,
  branches,
} from './lines.ts'
import { type AvroNode, type AvroReferences, type AvroSchema, parseAvroReferences, parseAvroSchema } from './schema.ts'
import { avroType } from './types.ts'
import { typeForText } from './scalar.ts'
import { skip, skipFields, hasEmptyParts, minimumSize } from './skip.ts'
import { assignValue, jsonTextString } from './value.ts'

/**
 * The decoder for records written with one schema. `schema`: its text, or a parsed one; `references`: the named types
 * of the schemas that it refers to, or the texts of those schemas in dependency order.
 * `title` is shown in EXPLAIN, for example `avro 5`. Throws AvroSchemaError for a schema that cannot be used.
 */
export function avroDecoder(
  schema: string | AvroSchema,
  title: string,
  references?: AvroReferences | readonly string[],
): FacetDecoder {
  const known =
    references instanceof Map
      ? (references as AvroReferences)
      : parseAvroReferences((references ?? []) as readonly string[])
  const { node } = typeof schema === 'string' ? parseAvroSchema(schema, known) : schema
  const familyOf = families((e, render) => new Family(e, render))
  let findFault: ReturnType<typeof faultFinder> | undefined
  const decoder: FacetDecoder = {
    title,
    type: avroType(node),
    emit: (want, context) => emitFacet(node, want, context, familyOf(context.emitter, context.render)),
    explain: (payload) => {
      if (node.kind !== 'record') return `not ${title} (${payload.length} bytes)`
      findFault ??= faultFinder(decoder)
      const field = findFault(payload)
      return field === undefined
        ? `not ${title}: bytes are left over behind the last field`
        : `not ${title} from field "${field}" on`
    },
  }
  return decoder
}

function emitFacet(node: AvroNode, want: Want, context: EmitContext, family: Family): Code {
  const { emitter: e, validate } = context
  if (!isWanted(want) && !validate) return NOTHING
  const p = e.name('p')
  const c = e.name('c')
  const end = e.name('end')
  const frame: Frame = { e, p, c, to: end, bad: context.bad, depth: js`0` }
  const out = new Lines(frame)
  new PathReader(family, validate).read(out, node, [want], validate)
  const flags = existsNames(want)
  return js`{
const ${end} = ${context.to}
let ${p} = ${context.from}, ${c} = 0
${scratchName(frame)}.defaults = 0
${hasEmptyParts(node) ? js`${scratchName(frame)}.empty = 0` : NOTHING}
${flags.map((flag) => js`${flag} = false`)}
${out.done()}
if (${validate ? js`${p} !== ${end}` : js`${p} > ${end}`}) ${context.bad}
}`
}

class PathReader {
  readonly #family: Family
  readonly #strict: boolean
  constructor(family: Family, strict: boolean) {
    this.#family = family
    this.#strict = strict
  }

  /**
   * Reads what is wanted of the value at the position. `more`: the position must be behind it afterwards; else reading
   * ends with the last wanted part.
   */
  read(out: Lines, node: AvroNode, wants: readonly Want[], more: boolean): void {
    const asked = wants.filter(isWanted)
    if (node.kind === 'default') return aside(out, node, (inner) => this.read(inner, node.node, asked, false))
    for (const want of asked) if (want.exists !== undefined) out.add(js`${want.exists} = true`)
    if (node.kind === 'union') {
      // A union of nulls and one other type does not look further than the branch number when nothing comes after.
      if (asked.some((want) => hasOwn(want) || want.children.length > 0)) {
        return branches(out, node, (inner, branch) => this.#passes(inner, branch, asked, more))
      }
    }
    this.#passes(out, node, asked, more)
  }

  /** Every way to look at the same bytes, one after the other. */
  #passes(out: Lines, node: AvroNode, wants: readonly Want[], more: boolean): void {
    const passes: ((inner: Lines, last: boolean) => void)[] = []
    for (const want of wants) {
      if (want.text !== undefined && node.kind !== 'null') passes.push((inner) => this.#text(inner, node, want))
      if ((want.value !== undefined || want.slice !== undefined) && node.kind !== 'null')
        passes.push((inner, last) => this.#value(inner, node, want, more && last))
    }
    const children = wants.flatMap((want) => want.children).filter(isWanted)
    if (children.length > 0 && (node.kind === 'record' || node.kind === 'array' || node.kind === 'map'))
      passes.push((inner, last) => this.#children(inner, node, children, more && last))
    if (passes.length === 0) {
      if (more) skip(out, node, this.#family, this.#strict)
      return
    }
    if (passes.length === 1) return passes[0](out, true)
    const { e, p } = out.frame
    const start = e.name('start')
    out.add(js`const ${start} = ${p}`)
    passes.forEach((pass, i) => {
      if (i > 0) out.add(js`${p} = ${start}`)
      pass(out, i === passes.length - 1)
    })
  }

  #text(out: Lines, node: AvroNode, want: Want): void {
    const type = typeForText(node, want.type)
    if ((node.kind === 'int' || node.kind === 'long') && node.logical === undefined && type === undefined)
      return out.add(js`${want.text} = '' + ${node.kind === 'int' ? readInt(out) : readLong(out)}`)
    out.add(js`${want.text} = ${jsonTextString(out, node, this.#family, type)}`)
  }

  #value(out: Lines, node: AvroNode, want: Want, more: boolean): void {
    const { slice, value, type } = want
    const { p } = out.frame
    if (
      slice !== undefined &&
      out.frame.aside !== true &&
      node.kind === 'string' &&
      (type.kind === 'string' || type.kind === 'json')
    ) {
      const n = readCheckedLength(out)
      out.add(js`${slice.from} = ${p}; ${slice.to} = ${p} + ${n}`)
      if (more) out.add(js`${p} += ${n}`)
      return
    }
    if (value === undefined) {
      // Asked for as a range only, and it has none.
      if (more) skip(out, node, this.#family, this.#strict)
      return
    }
    assignValue(out, node, type, this.#family, value)
    if (slice !== undefined) out.add(js`if (typeof ${value} === 'string') ${slice.from} = -2`)
  }

  #children(
    out: Lines,
    node: AvroNode & { kind: 'record' | 'array' | 'map' },
    children: readonly Want[],
    more: boolean,
  ): void {
    if (node.kind === 'record') return this.#fields(out, node, children, more)
    const known = children.filter((want) => typeof want.step === (node.kind === 'array' ? 'number' : 'string'))
    if (known.length === 0) {
      if (more) skip(out, node, this.#family, this.#strict)
      return
    }
    if (node.kind === 'array') this.#elements(out, node, known, more)
    else this.#members(out, node, known, more)
  }

  #fields(out: Lines, node: AvroNode & { kind: 'record' }, children: readonly Want[], more: boolean): void {
    const wants = node.fields.map((field) => children.filter((want) => want.step === field.name))
    const last = more ? node.fields.length - 1 : wants.findLastIndex((list) => list.length > 0)
    for (let i = 0; i <= last; i++) {
      if (wants[i].length === 0) {
        const start = i
        while (i < last && wants[i + 1].length === 0) i++
        skipFields(out, node, start, i + 1, this.#family, this.#strict)
      } else this.read(out, node.fields[i].node, wants[i], more || i < last)
    }
  }

  #elements(out: Lines, node: AvroNode & { kind: 'array' }, children: readonly Want[], more: boolean): void {
    const index = out.frame.e.name('index')
    const steps = [...new Set(children.map((want) => want.step as number))].filter(
      (step) => Number.isInteger(step) && step >= 0,
    )
    const last = Math.max(-1, ...steps)
    out.add(js`let ${index} = -1`)
    blocks(out, minimumSize(node.items), false, (inner, leave) => {
      inner.add(js`${index}++`)
      const cases = steps.map(
        (step) =>
          js`if (${index} === ${step}) ${inner.block((block) => {
            this.read(
              block,
              node.items,
              children.filter((want) => want.step === step),
              more || step !== last,
            )
            if (!more && step === last) block.add(leave)
          })} else`,
      )
      inner.add(js`${cases} ${inner.block((block) => skip(block, node.items, this.#family, this.#strict))}`)
      if (!more) inner.add(js`if (${index} >= ${last}) ${leave}`)
    })
  }

  #members(out: Lines, node: AvroNode & { kind: 'map' }, children: readonly Want[], more: boolean): void {
    const { e, p } = out.frame
    const steps = [...new Set(children.map((want) => want.step as string))]
    const seen = steps.map(() => e.name('seen'))
    for (const flag of seen) out.add(js`let ${flag} = false`)
    blocks(out, 1, false, (inner, leave) => {
      const n = readCheckedLength(inner)
      const key = e.name('key')
      inner.add(js`const ${key} = ${p}; ${p} += ${n}`)
      const cases = steps.map((step, i) => {
        const bytes = Buffer.from(step)
        const test = js`!${seen[i]} && ${n} === ${bytes.length} && ${e.constant(bytesEqual, 'bytesEqual')}(b, ${key}, ${e.constant(bytes, 'name')})`
        return js`if (${test}) ${inner.block((block) => {
          block.add(js`${seen[i]} = true`)
          this.read(
            block,
            node.values,
            children.filter((want) => want.step === step),
            true,
          )
        })} else`
      })
      inner.add(js`${cases} ${inner.block((block) => skip(block, node.values, this.#family, this.#strict))}`)
      if (!more) inner.add(js`if (${join(seen, ' && ')}) ${leave}`)
    })
  }
}
