/** The words of the status line. */
import { shortBytes, shortNumber } from '../explorer/topics.ts'
import { followText } from '../follow/follow-text.ts'
import { durationText } from '../messages/partitions.ts'
import { isActive, progressOf, type RunState } from './run-state.ts'

const WORDS: Readonly<Record<RunState['phase'], string>> = {
  idle: 'Ready',
  connecting: 'Connecting',
  running: 'Running',
  complete: '✓ Complete',
  limited: '⚠ Incomplete',
  cancelled: '■ Cancelled',
  failed: '✕ Error',
  lost: '⚠ Connection lost',
}

/** The parts of the line, in order. */
export function statusText(state: RunState, nowMs: number): readonly string[] {
  const seconds = Math.max(0, ((state.endedMs ?? Math.max(nowMs, state.startedMs)) - state.startedMs) / 1000)
  const following = followText(state)
  const parts = state.phase === 'running' && following.length > 0 ? [...following] : [WORDS[state.phase], ...following]
  if (state.phase !== 'failed' || state.rows > 0) parts.push(counted(state.rows, 'row'))
  const progress = progressOf(state)
  if (progress !== undefined && progress.scanned > 0) {
    parts.push(`${shortNumber(progress.scanned)} records read`, shortBytes(progress.bytesRead))
    if (progress.partitions > 0)
      parts.push(`${progress.partitionsDone} of ${counted(progress.partitions, 'partition')}`)
    if (progress.perSecond >= 1) parts.push(`${shortNumber(Math.round(progress.perSecond))} records/s`)
    if (isActive(state) && !state.follow && progress.secondsLeft !== undefined)
      parts.push(`${durationText(progress.secondsLeft)} left`)
  }
  if (state.badRecords > 0) parts.push(`${counted(state.badRecords, 'bad record')} left out`)
  parts.push(seconds < 10 ? `${seconds.toFixed(1)} s` : durationText(Math.round(seconds)))
  return parts
}

function counted(count: number, one: string): string {
  return `${count.toLocaleString('en')} ${one}${count === 1 ? '' : 's'}`
}
