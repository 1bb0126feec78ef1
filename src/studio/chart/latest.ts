/** The latest answer to a question that is asked again while rows come, one at a time and not too often. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { systemClock } from '../../lib/clock.ts'

const LEAST_MS = 200
/** A question that takes long is asked less often, so that rows still come in. */
const SHARE = 3

interface Asking {
  isBusy: boolean
  isAgain: boolean
  isGone: boolean
  ask: () => Promise<unknown> | undefined
}

/** Asks again whenever a dependency changes; undefined until the first answer. */
export function useLatest<T>(ask: () => Promise<T> | undefined, dependencies: readonly unknown[]): T | undefined {
  const [answer, set] = useState<T | undefined>(undefined)
  const asking = useRef<Asking>({ isBusy: false, isAgain: false, isGone: false, ask })
  const state = asking.current
  state.ask = ask
  useEffect(() => {
    state.isGone = false
    return () => {
      state.isGone = true
    }
  }, [])
  useEffect(() => {
    state.isAgain = true
    next()
  }, dependencies)
  function next(): void {
    if (state.isBusy || state.isGone || !state.isAgain) return
    state.isAgain = false
    const question = state.ask()
    if (question === undefined) return
    state.isBusy = true
    const begunMs = systemClock.monotonic()
    const done = (): void => {
      const waitMs = Math.max(LEAST_MS, (systemClock.monotonic() - begunMs) * SHARE)
      systemClock.after(waitMs, () => {
        state.isBusy = false
        next()
      })
    }
    question.then(
      (value) => {
        if (!state.isGone) set(value as T)
        done()
      },
      () => done(),
    )
  }
  return answer
}
