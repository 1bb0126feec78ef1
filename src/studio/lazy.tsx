/** Shows a part of the page that is loaded when it is shown first, and says so when it cannot be loaded. */
import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Lazy } from './registry.ts'

const loaded = new Map<unknown, ComponentType<never>>()

/** Loads a part before it is asked for, so that it is there at once. A failure shows when it is asked for. */
export function preload<P extends object>(of: Lazy<P>): void {
  if (loaded.has(of)) return
  of.load().then(
    (module) => void loaded.set(of, module.default as ComponentType<never>),
    () => undefined,
  )
}

type State = { readonly of: unknown; readonly part?: unknown; readonly failure?: string }

export function Part<P extends object>({ of, props }: { readonly of: Lazy<P>; readonly props: P }) {
  const [state, set] = useState<State>({ of, part: loaded.get(of) })
  const [tries, retry] = useState(0)
  useEffect(() => {
    if (loaded.has(of)) return set({ of, part: loaded.get(of) })
    let isShown = true
    of.load().then(
      (module) => {
        loaded.set(of, module.default as ComponentType<never>)
        if (isShown) set({ of, part: module.default })
      },
      (cause: Error) => {
        if (isShown) set({ of, failure: cause.message })
      },
    )
    return () => {
      isShown = false
    }
  }, [of, tries])
  const Shown = (state.of === of ? state.part : loaded.get(of)) as ComponentType<P> | undefined
  if (Shown !== undefined) return <Shown {...props} />
  if (state.failure === undefined) return <div class="loading" aria-busy="true" />
  return (
    <div class="notice" role="alert">
      <p>
        {of.title} could not be loaded: {state.failure}
      </p>
      <button type="button" onClick={() => retry(tries + 1)}>
        Try again
      </button>
    </div>
  )
}
