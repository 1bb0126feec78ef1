/** Finds the place in the statement that an error of the server points at: the line with a number, and the carets below it. */

/** `line` counts from 1; `from` and `to` are columns in UTF-16 units, from 0. */
export interface ErrorPlace {
  readonly line: number
  readonly from: number
  readonly to: number
}

/** undefined where the message shows no place. */
export function errorPlace(message: string): ErrorPlace | undefined {
  const lines = message.split('\n')
  const marks = lines.findIndex((line) => /^ *\| *\^+/.test(line))
  const source = marks < 1 ? null : /^ *(\d+) \| /.exec(lines[marks - 1])
  if (source === null) return undefined
  const from = lines[marks].indexOf('^') - source[0].length
  const carets = /\^+/.exec(lines[marks])?.[0].length ?? 1
  return from < 0 ? undefined : { line: Number(source[1]), from, to: from + carets }
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
