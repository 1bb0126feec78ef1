/** What the log of the server says of what is in a store and is no object. */

/**
 * Limit `state.noted.records` (records): of the state topic, or rows of the data file, that are no objects and get a line
 * in the log. Beyond it: one more line says so.
 */
const MAX_NOTED = 100

/** Where lines for the log of the server go. */
export type Note = (level: 'info' | 'warn' | 'error', about: object, text: string) => void

export class PassedOver {
  readonly #note: Note
  readonly #store: object
  readonly #what: string
  #noted = 0

  /** `store`: which one it is, for each line; `what`: what is passed over in it. */
  constructor(note: Note, store: object, what: string) {
    this.#note = note
    this.#store = store
    this.#what = what
  }

  /** `where`: in the store. */
  note(where: object, reason: string): void {
    if (this.#noted > MAX_NOTED) return
    if (++this.#noted <= MAX_NOTED)
      return this.#note('warn', { ...this.#store, ...where, reason }, `a ${this.#what} was passed over`)
    const text = `more than ${MAX_NOTED} times a ${this.#what} was passed over (state.noted.records)`
    this.#note('warn', this.#store, text)
  }
}
