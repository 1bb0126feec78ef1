/**
 * The functions that one generated program shares for one schema: made once per (message or field, purpose), named
 * before their body exists, so that recursive messages end. Signature of all of them: (b, view, from, to, …, depth);
 * they return undefined (or -1, where they return positions) for damage.
 */
import { type Code, type Emitter, js, type Name } from '../../codegen/emitter.ts'
import type { Value } from '../../types.ts'
import type { RenderOptions } from '../format.ts'
import type { RawBuffer } from '../reading/reader-runtime.ts'
import type { Meaning, ProtoMessage } from './definition/schema.ts'
import { meaningAt } from './meaning.ts'
import { PROTOBUF_LIMIT_DEPTH } from './wire.ts'

/** The place where code runs. `b` and `view` are always called so. */
export interface Frame {
  readonly e: Emitter
  readonly family: Family
  readonly bad: Code
  /** How many messages deep the code runs. */
  readonly depth: Code
}

/** The value of a message that stands for another value, which lies in [from, to); undefined for damage. */
export type MeaningReader = (b: RawBuffer, view: DataView, from: number, to: number, depth: number) => Value | undefined
/** A reader of messages of any type; `find` gives the type of a name. */
export type AnyReader = (find: (name: string) => ProtoMessage | undefined) => MeaningReader

/** The functions of one schema in one program. */
export class Family {
  readonly e: Emitter
  readonly render: RenderOptions
  readonly #any: AnyReader
  #made = new Map<object, Map<unknown, Name>>()
  /** Functions whose body is still to be written: not done in place, because chains of messages may be long. */
  #waiting: (() => void)[] = []
  #writing = false
  constructor(e: Emitter, render: RenderOptions, any: AnyReader) {
    this.e = e
    this.render = render
    this.#any = any
  }

  meaning(meaning: Meaning): MeaningReader {
    return meaning.kind === 'any'
      ? this.#any(meaning.find)
      : (b, view, from, to, depth) => meaningAt(meaning, b, view, from, to, depth)
  }

  /**
   * The function for the thing and purpose. `write` gives the body, which ends with a return; `extra`: parameters
   * between `to` and the depth.
   */
  define(
    thing: object,
    purpose: unknown,
    prefix: string,
    failure: Code,
    extra: readonly Name[],
    write: (frame: Frame) => Code,
  ): Name {
    let purposes = this.#made.get(thing)
    if (purposes === undefined) this.#made.set(thing, (purposes = new Map()))
    const known = purposes.get(purpose)
    if (known !== undefined) return known
    const { e } = this
    const name = e.name(prefix)
    purposes.set(purpose, name)
    const depth = e.name('depth')
    const bad = js`return ${failure}`
    this.#waiting.push(() => {
      const body = write({ e, family: this, bad, depth })
      e.prelude(js`function ${name}(b, view, from, to, ${extra.map((parameter) => js`${parameter}, `)} ${depth}) {
if (${depth} > ${PROTOBUF_LIMIT_DEPTH}) ${bad}
${body}
}`)
    })
    this.#write()
    return name
  }

  #write(): void {
    if (this.#writing) return
    this.#writing = true
    for (let next = this.#waiting.pop(); next !== undefined; next = this.#waiting.pop()) next()
    this.#writing = false
  }
}
