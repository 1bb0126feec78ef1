/** What was run, newest first: searched by words, opened by Enter. */
import { useMemo, useState } from 'preact/hooks'
import { systemClock } from '../../lib/clock.ts'
import type { DialogProps } from '../registry.ts'
import { ChoiceList } from './choice-list.tsx'
import { dayOf, outcomeText, searched } from './history.ts'
import { clearHistory, history } from './history-store.ts'
import { openQuery } from './open-query.ts'

/** Not a limit: further ones are found by searching. */
const SHOWN = 100

export default function HistoryDialog({ close }: DialogProps) {
  const [search, type] = useState('')
  const [version, redraw] = useState(0)
  const entries = useMemo(history, [version])
  const nowMs = systemClock.now()
  const time = (ms: number): string => new Date(ms).toTimeString().slice(0, 5)
  return (
    <div class="statements">
      <ChoiceList
        label="History"
        search={search}
        type={type}
        none={entries.length === 0 ? 'Nothing was run here yet.' : 'Nothing of that is in the history.'}
        choices={searched(entries, search)
          .slice(0, SHOWN)
          .map((entry) => ({
            id: `${entry.atMs} ${entry.sql}`,
            sql: entry.sql,
            note: [`${dayOf(entry.atMs, nowMs)} ${time(entry.atMs)}`, entry.environment, outcomeText(entry)].join(
              ' · ',
            ),
            open: () => {
              close()
              openQuery(entry.sql)
            },
          }))}
      />
      <footer class="statements-foot">
        <span class="soft">Kept in this browser until you log out.</span>
        <button
          type="button"
          disabled={entries.length === 0}
          onClick={() => {
            clearHistory()
            redraw(version + 1)
          }}
        >
          Clear
        </button>
      </footer>
    </div>
  )
}
