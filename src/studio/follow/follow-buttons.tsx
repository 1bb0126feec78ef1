/** Follow: the query goes on with what comes. While it does: pause, which misses nothing, and resume. */
import type { Run } from '../run/run.ts'
import { isActive, type RunState } from '../run/run-state.ts'

interface Props {
  readonly state: RunState
  readonly run: Run
  follow(): void
}

export function FollowButtons({ state, run, follow }: Props) {
  if (!isActive(state))
    return (
      <button type="button" title="The query goes on with what comes, the newest row first" onClick={follow}>
        Follow
      </button>
    )
  if (!state.follow) return null
  return state.paused === undefined ? (
    <button type="button" onClick={() => run.pause()}>
      Pause
    </button>
  ) : (
    <button type="button" onClick={() => run.resume()}>
      Resume
    </button>
  )
}
