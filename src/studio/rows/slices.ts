/** Lets messages come in between slices of long work, so that a question of the page never waits for another one. */
import { systemClock } from '../../lib/clock.ts'

/** Not a limit: how long the worker works on one thing before it looks at what else came. */
const SLICE_MS = 24

const turns: (() => void)[] = []
let channel: MessageChannel | undefined

/** Resolves when messages that wait have been taken. A timer would wait longer. */
export function turn(): Promise<void> {
  if (channel === undefined) {
    channel = new MessageChannel()
    channel.port1.onmessage = () => turns.shift()?.()
    // Outside of browsers an open port would keep the process.
    ;(channel.port1 as unknown as { unref?(): void }).unref?.()
  }
  const port = channel.port2
  return new Promise((resolve) => {
    turns.push(resolve)
    port.postMessage(undefined)
  })
}

/** Calls `step` for each number below `count`; waits for a turn between slices. False when `isWanted` ended it. */
export async function inSlices(
  from: number,
  count: number,
  step: (at: number) => void,
  isWanted: () => boolean = () => true,
): Promise<boolean> {
  let endMs = systemClock.monotonic() + SLICE_MS
  for (let at = from; at < count; at++) {
    step(at)
    if ((at & 63) === 0 && systemClock.monotonic() > endMs) {
      await turn()
      if (!isWanted()) return false
      endMs = systemClock.monotonic() + SLICE_MS
    }
  }
  return true
}
