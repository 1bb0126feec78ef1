/**
 * What a layout moves about: tokens, with names that are several tokens in one piece, and with each comment at the token
 * that it belongs to. Which words are names is read from the syntax tree.
 */
import type { Span, Statement } from '../ast.ts'
import { type Token, tokenize } from '../lex.ts'
import { parameterPlaces } from './parameters.ts'

/** One piece that is not broken. `text` is what is printed. */
export interface Atom extends Span {
  readonly text: string
  /** The word in upper case where it is syntax; empty for names, literals and symbols. */
  readonly word: string
  readonly kind: 'word' | 'name' | 'literal' | 'symbol' | 'verbatim'
  /** The name of a function, before its `(`. */
  readonly isCall: boolean
  /** Whether white space stood before it. */
  readonly spaced: boolean
  /** An empty line before it, or before the first comment that belongs to it. */
  readonly blankBefore: boolean
  /** Comments on lines of their own before it. */
  readonly before: readonly string[]
  /** Comments behind it on its line. */
  readonly after: string[]
}

/** Statements whose values are written without quotes: they stay as they are. */
const VERBATIM: ReadonlySet<Statement['kind']> = new Set(['set', 'use', 'kill', 'createTable'])

interface Marked {
  readonly names: readonly Span[]
  readonly calls: ReadonlySet<number>
}

/** Pieces in order; `rest`: comments behind the last of them. */
export function atomsOf(text: string, statements: readonly Statement[]): { atoms: Atom[]; rest: string[] } {
  const { names, calls } = marked(text, statements)
  const whole = new Map(names.map((span) => [span.start, span.end]))
  const atoms: Atom[] = []
  let comments: string[] = []
  let blank = false
  let done = 0
  for (const token of tokens(text, whole)) {
    const gap = text.slice(done, token.start)
    const last = atoms.at(-1)
    if (token.kind === 'comment') {
      const own = last === undefined || comments.length > 0 || gap.includes('\n') || last.after.at(-1)?.startsWith('--')
      if (own === true) {
        if (comments.length === 0) blank = isBlank(gap)
        comments.push(token.text.trimEnd())
      } else last?.after.push(token.text.trimEnd())
    } else {
      if (comments.length === 0) blank = isBlank(gap)
      const isName = whole.has(token.start)
      atoms.push({
        ...pieceOf(token, isName),
        isCall: calls.has(token.start),
        spaced: done < token.start,
        blankBefore: blank,
        before: comments,
        after: [],
      })
      comments = []
    }
    done = token.end
  }
  return { atoms, rest: comments }
}

function isBlank(gap: string): boolean {
  return /\n[^\S\n]*\n/.test(gap)
}

function pieceOf(
  { kind, text, upper, start, end }: Token,
  isName: boolean,
): Pick<Atom, 'text' | 'word' | 'kind' | 'start' | 'end'> {
  if (kind === 'end') return { text, word: '', kind: 'verbatim', start, end }
  if (isName || kind === 'identifier' || kind === 'quoted') return { text, word: '', kind: 'name', start, end }
  if (kind === 'keyword') return { text: upper, word: upper, kind: 'word', start, end }
  if (kind === 'string' || kind === 'number') return { text, word: '', kind: 'literal', start, end }
  return { text, word: '', kind: 'symbol', start, end }
}

/** Tokens and comments; what `whole` holds by its start is one token. A verbatim piece has the kind `end`. */
function tokens(text: string, whole: ReadonlyMap<number, number>): Token[] {
  const found: Token[] = []
  let skipTo = 0
  for (const token of tokenize(text)) {
    if (token.start < skipTo) continue
    const end = whole.get(token.start)
    if (end === undefined || end <= token.end) {
      found.push(token)
      continue
    }
    found.push({ ...token, kind: 'end', text: text.slice(token.start, end), end, upper: '' })
    skipTo = end
  }
  return found
}

/** Spans of names, types and parameters, and of statements that stay as they are; where functions are called. */
function marked(text: string, statements: readonly Statement[]): Marked {
  const names: Span[] = parameterPlaces(text).map(({ start, end }) => ({ start, end }))
  const calls = new Set<number>()
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    if (Array.isArray(node)) return node.forEach(walk)
    const { kind, text: word, quoted, arrayDepth, span, name } = node as Record<string, unknown>
    if (span !== undefined && typeof word === 'string' && typeof quoted === 'boolean') names.push(span as Span)
    if (span !== undefined && typeof arrayDepth === 'number') names.push(span as Span)
    if (kind === 'call') calls.add((name as { span: Span }).span.start)
    for (const value of Object.values(node)) walk(value)
  }
  for (const statement of statements) {
    if (VERBATIM.has(statement.kind)) names.push(statement.span)
    else walk(statement)
  }
  return { names, calls }
}
