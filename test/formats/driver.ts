/**
 * Compiles the reader of a facet for a list of wanted paths, and runs it on bytes: what a generated program does,
 * without the records around it.
 */
import { type Code, Emitter, js, type Name } from '../../src/codegen/emitter.ts'
import type { FacetDecoder, RenderOptions, Want } from '../../src/formats/format.ts'
import { DEFAULT_RENDER } from '../../src/formats/text/render.ts'
import type { DataType, Value } from '../../src/types.ts'

export type Step = string | number
export type Part = 'value' | 'text' | 'slice' | 'exists'

export interface Asked {
  readonly path: readonly Step[]
  readonly parts: readonly Part[]
  readonly type: DataType
}

/**
 * What one asked path gave; `value` comes with `slice`, too. `slice` is the text of the range, or undefined for -1, or
 * 'made' for -2.
 */
export interface Got {
  value?: Value
  text?: string | null
  slice?: string | undefined
  exists?: boolean
}

export interface Options {
  readonly validate?: boolean
  readonly render?: RenderOptions
}

export type Reader = (bytes: Uint8Array, padding?: number) => Got[] | 'bad'

/** The reader; its result is 'bad' for bytes that the decoder calls bad. `padding`: bytes of noise around the facet. */
export function reader(decoder: FacetDecoder, asked: readonly Asked[], options: Options = {}): Reader {
  const e = new Emitter()
  const root: Want = { step: '', type: decoder.type, children: [] }
  const declarations: Code[] = []
  const outputs: Code[] = []
  const declare = (initial: string | number | null): Name => {
    const name = e.name('out')
    declarations.push(js`let ${name} = ${initial}`)
    outputs.push(name)
    return name
  }
  for (const { path, parts, type } of asked) {
    const want = wantAt(root, path, type)
    if (parts.includes('value') || parts.includes('slice')) want.value ??= declare(null)
    if (parts.includes('text')) want.text ??= declare(null)
    if (parts.includes('exists')) want.exists ??= declare(null)
    if (parts.includes('slice')) want.slice ??= { from: declare(-1), to: declare(-1) }
  }
  const body = decoder.emit(root, {
    emitter: e,
    from: js`from`,
    to: js`to`,
    bad: js`{ fault = true; break facet }`,
    validate: options.validate ?? false,
    render: options.render ?? DEFAULT_RENDER,
  })
  const list = outputs.map((name) => js`${name},`)
  const run = e.build<(b: Buffer, view: DataView, from: number, to: number) => unknown[] | undefined>(
    ['b', 'view', 'from', 'to'],
    js`let fault = false
${declarations}
facet: { ${body} }
return fault ? undefined : [${list}]`,
    'test',
  )
  const at = new Map(outputs.map((name, i) => [name as Code, i]))
  return (bytes, padding = 0) => {
    const b = Buffer.alloc(bytes.length + 2 * padding, 0x5b)
    b.set(bytes, padding)
    const values = run(b, new DataView(b.buffer, b.byteOffset, b.byteLength), padding, padding + bytes.length)
    if (values === undefined) return 'bad'
    const of = (name: Name): unknown => values[at.get(name) as number]
    return asked.map(({ path, parts, type }) => got(wantAt(root, path, type), parts, of, b))
  }
}

function got(want: Want, parts: readonly Part[], of: (name: Name) => unknown, b: Buffer): Got {
  const result: Got = {}
  if ((parts.includes('value') || parts.includes('slice')) && want.value !== undefined)
    result.value = of(want.value) as Value
  if (parts.includes('text') && want.text !== undefined) result.text = of(want.text) as string | null
  if (parts.includes('exists') && want.exists !== undefined) result.exists = of(want.exists) as boolean
  if (parts.includes('slice') && want.slice !== undefined && want.value !== undefined) {
    const from = of(want.slice.from) as number
    result.slice =
      from >= 0
        ? b.toString('utf8', from, of(want.slice.to) as number)
        : from === -2
          ? `made ${of(want.value)}`
          : undefined
  }
  return result
}

function wantAt(root: Want, path: readonly Step[], type: DataType): Want {
  let want = root
  for (const step of path) {
    let next = want.children.find((child) => child.step === step)
    if (next === undefined) {
      next = { step, type: { kind: 'json' }, children: [] }
      want.children.push(next)
    }
    want = next
  }
  want.type = type
  return want
}
