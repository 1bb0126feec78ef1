/** How many queries of this page run, and which; cancels them. */
import { useEffect, useState } from 'preact/hooks'
import { Menu, MenuItem } from '../shell/menu.tsx'
import { addCommand } from '../commands/commands.ts'
import { shownView, studio } from '../store.ts'
import { useStore } from '../use-store.ts'
import { isActive } from './run-state.ts'
import { runOf } from './runs.ts'

export function Running() {
  const tabs = useStore(studio, (state) => state.tabs)
  const [, redraw] = useState(0)
  useEffect(() => {
    const ends = tabs.map(({ id }) => runOf(id).state.subscribe(() => redraw((n) => n + 1)))
    return () => ends.forEach((end) => end())
  }, [tabs])
  useEffect(() => addCommand({ id: 'queries', title: 'Show running queries', run: showQueries }), [])
  const active = tabs.filter(({ id }) => isActive(runOf(id).state.get()))
  return (
    <Menu label={`running ${active.length}`} button={<>running {active.length} ▾</>}>
      {active.map(({ id }) => (
        <MenuItem key={id} onChoose={() => runOf(id).cancel()}>
          Cancel: {runOf(id).state.get().asked.slice(0, 60)}
        </MenuItem>
      ))}
      <MenuItem onChoose={showQueries}>Running queries …</MenuItem>
    </Menu>
  )
}

function showQueries(): void {
  studio.set((state) => shownView(state, 'queries'))
}
