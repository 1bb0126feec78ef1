/**
 * The lines of one statement. A piece that fits on a line stays on it; otherwise it is broken at its clauses, then at
 * its commas and ANDs, then inside its brackets. Only widths, brackets and keywords decide, never how it stood before.
 */
import type { Atom } from './atoms.ts'

/** Where a line is broken, in characters. */
const WIDTH = 88
const STEP = '  '

/** An atom, or what stands between two brackets. */
type Node = Atom | Group
interface Group {
  readonly open: Atom
  readonly inside: readonly Node[]
  readonly close: Atom | undefined
}

/** Where a clause begins. */
const CLAUSES = new Set(
  'SELECT FROM WHERE GROUP HAVING ORDER LIMIT OFFSET UNION EXCEPT INTERSECT WITH VALUES INSERT DELETE'.split(' '),
)
const JOINS = new Set('JOIN LEFT RIGHT FULL INNER CROSS LATERAL'.split(' '))
const LISTS = new Set(['SELECT', 'GROUP', 'ORDER', 'VALUES', 'WITH', 'FROM'])
/** Words that are the head of a clause together with the first one. */
const HEADS = new Set(
  'SELECT DISTINCT FROM WHERE GROUP BY HAVING ORDER LIMIT OFFSET UNION EXCEPT INTERSECT ALL WITH VALUES INSERT INTO DELETE JOIN LEFT RIGHT FULL INNER OUTER CROSS LATERAL'.split(
    ' ',
  ),
)

/** The statement without a line break at its end. */
export function layout(atoms: readonly Atom[]): string {
  const writer = new Writer()
  const [nodes] = grouped(atoms, 0)
  writeQuery(nodes, writer, '')
  return writer.text
}

function isGroup(node: Node): node is Group {
  return 'inside' in node
}

function grouped(atoms: readonly Atom[], from: number): [Node[], number] {
  const nodes: Node[] = []
  let at = from
  while (at < atoms.length) {
    const atom = atoms[at]
    if (atom.kind === 'symbol' && ')]}'.includes(atom.text)) break
    if (atom.kind === 'symbol' && '([{'.includes(atom.text)) {
      const [inside, end] = grouped(atoms, at + 1)
      nodes.push({ open: atom, inside, close: atoms[end] })
      at = end + 1
    } else {
      nodes.push(atom)
      at++
    }
  }
  return [nodes, at]
}

/** Puts atoms one behind the other, with the spaces between them and the comments at them. */
class Writer {
  text = ''
  #last: Atom | undefined
  #breaks = false
  #unary = false

  /** The next atom begins a line. */
  line(indent: string): void {
    if (this.text === '') return
    this.#breaks = false
    this.text = `${this.text.trimEnd()}\n${indent}`
    this.#last = undefined
  }

  get column(): number {
    return this.text.length - this.text.lastIndexOf('\n') - 1
  }

