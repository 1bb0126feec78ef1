/**
 * Reading wanted paths from another buffer than the one that the record lies in: payloads that were decompressed,
 * converted or put together first, and readers that are needed too rarely to stand in line. The other reader is
 * generated when it is first needed, and hands its results over in an array. Byte ranges do not survive the change of
 * buffer: texts come out as strings.
 */
import { type Code, Emitter, js, join, type Name } from '../../codegen/emitter.ts'
import type { EmitContext, FacetDecoder, Want } from '../format.ts'
import type { RawBuffer } from './reader-runtime.ts'

type Run = (b: Buffer, view: DataView, from: number, to: number) => boolean

/** Reads a payload; undefined when it is bad. The array is used again for the next payload. */
export type Relay = (
  b: RawBuffer,
  view: DataView | undefined,
  from: number,
  to: number,
) => readonly unknown[] | undefined

/** Variables of a want tree, in one order, and a copy of the tree with other names. */
interface Names {
  readonly outer: Name[]
  readonly inner: Name[]
  /** Names of `inner` that hold byte ranges, with their value's. */
  readonly slices: { readonly from: Name; readonly to: Name; readonly value: Name | undefined }[]
}

function copyOf(want: Want, names: Names, e: Emitter): Want {
  const take = (outer: Name | undefined): Name | undefined => {
    if (outer === undefined) return undefined
    const inner = e.name('out')
    names.outer.push(outer)
    names.inner.push(inner)
    return inner
  }
  const copy: Want = { step: want.step, type: want.type, children: [] }
  copy.value = take(want.value)
  copy.text = take(want.text)
  copy.exists = take(want.exists)
  if (want.slice !== undefined) {
    copy.slice = { from: take(want.slice.from) as Name, to: take(want.slice.to) as Name }
    names.slices.push({ ...copy.slice, value: copy.value })
  }
  copy.children.push(...want.children.map((child) => copyOf(child, names, e)))
  return copy
}

/**
 * The reader of `decoder` for these wants on other buffers, and the variables that its results are for, in the same
 * order.
 */
export function relay(
  decoder: FacetDecoder,
  want: Want,
  context: Pick<EmitContext, 'validate' | 'render'>,
): { readonly names: readonly Name[]; readonly run: Relay } {
  const e = new Emitter()
  const names: Names = { outer: [], inner: [], slices: [] }
  const copy = copyOf(want, names, e)
  const results: unknown[] = new Array(names.outer.length).fill(null)
  let run: Run | undefined
  return {
    names: names.outer,
    run: (b, view, from, to) => {
      run ??= compile(decoder, copy, names, e, context, results)
      return run(b, view ?? new DataView(b.buffer, b.byteOffset, b.byteLength), from, to) ? results : undefined
    },
  }
}

function compile(
  decoder: FacetDecoder,
  want: Want,
  names: Names,
  e: Emitter,
  context: Pick<EmitContext, 'validate' | 'render'>,
  results: unknown[],
): Run {
  const ranges = new Set<Name>(names.slices.flatMap((slice) => [slice.from, slice.to]))
  const declarations = names.inner.map((name) => js`${name} = ${ranges.has(name) ? -1 : null}`)
  const code = decoder.emit(want, {
    emitter: e,
    from: js`from`,
    to: js`to`,
    bad: js`return false`,
    validate: context.validate,
    render: context.render,
  })
  const strings = names.slices.map(({ from, to, value }) =>
    value === undefined
      ? js`${from} = -1`
      : js`if (${from} >= 0) { if (${value} === null) ${value} = b.utf8Slice(${from}, ${to}); ${from} = -2 }`,
  )
  const stores = names.inner.map((name, i) => js`${e.constant(results, 'results')}[${i}] = ${name}`)
  return e.build<Run>(
    ['b', 'view', 'from', 'to'],
    js`${declarations.length === 0 ? js`` : js`let ${join(declarations, ', ')}`}
{ ${code} }
${strings}
${stores}
return true`,
    `relay ${decoder.title}`,
  )
}

/** Code that runs a relay on the buffer, view and range given as code, and assigns the results. */
export function relayCode(
  e: Emitter,
  made: { readonly names: readonly Name[]; readonly run: Relay },
  place: Code,
  bad: Code,
): Code {
  const results = e.name('results')
  return js`const ${results} = ${e.constant(made.run, 'relay')}(${place})
if (${results} === undefined) ${bad}
${made.names.map((name, i) => js`${name} = ${results}[${i}]`)}`
}

/**
 * A decoder for payloads that are converted into another format's bytes first. `convert`: undefined for a bad payload;
 * it never throws.
 */
export function convertedDecoder(
  title: string,
  target: FacetDecoder,
  convert: (b: RawBuffer, from: number, to: number) => Buffer | undefined,
): FacetDecoder {
  return {
    title,
    type: target.type,
    emit: (want, context) => {
      const { emitter: e, from, to, bad } = context
      const made = relay(target, want, context)
      if (made.names.length === 0 && !context.validate) return js``
      const run: Relay = (b, _view, start, end) => {
        const bytes = convert(b, start, end)
        return bytes === undefined ? undefined : made.run(bytes as RawBuffer, undefined, 0, bytes.length)
      }
      return js`{ ${relayCode(e, { names: made.names, run }, js`b, view, ${from}, ${to}`, bad)} }`
    },
  }
}
