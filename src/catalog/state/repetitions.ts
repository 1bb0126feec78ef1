/**
 * Objects that have to be written once more behind changes that came too late: compaction keeps the last record of a
 * key. Whoever made the late change does it at once. Where that failed, or its author is gone, any server that sees it
 * late for some seconds does.
 */
import type { Entry } from './entry.ts'
import type { Note } from './passed-over.ts'

interface RepetitionsOptions {
  readonly topic: string
  readonly note: Note
  /** Aborted when the store is closed. */
  readonly signal: AbortSignal
  write(entry: Entry): Promise<void>
}

export class Repetitions {
  readonly #options: RepetitionsOptions
  /** What was to be written at the last look. */
  #before: ReadonlySet<string> = new Set()
  #isBusy = false
  /** Why the last one was not written. */
  #problem = ''

  constructor(options: RepetitionsOptions) {
    this.#options = options
  }

  /** Whether it was written. Never rejects. */
  async write(entry: Entry): Promise<boolean> {
    const { topic, note, signal } = this.#options
    try {
      await this.#options.write(entry)
      this.#problem = ''
      return true
    } catch (error) {
      if (signal.aborted) return false
      const reason = error instanceof Error ? error.message : String(error)
      // It is tried again every few seconds.
      if (reason !== this.#problem) note('warn', { topic, reason }, 'an object was not written again')
      this.#problem = reason
      return false
    }
  }

  /** To be called every few seconds with all that is to be written: what was so the last time is written now. */
  async look(late: readonly Entry[]): Promise<void> {
    if (this.#isBusy) return
    const before = this.#before
    this.#before = new Set(late.map(named))
    this.#isBusy = true
    for (const entry of late) if (before.has(named(entry)) && !(await this.write(entry))) break
    this.#isBusy = false
  }
}

/** The object and the changes that it is written over. */
function named({ environment, kind, name, version, over }: Entry): string {
  return JSON.stringify([environment, kind, name, version, over])
}
