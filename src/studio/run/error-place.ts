/** Finds the place in the statement that an error of the server points at: the line with a number, and the carets below it. */
import { cells, shownPoints } from '../../sql/error.ts'

/** `line` counts from 1; `from` and `to` are columns in UTF-16 units, from 0. */
export interface ErrorPlace {
  readonly line: number
  readonly from: number
  readonly to: number
}

/**
 * undefined where the message shows no place. Carets are counted in cells of a terminal, of a long line a piece is shown:
 * `sql`, the text that was sent, says what they stand for.
 */
export function errorPlace(message: string, sql?: string): ErrorPlace | undefined {
  const lines = message.split('\n')
  const marks = lines.findLastIndex((line) => /^ *\| *\^+ *$/.test(line))
  const source = marks < 1 ? null : /^ *(\d+) \| /.exec(lines[marks - 1])
  if (source === null) return undefined
  const shown = [...lines[marks - 1].slice(source[0].length)]
  const left = lines[marks].indexOf('^') - source[0].length
  if (left < 0) return undefined
  const carets = /\^+/.exec(lines[marks])?.[0].length ?? 1
  const from = pointAt(shown, 0, left)
  const to = from >= shown.length ? from + carets : pointAt(shown, from, carets)
  const line = Number(source[1])
  const written = sql?.split('\n')[line - 1]?.replace(/\r$/, '')
  if (written === undefined) return { line, from: units(shown, from), to: units(shown, to) }
  const before = placeIn(shownPoints(written), shown)
  const points = [...written]
  return before === undefined ? undefined : { line, from: units(points, before + from), to: units(points, before + to) }
}

/** Which code point stands so many cells behind the one at `from`; marks belong to the one before them. */
function pointAt(points: readonly string[], from: number, width: number): number {
  let at = from
  for (let left = width; at < points.length; at++) {
    const own = cells([points[at]])
    if (left < own || (left === 0 && own > 0)) break
    left -= own
  }
  return at
}

/** Where a piece of a line stands in it; undefined where that could be several places: no mark is better than a wrong one. */
function placeIn(line: readonly string[], piece: readonly string[]): number | undefined {
  if (line.length <= piece.length) return 0
  const places: number[] = []
  for (let at = 0; at + piece.length <= line.length && places.length < 2; at++)
    if (piece.every((c, i) => line[at + i] === c)) places.push(at)
  return places.length === 1 ? places[0] : undefined
}

/** UTF-16 units of the first code points; one for each that is not there. */
function units(points: readonly string[], count: number): number {
  return points.slice(0, count).join('').length + Math.max(0, count - points.length)
}

/** The same as positions in the text. */
export function errorSpan(text: string, { line, from, to }: ErrorPlace): { from: number; to: number } | undefined {
  const lines = text.split('\n')
  if (line < 1 || line > lines.length) return undefined
  const start = lines.slice(0, line - 1).reduce((sum, l) => sum + l.length + 1, 0)
  const end = start + lines[line - 1].length
  return { from: Math.min(start + from, end), to: Math.min(start + to, end) }
}

/** What an error says before it shows the place. */
export function errorSentence(message: string): string {
  return message.split(/\n *\d+ \| /)[0]
}
