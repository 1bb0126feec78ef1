/** Asks for the price of what stands under the caret, when nobody has typed for a while; a newer text ends the asking. */
import { connect } from '../../client/connect.ts'
import { systemClock, type Timer } from '../../lib/clock.ts'
import { createStore, type Store } from '../observable.ts'
import { lookAfterFailure } from '../session/ended.ts'
import { serverUrl } from '../session/server.ts'
import { studio } from '../store.ts'
import { type Explained, explained } from './explain.ts'
import { explainable, type PriceState } from './priced.ts'

/** How long nobody types before the server is asked. */
const DELAY_MS = 400

/** Prices of one tab. */
export class Pricing {
  readonly state: Store<PriceState> = createStore<PriceState>({ kind: 'none' })
  #timer: Timer | undefined
  #asking: AbortController | undefined
  #asked = ''
  #last: readonly [string, number, Readonly<Record<string, string>>] = ['', 0, {}]
  /** Statements of which the user has said that they may read much. */
  readonly allowed: Set<string> = new Set()

  /** The text, the caret or a parameter has changed. */
  changed(text: string, caret: number, values: Readonly<Record<string, string>>): void {
    this.#last = [text, caret, values]
    this.#timer?.cancel()
    this.#timer = systemClock.after(DELAY_MS, () => this.ask(text, caret, values, false))
  }

  /** Now. `byHand`: also where it runs subqueries. */
  ask(text: string, caret: number, values: Readonly<Record<string, string>>, byHand: boolean): void {
    this.#timer?.cancel()
    this.#last = [text, caret, values]
    const question = explainable(text, caret, values)
    const key = `${studio.get().environment} ${question?.sql}`
    if (key === this.#asked && !byHand) return
    this.#asked = key
    this.#asking?.abort()
    if (question === undefined) return this.state.set(() => ({ kind: 'none' }))
    if (!question.isFree && !byHand)
      return this.state.set(() => ({
        kind: 'unasked',
        why: 'Explain tells the price: it runs the queries inside of this one.',
      }))
    void this.#explain(question.sql)
  }

  /** What was typed last, priced now. */
  askAgain(): void {
    this.ask(...this.#last, true)
  }

  /** The price of a statement that is about to run; undefined where it is not known within `waitMs`. */
  async before(
    text: string,
    caret: number,
    values: Readonly<Record<string, string>>,
    waitMs: number,
  ): Promise<Explained | undefined> {
    this.ask(text, caret, values, false)
    if (this.state.get().kind === 'asking') await settled(this.state, waitMs)
    const now = this.state.get()
    return now.kind === 'known' ? now.explained : undefined
  }

  /** Nothing is asked any more. */
  close(): void {
    this.#timer?.cancel()
    this.#asking?.abort()
  }

  async #explain(sql: string): Promise<void> {
    const asking = new AbortController()
    this.#asking = asking
    this.state.set((state) => ({ kind: 'asking', sql, last: state.kind === 'known' ? state.explained : undefined }))
    try {
      const lines: string[] = []
      const { environment } = studio.get()
      for await (const event of connect({ url: serverUrl(), environment }).query(sql, { signal: asking.signal })) {
        if (event.type === 'ERROR') throw new Error(event.data)
        if (event.type === 'RECORD') lines.push(String((event.data.value as { plan?: unknown }).plan))
      }
      if (!asking.signal.aborted) this.state.set(() => ({ kind: 'known', sql, explained: explained(lines) }))
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause)
      if (!asking.signal.aborted) lookAfterFailure(cause)
      if (!asking.signal.aborted) this.state.set(() => ({ kind: 'failed', sql, message }))
    }
  }
}

const pricings = new Map<number, Pricing>()

// Those of closed tabs go, and all of them after a logout.
studio.subscribe(() => {
  const { tabs } = studio.get()
  for (const [id, pricing] of pricings)
    if (!tabs.some((tab) => tab.id === id)) {
      pricing.close()
      pricings.delete(id)
    }
})

/** Of a tab; made when it is asked for first. */
export function pricingOf(tab: number): Pricing {
  let pricing = pricings.get(tab)
  if (pricing === undefined) {
    pricing = new Pricing()
    pricings.set(tab, pricing)
  }
  return pricing
}

/** Resolves when nothing is asked any more, or after `waitMs`. */
function settled(state: Store<PriceState>, waitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel()
      stop()
      resolve()
    }
    const timer = systemClock.after(waitMs, done)
    const stop = state.subscribe(() => {
      if (state.get().kind !== 'asking') done()
    })
  })
}
