/**
 * Where a text stops being JSON, in words. For bad records only: the readers themselves just know that something is
 * wrong.
 */
import { JSON_LIMIT_DEPTH, plainEnd, skipNumber, skipSpace, skipWord } from './scan.ts'

/** Why the bytes are not one JSON value (RFC 8259, a byte order mark allowed); undefined when they are. */
export function jsonFault(b: Uint8Array): string | undefined {
  const finder = new FaultFinder(b)
  return finder.find()
}

class FaultFinder {
  readonly #b: Uint8Array
  readonly #view: DataView
  readonly #to: number
  #fault: string | undefined

  constructor(b: Uint8Array) {
    this.#b = b
    this.#view = new DataView(b.buffer, b.byteOffset, b.byteLength)
    this.#to = b.length
  }

  find(): string | undefined {
    const b = this.#b
    if (this.#to === 0) return 'not JSON: it is empty'
    const end = this.#value(this.#space(b[0] === 239 && b[1] === 187 && b[2] === 191 ? 3 : 0), 0)
    if (end >= 0 && this.#space(end) < this.#to) this.#fail(this.#space(end), ', behind the value')
    return this.#fault
  }

  #space(p: number): number {
    return skipSpace(this.#b, p, this.#to)
  }

  #fail(p: number, where = ''): -1 {
    const c = this.#b[p]
    const shown = c > 32 && c < 127 ? String.fromCharCode(c) : `0x${(c ?? 0).toString(16).padStart(2, '0')}`
    this.#fault =
      p >= this.#to
        ? `not JSON: it ends too early, after ${this.#to} bytes`
        : `not JSON at byte ${p} (${shown})${where}`
    return -1
  }

  /** The position behind the value, or -1. */
  #value(p: number, depth: number): number {
    const c = this.#b[p]
    if (p >= this.#to) return this.#fail(p)
    if (c === 34) return this.#string(p + 1)
    if (c === 123 || c === 91) {
      if (depth < JSON_LIMIT_DEPTH) return this.#items(p + 1, c === 123, depth + 1)
      this.#fault = `JSON is nested deeper than ${JSON_LIMIT_DEPTH} at byte ${p}`
      return -1
    }
    const end = c === 45 || (c >= 48 && c <= 57) ? skipNumber(this.#b, p, this.#to) : skipWord(this.#b, p, this.#to)
    return end < 0 ? this.#fail(p) : end
  }

  /** The members of an object or the items of an array, from behind the bracket that opens it. */
  #items(from: number, object: boolean, depth: number): number {
    const close = object ? 125 : 93
    let p = this.#space(from)
    if (this.#b[p] === close && p < this.#to) return p + 1
    for (;;) {
      if (object) p = this.#name(p)
      if (p >= 0) p = this.#value(p, depth)
      if (p < 0) return -1
      p = this.#space(p)
      if (p < this.#to && this.#b[p] === close) return p + 1
      if (p >= this.#to || this.#b[p] !== 44) return this.#fail(p)
      p = this.#space(p + 1)
    }
  }

  /** The position of the value behind a name, or -1. */
  #name(p: number): number {
    if (p >= this.#to || this.#b[p] !== 34) return this.#fail(p)
    const end = this.#string(p + 1)
    if (end < 0) return -1
    const colon = this.#space(end)
    return colon < this.#to && this.#b[colon] === 58 ? this.#space(colon + 1) : this.#fail(colon)
  }

  #string(from: number): number {
    for (let p = from; ; ) {
      p = plainEnd(this.#b, this.#view, p, this.#to)
      if (p < this.#to && this.#b[p] === 34) return p + 1
      const behind = p < this.#to && this.#b[p] === 92 ? this.#escape(p + 1) : -1
      if (behind < 0) return this.#fail(p)
      p = behind
    }
  }

  #escape(p: number): number {
    const text = String.fromCharCode(...this.#b.subarray(p, Math.min(p + 5, this.#to)))
    if (/^["\\/bfnrt]/.test(text)) return p + 1
    return /^u[0-9a-fA-F]{4}/.test(text) ? p + 5 : -1
  }
}
