/**
 * Finding a text in a text in linear time. `indexOf` of V8 takes text × target steps for long targets that nearly fit
 * everywhere (`baaa…` in `aaa…`), so long targets are looked for here by Knuth, Morris and Pratt. It knows no SQL.
 */

/**
 * Targets up to this length are left to `indexOf`, which takes at most that number of steps for each character of the
 * text.
 */
const SHORT = 64

/** A target that is looked for, often more than once. */
export class TextSearch {
  readonly target: string
  /**
   * For each beginning of the target: how much of its end is a beginning of the target, too. Empty for short targets.
   */
  readonly #borders: Int32Array
  /** Characters compared so far, where the search is this class's own. */
  steps = 0

  constructor(target: string) {
    this.target = target
    this.#borders = new Int32Array(target.length > SHORT ? target.length : 0)
    for (let i = 1, border = 0; i < this.#borders.length; i++) {
      const code = target.charCodeAt(i)
      while (border > 0 && target.charCodeAt(border) !== code) {
        border = this.#borders[border - 1]
        this.steps++
      }
      if (target.charCodeAt(border) === code) border++
      this.#borders[i] = border
      this.steps++
    }
  }

  /** The first place of the target at or behind `from`, or -1. */
  in(text: string, from = 0): number {
    const { target } = this
    const borders = this.#borders
    if (borders.length === 0) return text.indexOf(target, from)
    let fitting = 0
    for (let i = from; i < text.length; i++) {
      const code = text.charCodeAt(i)
      while (fitting > 0 && target.charCodeAt(fitting) !== code) {
        fitting = borders[fitting - 1]
        this.steps++
      }
      if (target.charCodeAt(fitting) === code) fitting++
      this.steps++
      if (fitting === target.length) return i - fitting + 1
    }
    return -1
  }
}

let last = new TextSearch('')

/** The first place of `target` in `text` at or behind `from`, or -1. */
export function findText(text: string, target: string, from = 0): number {
  if (target.length <= SHORT) return text.indexOf(target, from)
  // Almost always one target is looked for in many texts.
  if (last.target !== target) last = new TextSearch(target)
  return last.in(text, from)
}

/** `text.split(separator, most)`; the separator is not empty. */
export function splitText(text: string, separator: string, most = Number.MAX_SAFE_INTEGER): string[] {
  if (separator.length <= SHORT) return most > 0xffff_ffff ? text.split(separator) : text.split(separator, most)
  const parts: string[] = []
  let at = 0
  for (
    let found = findText(text, separator);
    found >= 0 && parts.length < most;
    found = findText(text, separator, at)
  ) {
    parts.push(text.slice(at, found))
    at = found + separator.length
  }
  if (parts.length < most) parts.push(text.slice(at))
  return parts
}
