/** Waiting for what another part of the process does, without a guess of how long that takes on this machine. */
import { setTimeout as sleep } from 'node:timers/promises'

/** The longest that anything may take, on the slowest machine. */
const PATIENCE_MS = 90_000

/** Resolves once the condition holds; rejects with `what` when it never does. */
export async function eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`It never came to it that ${what}.`)
    await sleep(5)
  }
}

/** The value of a counter, once it has been the same for so long; rejects when it goes on and on. */
export async function stoodStill(counter: () => number, forMs: number): Promise<number> {
  const deadline = performance.now() + PATIENCE_MS
  for (let last = counter(); ; ) {
    await sleep(forMs)
    const now = counter()
    if (now === last) return now
    if (performance.now() > deadline) throw new Error(`It never stood still: ${now}`)
    last = now
  }
}
