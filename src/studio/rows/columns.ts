/**
 * The columns of a result, found out while rows arrive: every leaf of the rows' structures by its path, in order of
 * first sight. It walks the JSON text in place and makes no values of it, so digits stay as they are, and a field that is
 * absent is not one that is null.
 */

/** One field of the structure. A field may be a column and hold others, where rows differ. */
export interface ColumnNode {
  /** Its name as it stands in the text, quotes included. */
  readonly quoted: string
  readonly path: string
  readonly names: readonly string[]
  readonly depth: number
  readonly children: ColumnNode[]
  /** Position among the columns; -1 while no leaf was seen here. */
  column: number
}

/** A column: where it stands, and what its values look like. */
export interface Column {
  /** `a.b`, `_key`, `_meta.offset`; `_value` where the whole value is one. */
  readonly path: string
  /** The path taken apart, as names may hold dots. */
  readonly names?: readonly string[]
  /** Whether every value so far was a number: they stand to the right. */
  readonly numeric: boolean
  /** Characters of the longest value so far, as far as they count for a width. */
  readonly widest: number
}

/** Limit `studio.columns` (columns): columns of a result. Beyond it: further fields are shown as JSON of their parent. */
export const MAX_COLUMNS = 2500
/** Not a limit: deeper structures are shown as JSON. */
const MAX_DEPTH = 12
const WIDEST = 60

const OPEN = 123
const CLOSE = 125
const LIST = 91
const LIST_END = 93
const QUOTE = 34
const COMMA = 44

/** What a walk does with each leaf. */
export type OnLeaf = (node: ColumnNode, start: number, end: number) => void

/** The columns of one result. The text of a row is the data of a RECORD: `{"key":…,"value":…,"metadata":…,"rownum":0`. */
export class Columns {
  readonly #value = root('_value', '')
  readonly #key = root('_key', '_key')
  readonly #meta = root('_meta', '_meta')
  #columns: { path: string; names: readonly string[]; numeric: boolean; widest: number }[] = []
  /** Changes whenever a column is added or looks otherwise. */
  version = 0

  get list(): readonly Column[] {
    return this.#columns
  }

  /** Takes note of a row; `leaf` hears of each of its leaves. */
  learn(text: string, leaf?: OnLeaf): void {
    this.walk(text, (node, start, end) => {
      this.#note(node, text, start, end)
      leaf?.(node, start, end)
    })
  }

  /** Goes through the leaves of a row. */
  walk(text: string, leaf: OnLeaf): void {
    let at = text.charCodeAt(0) === OPEN ? 1 : 0
    while (text.charCodeAt(at) === QUOTE) {
      const nameEnd = skipString(text, at)
      const start = nameEnd + 1
      const facet = FACETS[text.slice(at + 1, nameEnd - 1)]
      const end =
        facet === undefined
          ? skipValue(text, start)
          : this.#into(facet === 'value' ? this.#value : facet === 'key' ? this.#key : this.#meta, text, start, leaf)
      at = text.charCodeAt(end) === COMMA ? end + 1 : text.length
    }
  }

  #into(node: ColumnNode, text: string, start: number, leaf: OnLeaf): number {
    const full = this.#columns.length >= MAX_COLUMNS && node.children.length === 0
    if (text.charCodeAt(start) !== OPEN || node.depth >= MAX_DEPTH || full || text.charCodeAt(start + 1) === CLOSE) {
      const end = skipValue(text, start)
      leaf(node, start, end)
      return end
    }
    let at = start + 1
    let guess = 0
    for (;;) {
      let child = node.children[guess]
      let valueAt: number
      if (child !== undefined && text.startsWith(child.quoted, at)) valueAt = at + child.quoted.length
      else {
        const nameEnd = skipString(text, at)
        valueAt = nameEnd + 1
        child = this.#child(node, text.slice(at, valueAt))
        guess = node.children.indexOf(child)
      }
      guess++
      at = this.#into(child, text, valueAt, leaf)
      if (text.charCodeAt(at) !== COMMA) return at + 1
      at++
    }
  }

  #child(node: ColumnNode, quoted: string): ColumnNode {
    const found = node.children.find((child) => child.quoted === quoted)
    if (found !== undefined) return found
    const name = JSON.parse(quoted.slice(0, -1)) as string
    const path = node.path === '' ? name : `${node.path}.${name}`
    const names = [...node.names, name]
    const child: ColumnNode = { quoted, path, names, depth: node.depth + 1, children: [], column: -1 }
    node.children.push(child)
    return child
  }

  #note(node: ColumnNode, text: string, start: number, end: number): void {
    const first = text.charCodeAt(start)
    const isNull = first === 110
    if (node.column < 0) {
      // A key that is null everywhere, or a row that is none, is no column.
      node.column = this.#columns.length
      const names = node.names.length === 0 ? ['_value'] : node.names
      this.#columns.push({ path: node.path === '' ? '_value' : node.path, names, numeric: true, widest: 4 })
      this.version++
    }
    const column = this.#columns[node.column]
    if (!isNull && column.numeric && first !== 45 && (first < 48 || first > 57)) {
      column.numeric = false
      this.version++
    }
    const width = Math.min(WIDEST, end - start - (first === QUOTE ? 2 : 0))
    if (width > column.widest) {
      column.widest = width
      this.version++
    }
  }
}

const FACETS: Readonly<Record<string, 'key' | 'value' | 'metadata' | undefined>> = {
  key: 'key',
  value: 'value',
  metadata: 'metadata',
}

function root(name: string, path: string): ColumnNode {
  return { quoted: `"${name}":`, path, names: path === '' ? [] : [path], depth: 0, children: [], column: -1 }
}

/** The position behind the string that begins at `at`. */
export function skipString(text: string, at: number): number {
  let end = text.indexOf('"', at + 1)
  for (;;) {
    if (end < 0) return text.length
    let slashes = 0
    while (text.charCodeAt(end - 1 - slashes) === 92) slashes++
    if (slashes % 2 === 0) return end + 1
    end = text.indexOf('"', end + 1)
  }
}

/** The position behind the value that begins at `at`. */
export function skipValue(text: string, at: number): number {
  const first = text.charCodeAt(at)
  if (first === QUOTE) return skipString(text, at)
  if (first !== OPEN && first !== LIST) {
    let i = at
    for (; i < text.length; i++) {
      const c = text.charCodeAt(i)
      if (c === COMMA || c === CLOSE || c === LIST_END) break
    }
    return i
  }
  let depth = 0
  for (let i = at; i < text.length; ) {
    const c = text.charCodeAt(i)
    if (c === QUOTE) {
      i = skipString(text, i)
      continue
    }
    i++
    if (c === OPEN || c === LIST) depth++
    else if ((c === CLOSE || c === LIST_END) && --depth === 0) return i
  }
  return text.length
}
