/**
 * The rows of a result as the worker keeps them: UTF-8 text in large blocks of memory, outside of the heap, so that the
 * ceiling in bytes is what is really held. A row is taken apart when somebody wants to see it. Numbers stay text.
 */
import { stringText } from '../../lib/text/json-walk.ts'
import { type Column, Columns } from './columns.ts'

/** What a result may grow to. */
export interface Ceiling {
  readonly rows: number
  readonly bytes: number
}

/**
 * Limit `studio.result.rows` (rows): rows of one result that the page keeps; adjustable on the page. Beyond it: the
 * query is ended, and the line below the rows says so.
 */
export const MAX_RESULT_ROWS = 500_000
/**
 * Limit `studio.result.bytes` (bytes): bytes of the rows of one result that the page keeps; adjustable on the page.
 * Beyond it: the query is ended, and the line below the rows says so.
 */
export const MAX_RESULT_BYTES = 256 * 1024 * 1024
/**
 * Limit `studio.follow.rows` (rows): rows of a following query that the page keeps. Beyond it: the older half of them is
 * let go, and the line below the rows says so.
 */
export const MAX_FOLLOWED_ROWS = 100_000
/** Limit `studio.cell.characters` (characters): of one cell in the grid. Beyond it: the rest is left out, and said. */
export const MAX_CELL = 300

const BLOCK_BYTES = 1 << 20
/** A row of so many bytes that does not fit into what is left has a block of its size. */
const OWN_BLOCK = BLOCK_BYTES / 8
/** Numbers of live rows grow; so many bytes are left for that. */
const SPARE = 64
const NO_BYTES = new Uint8Array(0)

/** `text` is what stands there: of a string its content, of everything else its JSON. undefined: absent. */
export interface Cell {
  readonly kind: 'text' | 'number' | 'boolean' | 'null' | 'json'
  readonly text: string
  /** Characters of the whole, where the text is the beginning only. */
  readonly cutFrom?: number
}

/** A part of the result as the grid draws it. */
export interface Window {
  readonly from: number
  /** A row has as many cells as columns were asked for. */
  readonly rows: readonly (readonly (Cell | undefined)[])[]
  /** Of each row its number in order of arrival; those that went count. */
  readonly numbers: readonly number[]
}

/** How a result is kept. */
export interface ResultOptions {
  readonly keepsIds?: boolean
  /** Rows come without an end. */
  readonly follows?: boolean
}

/** Rows and their columns. */
export class Result {
  readonly columns = new Columns()
  readonly #blocks: Uint8Array[] = []
  #filled = BLOCK_BYTES
  #block = new Int32Array(1024)
  #start = new Int32Array(1024)
  #length = new Int32Array(1024)
  readonly #encoder = new TextEncoder()
  readonly #decoder = new TextDecoder()
  /** The columns that were asked for last, and where each stands among them. */
  #asked: readonly number[] = []
  #placesOf = new Map<number, number>()
  /** The place of each row that can be replaced. */
  readonly #byId = new Map<string, number>()
  /** Bytes that each of those has; a longer one needs another place. */
  readonly #room = new Map<number, number>()
  /** By block, the bytes at its end that stay empty. */
  readonly #empty = new Map<number, number>()
  rows = 0
  bytes = 0
  /** How many times a row took the place of an earlier one. */
  replaced = 0
  /** Rows that went, because there were too many. What stood at `dropped` stands at 0. */
  dropped = 0
  /** By partition, the offset of the last row, and whether offsets came in order. Empty where rows have none. */
  readonly positions = new Map<number, bigint>()
  inOrder = true
  hasPositions = true

  constructor({ keepsIds = false, follows = false }: ResultOptions = {}) {
    this.keepsIds = keepsIds
    this.follows = follows
  }

  /** Whether the last row that came stands first: it is so where rows come without an end. */
  get newestFirst(): boolean {
    return this.follows && !this.keepsIds
  }

  /** Whether a row with the id of an earlier one takes its place (live aggregates). */
  readonly keepsIds: boolean
  readonly follows: boolean

  /** Takes the data of a RECORD. False when that is beyond the ceiling: the row is not kept. */
  add(data: string, ceiling: Ceiling, rowId?: string): boolean {
    const known = rowId !== undefined && this.keepsIds ? this.#byId.get(rowId) : undefined
    if (known === undefined && this.rows >= ceiling.rows) return false
    if (known !== undefined && this.#overwrite(known, data)) {
      this.replaced++
      this.#learn(data)
      return true
    }
    const written = this.#encode(data, ceiling)
    if (written === undefined) return false
    const row = known ?? this.rows++
    if (known !== undefined) this.replaced++
    this.#place(row, this.#blocks.length - 1, this.#filled, written)
    const room = written + (this.keepsIds ? SPARE : 0)
    if (this.keepsIds) this.#room.set(row, room)
    this.#filled += room
    this.bytes += room
    if (rowId !== undefined && this.keepsIds) this.#byId.set(rowId, row)
    this.#learn(data)
    return true
  }

