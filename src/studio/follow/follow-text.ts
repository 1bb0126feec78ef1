/** What the line below the rows says of a query that follows. */
import type { RunState } from '../run/run-state.ts'

/** In sentences; empty where there is nothing to say. */
export function followText({ follow, paused, dropped, phase }: RunState): readonly string[] {
  if (!follow) return []
  const texts: string[] = []
  if (phase === 'running') texts.push(paused === undefined ? '● Following' : '❚❚ Paused')
  if (paused !== undefined && paused.rows > 0)
    texts.push(`${paused.rows.toLocaleString('en')} ${paused.rows === 1 ? 'row waits' : 'rows wait'}`)
  if (paused?.stopped === true)
    texts.push('reading has stopped (studio.paused.rows) and goes on from there when you resume')
  if (dropped > 0) texts.push(`the oldest ${dropped.toLocaleString('en')} rows are let go (studio.follow.rows)`)
  return texts
}
