/**
 * The columns of a result, found out while rows arrive: every leaf of the rows' structures by its path, in order of
 * first sight. It walks the JSON text in place and makes no values of it, so digits stay as they are, and a field that is
 * absent is not one that is null.
 */
import { skipSpace, skipString, skipValue, stringText, valueStart } from '../../lib/text/json-walk.ts'

/** One field of the structure. A field may be a column and hold others, where rows differ. */
export interface ColumnNode {
  /** Its name as it stood in the text that was seen first, quotes included. */
  readonly quoted: string
  readonly path: string
  readonly names: readonly string[]
  readonly depth: number
  /** Where it stands among the children of the node above. */
  readonly place: number
  readonly children: ColumnNode[]
  readonly byName: Map<string, ColumnNode>
  /** Position among the columns; -1 while no leaf was seen here. */
  column: number
}

/** A column: where it stands, and what its values look like. */
export interface Column {
  /**
   * `a.b`, `_key`, `_meta.offset`; `_value` where the whole value is one. No two columns have the same: a name with a
   * dot stands in backticks, and a member of a record that is called like a part of it is `_value._key`.
   */
  readonly path: string
  /** The path taken apart. */
  readonly names?: readonly string[]
  /** Whether every value so far was a number: they stand to the right. */
  readonly numeric: boolean
  /** Characters of the longest value so far, as far as they count for a width. */
  readonly widest: number
}

/**
 * Limit `studio.columns` (columns): columns of a result. Beyond it: a row with further fields is shown as JSON of what
 * holds them as well.
 */
export const MAX_COLUMNS = 2500
/** Not a limit: deeper structures are shown as JSON. */
const MAX_DEPTH = 12
const WIDEST = 60

const OPEN = 123
const QUOTE = 34
const COMMA = 44

/** What a walk does with each leaf. */
export type OnLeaf = (node: ColumnNode, start: number, end: number) => void

/** The columns of one result. The text of a row is the data of a RECORD: `{"key":…,"value":…,"metadata":…,"rownum":0`. */
export class Columns {
  readonly #value = root([])
  /** The value as a whole, and those of its members whose names mean something else. */
  readonly #whole = root(['_value'])
  readonly #key = root(['_key'])
  readonly #meta = root(['_meta'])
  #columns: { path: string; names: readonly string[]; numeric: boolean; widest: number }[] = []
  /** Whether the row is a record, with its key; else its members are columns that were selected. */
  #isRecord = false
  /** Whether something of the row found no column. */
  #isLeftOut = false
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
    this.#isRecord = false
    while (text.charCodeAt(at) === QUOTE) {
      const nameEnd = skipString(text, at)
      const start = valueStart(text, nameEnd)
      const facet = FACETS[text.slice(at + 1, nameEnd - 1)]
      if (facet === 'key') this.#isRecord = true
      const end =
        facet === undefined
          ? skipValue(text, start)
          : this.#into(facet === 'value' ? this.#value : facet === 'key' ? this.#key : this.#meta, text, start, leaf)
      this.#isLeftOut = false
      const next = skipSpace(text, end)
      at = text.charCodeAt(next) === COMMA ? skipSpace(text, next + 1) : text.length
    }
  }

  #into(node: ColumnNode, text: string, start: number, leaf: OnLeaf): number {
    let at = start
    if (text.charCodeAt(start) === OPEN && node.depth < MAX_DEPTH) at = skipSpace(text, start + 1)
    // No structure, too deep a one, or one without members.
    if (at === start || text.charCodeAt(at) !== QUOTE) {
      const end = skipValue(text, start)
      this.#leaf(node, start, end, leaf)
      return end
    }
    let guess = 0
    let isLeftOut = false
    for (;;) {
      let child: ColumnNode | undefined = node.children[guess]
      let nameEnd: number
      if (child !== undefined && text.startsWith(child.quoted, at)) nameEnd = at + child.quoted.length
      else {
        nameEnd = skipString(text, at)
        child = this.#child(node, text.slice(at, nameEnd))
      }
      const valueAt = valueStart(text, nameEnd)
      if (child === undefined) {
        isLeftOut = true
        at = skipValue(text, valueAt)
      } else {
        guess = child.place + 1
        at = this.#into(child, text, valueAt, leaf)
        if (this.#isLeftOut) isLeftOut = true
        this.#isLeftOut = false
      }
      at = skipSpace(text, at)
      if (text.charCodeAt(at) !== COMMA) break
      at = skipSpace(text, at + 1)
    }
    const end = Math.min(at + 1, text.length)
    if (isLeftOut) this.#leaf(node, start, end, leaf)
    return end
  }

  /** What has no column, and can get none any more, is left to what holds it; the parts of a row always have one. */
  #leaf(node: ColumnNode, start: number, end: number, leaf: OnLeaf): void {
    const at = node === this.#value ? this.#whole : node
    if (at.column < 0 && this.#isFull && at.depth > 0) this.#isLeftOut = true
    else leaf(at, start, end)
  }

  get #isFull(): boolean {
    return this.#columns.length >= MAX_COLUMNS
  }

  /** undefined where there is no room for another one. */
  #child(parent: ColumnNode, quoted: string): ColumnNode | undefined {
    const name = stringText(quoted)
    let node = parent
    if (parent === this.#value && Object.hasOwn(PARTS, name)) {
      // `SELECT _key` gives a member of that name, which is the key; of a record it is a member of its value.
      if (this.#isRecord) node = this.#whole
      else if (name === '_key') return this.#key
      else if (name === '_meta') return this.#meta
      else if (name === '_value') return this.#whole
    }
    const found = node.byName.get(name)
    if (found !== undefined || this.#isFull) return found
    const child: ColumnNode = {
      ...root([...node.names, name]),
      quoted,
      path: node.path === '' ? written(name) : `${node.path}.${written(name)}`,
      depth: node.depth + 1,
      place: node.children.length,
    }
    node.byName.set(name, child)
    node.children.push(child)
    return child
  }

  #note(node: ColumnNode, text: string, start: number, end: number): void {
    const first = text.charCodeAt(start)
    const isNull = first === 110
    if (node.column < 0) {
      // A key that is null everywhere, or a row that is none, is no column.
      node.column = this.#columns.length
      this.#columns.push({ path: node.path, names: node.names, numeric: true, widest: 4 })
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

/** Names that stand for a part of a record, so that a member of that name is `_value._key`. */
const PARTS: Readonly<Record<string, true>> = {
  _key: true,
  _value: true,
  _meta: true,
  _metadata: true,
  _headers: true,
  _header: true,
}

function root(names: readonly string[]): ColumnNode {
  return {
    quoted: '',
    path: names.join('.'),
    names,
    depth: 0,
    place: 0,
    children: [],
    byName: new Map(),
    column: -1,
  }
}

/** A name as it stands in a path. */
function written(name: string): string {
  return name === '' || /[.`]/.test(name) ? `\`${name.replaceAll('`', '``')}\`` : name
}
