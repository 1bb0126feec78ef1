/**
 * The functions that one generated program shares for one writer schema: made once per (node, purpose), named before
 * their body exists, so that recursive schemas end. Signature of all of them: (b, view, p, to, …, depth); the position
 * behind the value is left in `scratch.at`, -1 for damage.
 */
import { type Code, type Emitter, js, type Name } from '../../codegen/emitter.ts'
import type { DataType } from '../../types.ts'
import type { RenderOptions } from '../format.ts'
import { scratch } from '../reading/reader-runtime.ts'
import { type Frame, Lines, scratchName } from './lines.ts'
import type { AvroNode } from './schema.ts'

/** Limit `avro.data.depth` (levels): nesting of values in the data. Beyond it: the record is bad. */
export const AVRO_LIMIT_DATA_DEPTH = 64

export class Family {
  readonly e: Emitter
  readonly render: RenderOptions
  #made = new Map<AvroNode, Map<unknown, Name>>()
  readonly #texts = new Map<DataType, Map<string, unknown>>()
  readonly #waiting: (() => void)[] = []
  #isWriting = false
  constructor(e: Emitter, render: RenderOptions) {
    this.e = e
    this.render = render
  }

  /** The purpose of a function that writes text as the type shows it; without a type, the text as written. */
  textPurpose(type: DataType | undefined, part: string): unknown {
    if (type === undefined) return part
    let parts = this.#texts.get(type)
    if (parts === undefined) this.#texts.set(type, (parts = new Map()))
    let purpose = parts.get(part)
    if (purpose === undefined) parts.set(part, (purpose = { type, part }))
    return purpose
  }

  /**
   * The function for the node and purpose. `write` fills the body; `result` is the expression that it returns; `extra`
   * are further parameters.
   */
  define(
    node: AvroNode,
    purpose: unknown,
    prefix: string,
    failure: Code,
    write: (out: Lines) => Code,
    extra: readonly Name[] = [],
    head: () => Code = () => js``,
  ): Name {
    let purposes = this.#made.get(node)
    if (purposes === undefined) this.#made.set(node, (purposes = new Map()))
    const known = purposes.get(purpose)
    if (known !== undefined) return known
    const name = this.e.name(prefix)
    purposes.set(purpose, name)
    this.#waiting.push(() => this.#body(name, failure, write, extra, head))
    // One after the other and not one in the other: types may refer to each other in long chains.
    if (!this.#isWriting) {
      this.#isWriting = true
      for (let body = this.#waiting.pop(); body !== undefined; body = this.#waiting.pop()) body()
      this.#isWriting = false
    }
    return name
  }

  #body(name: Name, failure: Code, write: (out: Lines) => Code, extra: readonly Name[], head: () => Code): void {
    const { e } = this
    const p = e.name('p')
    const c = e.name('c')
    const depth = e.name('depth')
    const at = js`${e.constant(scratch, 'scratch')}.at`
    const frame: Frame = { e, p, c, to: js`to`, bad: js`{ ${at} = -1; return ${failure} }`, depth }
    const out = new Lines(frame)
    const result = write(out)
    const parameters = extra.map((parameter) => js`${parameter}, `)
    e.prelude(js`function ${name}(b, view, ${p}, to, ${parameters} ${depth}) {
let ${c} = 0
if (${depth} > ${AVRO_LIMIT_DATA_DEPTH}) ${frame.bad}
${head()}
${out.done()}
if (${p} > to) ${frame.bad}
${at} = ${p}
return ${result}
}`)
  }

  /**
   * Calls a function of the family from `out`, and leaves on damage. Declares and returns the variable that holds its
   * result.
   */
  call(out: Lines, fn: Name, extra: readonly Code[] = []): Name {
    const { e, p, to, bad, depth } = out.frame
    const x = e.name('x')
    const values = extra.map((value) => js`${value}, `)
    out.add(js`const ${x} = ${fn}(b, view, ${p}, ${to}, ${values} ${depth} + 1)
${p} = ${scratchName(out.frame)}.at
if (${p} < 0) ${bad}`)
    return x
  }
}