  atom(atom: Atom, indent: string): void {
    const previous = this.#last
    if (atom.before.length > 0) {
      if (this.text.trim() !== '' && previous !== undefined) this.line(indent)
      for (const comment of atom.before) this.text += `${comment}\n${indent}`
    } else if (this.#breaks) this.line(indent)
    else if (previous !== undefined && needsSpace(previous, atom, this.#unary)) this.text += ' '
    this.#unary = isSign(atom) && (previous === undefined || beforeOperand(previous))
    this.#breaks = false
    this.text += atom.text
    for (const comment of atom.after) this.text += ` ${comment}`
    this.#breaks = atom.after.at(-1)?.startsWith('--') === true
    this.#last = atom
  }
}

function isSign({ kind, text }: Atom): boolean {
  return kind === 'symbol' && (text === '-' || text === '+')
}

function beforeOperand({ kind, text }: Atom): boolean {
  return kind === 'word' || (kind === 'symbol' && !')]}'.includes(text))
}

function needsSpace(left: Atom, right: Atom, unary: boolean): boolean {
  // A comment between two atoms has white space around it already.
  if (left.after.length > 0) return true
  if (right.kind === 'symbol' && [',', ')', ']', ';'].includes(right.text)) return false
  if (left.kind === 'symbol' && ['(', '['].includes(left.text)) return false
  if (left.text === '.' || right.text === '.')
    return left.kind === 'literal' || right.kind === 'literal' ? right.spaced : false
  if (left.text === '{' || right.text === '}') return false
  if (right.kind === 'symbol' && right.text === ':') return false
  if (right.kind === 'symbol' && right.text === '(')
    return !left.isCall && !(left.kind !== 'symbol' && !right.spaced && !SPACED.has(left.word))
  if (right.kind === 'symbol' && right.text === '[') return beforeOperand(left) || right.spaced
  // `--` would begin a comment.
  if (unary) return isSign(right)
  return true
}

/** Words before a bracket that is no call. */
const SPACED = new Set(
  'IN AS FROM ON AND OR NOT WHERE BY VALUES FILTER JOIN UNION ALL EXCEPT INTERSECT SELECT HAVING WHEN THEN ELSE BETWEEN LIKE EXISTS'.split(
    ' ',
  ),
)

/** One line of it; undefined where a comment needs lines, or it holds a verbatim piece of several lines. */
function flat(nodes: readonly Node[]): string | undefined {
  const writer = new Writer()
  const atoms = nodes.flatMap(atomsIn)
  for (const [i, atom] of atoms.entries()) {
    if (i > 0 && atom.before.length > 0) return undefined
    const isLast = i === atoms.length - 1
    if (!isLast && atom.after.some((comment) => comment.startsWith('--') || comment.includes('\n'))) return undefined
    if (atom.text.includes('\n')) return undefined
    writer.atom({ ...atom, before: [], after: isLast ? [] : atom.after }, '')
  }
  return writer.text
}

function atomsIn(node: Node): Atom[] {
  return isGroup(node)
    ? [node.open, ...node.inside.flatMap(atomsIn), ...(node.close === undefined ? [] : [node.close])]
    : [node]
}

function fits(nodes: readonly Node[], column: number): boolean {
  const text = flat(nodes)
  return text !== undefined && column + text.length <= WIDTH
}

function write(nodes: readonly Node[], writer: Writer, indent: string): void {
  for (const atom of nodes.flatMap(atomsIn)) writer.atom(atom, indent)
}

function wordOf(node: Node | undefined): string {
  return node === undefined || isGroup(node) ? '' : node.word
}

/** A query or another statement: on one line, or its clauses one below the other. */
function writeQuery(nodes: readonly Node[], writer: Writer, indent: string): void {
  if (fits(nodes, indent.length)) return write(nodes, writer, indent)
  const parts = clauses(nodes)
  for (const [i, part] of parts.entries()) {
    if (i > 0) writer.line(indent)
    writeClause(part, writer, indent)
  }
}

function clauses(nodes: readonly Node[]): Node[][] {
  const parts: Node[][] = []
  for (const [i, node] of nodes.entries()) {
    if (i === 0 || beginsClause(nodes, i)) parts.push([])
    parts[parts.length - 1].push(node)
  }
  return parts
}

function beginsClause(nodes: readonly Node[], i: number): boolean {
  const word = wordOf(nodes[i])
  const before = wordOf(nodes[i - 1])
  if (JOINS.has(word)) return !JOINS.has(before) && before !== 'OUTER'
  if (!CLAUSES.has(word)) return false
  if (word === 'FROM') return before !== 'DISTINCT' && before !== 'DELETE'
  if (word === 'OFFSET') return !nodes.slice(Math.max(0, i - 2), i).some((node) => wordOf(node) === 'LIMIT')
  return true
}

function writeClause(nodes: readonly Node[], writer: Writer, indent: string): void {
  if (fits(nodes, indent.length)) return write(nodes, writer, indent)
  let head = 0
  while (head < nodes.length && HEADS.has(wordOf(nodes[head]))) head++
  const first = wordOf(nodes[0])
  write(nodes.slice(0, head), writer, indent)
  const content = nodes.slice(head)
  const inner = indent + STEP
  if (LISTS.has(first)) {
    const items = itemsOf(content)
    // One item that is broken inside of its own brackets stays on the line of the clause.
    for (const item of items) {
      if (items.length > 1 || first === 'SELECT') writer.line(inner)
      writeExpression(item, writer, items.length > 1 || first === 'SELECT' ? inner : indent)
    }
  } else writeExpression(content, writer, indent)
}

/** AND, OR, ON, WHEN, ELSE and END begin lines; what is too long even so is broken inside of its brackets. */
function writeExpression(nodes: readonly Node[], writer: Writer, indent: string): void {
  if (fits(nodes, writer.column + 1)) return write(nodes, writer, indent + STEP)
  const parts = conditions(nodes)
  for (const [i, part] of parts.entries()) {
    if (i > 0) writer.line(indent + STEP)
    if (fits(part, writer.column + 1)) write(part, writer, indent + STEP)
    else for (const node of part) writeNode(node, writer, i > 0 ? indent + STEP : indent)
  }
}

function conditions(nodes: readonly Node[]): Node[][] {
  const parts: Node[][] = [[]]
  let between = 0
  for (const [i, node] of nodes.entries()) {
    const word = wordOf(node)
    if (word === 'BETWEEN') between++
    const closes = word === 'AND' && between > 0
    if (closes) between--
    const breaks = !closes && BREAKS.has(word) && i > 0
    if (breaks) parts.push([])
    parts[parts.length - 1].push(node)
  }
  return parts
}
const BREAKS = new Set(['AND', 'OR', 'ON', 'WHEN', 'ELSE', 'END', 'SELECT'])

function writeNode(node: Node, writer: Writer, indent: string): void {
  if (!isGroup(node)) return writer.atom(node, indent + STEP)
  if (fits([node], writer.column + 1)) return write([node], writer, indent + STEP)
  const inner = indent + STEP
  writer.atom(node.open, indent)
  writer.line(inner)
  const [head] = node.inside
  if (wordOf(head) === 'SELECT' || wordOf(head) === 'WITH' || (head !== undefined && isGroup(head)))
    writeQuery(node.inside, writer, inner)
  else
    for (const [i, item] of itemsOf(node.inside).entries()) {
      if (i > 0) writer.line(inner)
      writeExpression(item, writer, inner)
    }
  writer.line(indent)
  if (node.close !== undefined) writer.atom(node.close, indent)
}

/** The items of a list, each with its comma. */
function itemsOf(nodes: readonly Node[]): Node[][] {
  const parts: Node[][] = [[]]
  for (const node of nodes) {
    parts[parts.length - 1].push(node)
    if (!isGroup(node) && node.text === ',') parts.push([])
  }
  return parts.filter((part) => part.length > 0)
}
