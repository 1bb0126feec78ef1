/**
 * Builds JavaScript source safely: the only place in the project that makes code from text.
 *
 * Text gets into generated code in two ways only: as a literal through `js` (strings are escaped, U+2028/9 and `<`
 * too), or as a `Name` that this file made. Values come in as closure arguments (`constant`). This file knows nothing
 * of SQL.
 */

/** A piece of source text that is known to be safe. Only this file makes one. */
export class Code {
  readonly text: string
  /** @internal */
  constructor(text: string) {
    this.text = text
  }
  toString(): string {
    return this.text
  }
}

/** A generated identifier. */
export class Name extends Code {}

export type Piece = Code | string | number | bigint | boolean | null | undefined | readonly Code[]

const UNSAFE = /[\u2028\u2029<>]/g

/** A value as JavaScript source. Strings are always quoted literals, never code. */
export function literal(value: string | number | bigint | boolean | null | undefined): string {
  if (typeof value === 'string')
    return JSON.stringify(value).replace(UNSAFE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
  if (typeof value === 'bigint') return value < 0n ? `(${value}n)` : `${value}n`
  if (typeof value === 'number') return Object.is(value, -0) ? '(-0)' : value < 0 ? `(${value})` : String(value)
  return String(value)
}

/** The safe template: `Code` is spliced, an array of `Code` is joined by newlines, anything else becomes a literal. */
export function js(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Code {
  let text = strings[0]
  for (let i = 0; i < pieces.length; i++) {
    const piece = pieces[i]
    if (piece instanceof Code) text += piece.text
    else if (Array.isArray(piece)) text += piece.map(checkCode).join('\n')
    else text += literal(piece as string)
    text += strings[i + 1]
  }
  return new Code(text)
}

function checkCode(piece: unknown): string {
  if (!(piece instanceof Code)) throw new Error('js`…`: an array may hold Code only')
  return piece.text
}

/** No code. */
export const NOTHING: Code = new Code('')

/** Code joined by a separator that is one of a few fixed pieces of punctuation. */
export function join(pieces: readonly Code[], separator: ', ' | ' + ' | ' | ' | ' && ' | ' || ' | '\n'): Code {
  return new Code(pieces.map(checkCode).join(separator))
}

type Factory = (...constants: readonly unknown[]) => unknown

/**
 * Factories made lately, by their source: a query that is asked again runs the machine code that it warmed up the last
 * time (some 30 ms of a scan).
 */
const factories = new Map<string, Factory>()
const KEPT_FACTORIES = 128
/** Longer sources are not kept, so that all of them together stay within 16 MiB. */
const KEPT_SOURCE = 128 * 1024

function factoryOf(names: readonly string[], source: string): Factory {
  const key = `${names.join()}\n${source}`
  const factory = factories.get(key) ?? (new Function(...names, source) as Factory)
  if (key.length > KEPT_SOURCE) return factory
  factories.delete(key)
  factories.set(key, factory)
  if (factories.size > KEPT_FACTORIES) factories.delete(factories.keys().next().value as string)
  return factory
}

/** Collects the parts of one generated function (or of a family that shares constants and helpers). */
export class Emitter {
  #next = 0
  #constants = new Map<unknown, Name>()
  #constantNames: Name[] = []
  #constantValues: unknown[] = []
  #prelude: Code[] = []

  /** A new identifier; `prefix` is only for the reader's eye and is cut down to letters. */
  name(prefix: string): Name {
    return new Name(`${prefix.replace(/[^A-Za-z]/g, '').slice(0, 24) || 'x'}_${this.#next++}`)
  }

  /** A closure argument of the generated function; the same value gets the same name. */
  constant(value: unknown, prefix = 'k'): Name {
    const known = this.#constants.get(value)
    if (known !== undefined) return known
    const name = this.name(prefix)
    this.#constants.set(value, name)
    this.#constantNames.push(name)
    this.#constantValues.push(value)
    return name
  }

  /** Adds declarations (functions, `let` state) in front of the built function, inside the closure. */
  prelude(code: Code): void {
    this.#prelude.push(code)
  }

  /** The whole source as `build` compiles it: for EXPLAIN CODE and for reports. */
  source(params: readonly string[], body: Code): string {
    return `'use strict'\n${this.#prelude.map((c) => c.text).join('\n')}\nreturn function generated(${params.map(checkIdentifier).join(', ')}) {\n${body.text}\n}`
  }

  /**
   * Compiles `function (params) { body }` with the constants and the prelude in scope. `title` becomes its sourceURL.
   */
  // biome-ignore lint/complexity/noBannedTypes: the caller knows the signature that it generated
  build<T extends Function>(params: readonly string[], body: Code, title: string): T {
    const url = title.replace(/[^A-Za-z0-9_.-]+/g, '-').slice(0, 80)
    const factory = factoryOf(
      this.#constantNames.map((n) => n.text),
      `${this.source(params, body)}\n//# sourceURL=sluice-generated/${url}.js`,
    )
    return factory(...this.#constantValues) as T
  }
}

function checkIdentifier(name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new Error(`not an identifier: ${JSON.stringify(name)}`)
  return name
}
