/**
 * Lays out a text of SQL: one clause a line where a statement does not fit on one, keywords in upper case, comments
 * where they were. It changes white space and the case of keywords and nothing else: the tokens stay the same. What is a
 * keyword and what a name is read from the syntax tree. A text that cannot be parsed is left alone.
 */
import { parseScript } from '../parse.ts'
import type { Span, Statement } from '../ast.ts'
import { type Token, tokenize } from '../lex.ts'
import { atomsOf, type Atom } from './atoms.ts'
import { layout } from './layout.ts'
import { withPlaceholders } from './parameters.ts'

/** The text laid out; undefined where it cannot be parsed. Laying out what was laid out changes nothing. */
export function formatted(text: string): string | undefined {
  let statements: readonly Statement[]
  const plain = withPlaceholders(text)
  try {
    statements = parseScript(plain)
  } catch {
    return undefined
  }
  const { atoms, rest } = atomsOf(text, statements)
  let out = ''
  for (const [i, group] of statementsOf(atoms, statements).entries()) {
    const blank = i > 0 && group[0].blankBefore ? '\n' : ''
    out += (i === 0 ? '' : '\n') + blank + layout(group)
  }
  for (const comment of rest) out += (out === '' ? '' : '\n') + comment
  const result = out === '' ? '' : `${out}\n`
  return sameTokens(text, result) ? result : undefined
}

/** The atoms of each statement, with its semicolons. */
function statementsOf(atoms: readonly Atom[], statements: readonly Statement[]): Atom[][] {
  const groups: Atom[][] = []
  let at = -1
  for (const atom of atoms) {
    const next: Span | undefined = statements[at + 1]?.span
    const begins = next !== undefined && atom.start >= next.start
    if (begins) at++
    if (begins || groups.length === 0) groups.push([])
    groups[groups.length - 1].push(atom)
  }
  return groups
}

/** Whether two texts are the same tokens, comments included, but for white space and the case of keywords. */
export function sameTokens(a: string, b: string): boolean {
  const [left, right] = [tokenize(a), tokenize(b)]
  const same = (x: Token, y: Token): boolean =>
    x.kind === y.kind &&
    (x.text === y.text ||
      (x.kind === 'keyword' && x.upper === y.upper) ||
      (x.kind === 'comment' && x.text.trimEnd() === y.text.trimEnd()))
  return left.length === right.length && left.every((token, i) => same(token, right[i]))
}
