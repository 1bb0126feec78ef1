/** What the log of the server says of records in the state topic that are no objects. */

/**
 * Limit `state.noted.records` (records): records that are no objects and get a line in the log. Beyond it: one more line
 * says so.
 */
const MAX_NOTED = 100

/** Where lines for the log of the server go. */
export type Note = (level: 'info' | 'warn' | 'error', about: object, text: string) => void

export class PassedOver {
  readonly #topic: string
  readonly #note: Note
  #noted = 0

  constructor(topic: string, note: Note) {
    this.#topic = topic
    this.#note = note
  }

  note(offset: number, reason: string): void {
    if (this.#noted > MAX_NOTED) return
    const topic = this.#topic
    if (++this.#noted <= MAX_NOTED)
      return this.#note('warn', { topic, offset, reason }, 'a record of the state topic was passed over')
    const text = `more than ${MAX_NOTED} records of the state topic were passed over (state.noted.records)`
    this.#note('warn', { topic }, text)
  }
}