  /** Behind what there is, where #filled points then. Gives its bytes; undefined when that is beyond the ceiling. */
  #encode(data: string, ceiling: Ceiling): number | undefined {
    const spare = this.keepsIds ? SPARE : 0
    const block = this.#blocks.at(-1)
    const rest = block === undefined ? 0 : Math.max(0, block.length - this.#filled)
    if (block !== undefined && rest > spare) {
      const { read, written } = this.#encoder.encodeInto(data, block.subarray(this.#filled, block.length - spare))
      if (read === data.length) return this.bytes + written > ceiling.bytes ? undefined : written
    }
    if (this.bytes + rest + data.length > ceiling.bytes) return undefined
    const bytes = this.#encoder.encode(data)
    if (this.bytes + rest + bytes.length > ceiling.bytes) return undefined
    // What stays empty is held as well.
    if (block !== undefined) this.#empty.set(this.#blocks.length - 1, rest)
    this.bytes += rest
    const size = bytes.length + spare
    const next = spare === 0 && size >= OWN_BLOCK ? bytes : new Uint8Array(size >= OWN_BLOCK ? size : BLOCK_BYTES)
    if (next !== bytes) next.set(bytes)
    this.#blocks.push(next)
    this.#filled = 0
    return bytes.length
  }

  /** Into the place of the earlier row, so that what changes all the time does not grow. False when it is too long. */
  #overwrite(row: number, data: string): boolean {
    const start = this.#start[row]
    const room = this.#room.get(row) ?? 0
    const { read, written } = this.#encoder.encodeInto(
      data,
      this.#blocks[this.#block[row]].subarray(start, start + room),
    )
    if (read < data.length) return false
    this.#length[row] = written
    return true
  }

  #place(row: number, block: number, start: number, length: number): void {
    if (row >= this.#block.length) {
      this.#block = grown(this.#block)
      this.#start = grown(this.#start)
      this.#length = grown(this.#length)
    }
    this.#block[row] = block
    this.#start[row] = start
    this.#length[row] = length
  }

  #learn(data: string): void {
    let partition: string | undefined
    let offset: string | undefined
    this.columns.learn(data, (node, start, end) => {
      if (node.path === '_meta.partition') partition = data.slice(start, end)
      else if (node.path === '_meta.offset') offset = data.slice(start, end)
    })
    if (partition === undefined || offset === undefined || !/^\d+$/.test(partition + offset)) {
      this.hasPositions = false
      return
    }
    const [at, now] = [Number(partition), BigInt(offset)]
    if (now <= (this.positions.get(at) ?? -1n)) this.inOrder = false
    this.positions.set(at, now)
  }

  /** Lets the oldest rows go; those that are left move up. Not where rows are replaced. */
  dropOldest(count: number): void {
    const gone = Math.min(count, this.rows)
    for (let row = 0; row < gone; row++) this.bytes -= this.#length[row] + (this.keepsIds ? SPARE : 0)
    for (const list of [this.#block, this.#start, this.#length]) list.copyWithin(0, gone, this.rows)
    this.rows -= gone
    this.#room.clear()
    // Blocks keep their numbers; what nobody points at is given back.
    const first = this.rows === 0 ? this.#blocks.length - 1 : this.#block[0]
    for (let block = 0; block < first; block++) {
      this.#blocks[block] = NO_BYTES
      this.bytes -= this.#empty.get(block) ?? 0
      this.#empty.delete(block)
    }
    this.dropped += gone
  }

  /** The JSON of a row: the data of its RECORD. */
  text(row: number): string {
    const start = this.#start[row]
    return this.#decoder.decode(this.#blocks[this.#block[row]].subarray(start, start + this.#length[row]))
  }

  /** The cells of one row. */
  cells(row: number, columns: readonly number[], most = MAX_CELL): (Cell | undefined)[] {
    const text = this.text(row)
    if (columns !== this.#asked) {
      this.#asked = columns
      this.#placesOf = new Map(columns.map((column, place) => [column, place]))
    }
    const cells = new Array<Cell | undefined>(columns.length).fill(undefined)
    this.columns.walk(text, (node, start, end) => {
      const place = node.column < 0 ? undefined : this.#placesOf.get(node.column)
      if (place !== undefined) cells[place] = cellOf(text, start, end, most)
    })
    // One column may be asked for twice.
    return columns.map((column, place) => cells[this.#placesOf.get(column) ?? place])
  }
}

function grown(from: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const to = new Int32Array(from.length * 2)
  to.set(from)
  return to
}

/** The value between two positions of JSON text, for people. */
export function cellOf(text: string, start: number, end: number, most: number): Cell {
  const first = text[start]
  const length = end - start
  if (first === '"') {
    // An escape has six characters at most; one that is cut in the middle is left out.
    const isLong = length > most * 6 + 2
    const source = isLong ? `${withoutHalf(text.slice(start, start + most * 6 + 1))}"` : text.slice(start, end)
    const whole = stringText(source)
    return whole.length > most || isLong
      ? { kind: 'text', text: whole.slice(0, most), cutFrom: isLong ? length : whole.length }
      : { kind: 'text', text: whole }
  }
  const kind =
    first === '{' || first === '['
      ? 'json'
      : first === 'n'
        ? 'null'
        : first === 't' || first === 'f'
          ? 'boolean'
          : 'number'
  return length > most
    ? { kind, text: text.slice(start, start + most), cutFrom: length }
    : { kind, text: text.slice(start, end) }
}

/** Without an escape that was cut in the middle. */
function withoutHalf(source: string): string {
  const half = /(?:^|[^\\])(?:\\\\)*(\\(?:u[0-9a-f]{0,3})?)$/i.exec(source)
  return half === null ? source : source.slice(0, source.length - half[1].length)
}

/** The columns as the page gets them. */
export function columnsOf(result: Result): readonly Column[] {
  return result.columns.list.map((column) => ({ ...column }))
}
