/**
 * What comes while somebody looks at rows that stand still: it waits here, and is shown when he goes on, so that nothing
 * is missing. A browser cannot slow a WebSocket down; beyond the limits the reading ends, and goes on from its place.
 */

/** A row that waits. */
export interface HeldRow {
  readonly data: string
  readonly rowId: string | undefined
}

/**
 * Limit `studio.paused.rows` (rows): rows that wait while a following query is paused. Beyond it: the reading ends, and
 * goes on where it was when the query does.
 */
export const MAX_HELD_ROWS = 50_000
/**
 * Limit `studio.paused.characters` (characters): of the rows that wait while a following query is paused. Beyond it: the
 * reading ends, and goes on where it was when the query does.
 */
export const MAX_HELD_CHARACTERS = 64_000_000

export class Held {
  readonly #rows: HeldRow[] = []
  /** A later row with the same id takes the place of the earlier one. */
  readonly #byId = new Map<string, number>()
  #characters = 0

  get count(): number {
    return this.#rows.length
  }

  /** False when there is no room: the row is not kept. */
  push(row: HeldRow): boolean {
    const known = row.rowId === undefined ? undefined : this.#byId.get(row.rowId)
    const more = row.data.length - (known === undefined ? 0 : this.#rows[known].data.length)
    if ((known === undefined && this.count >= MAX_HELD_ROWS) || this.#characters + more > MAX_HELD_CHARACTERS)
      return false
    this.#characters += more
    if (known !== undefined) {
      this.#rows[known] = row
      return true
    }
    if (row.rowId !== undefined) this.#byId.set(row.rowId, this.count)
    this.#rows.push(row)
    return true
  }

  /** In the order of arrival. */
  rows(): readonly HeldRow[] {
    return this.#rows
  }
}
