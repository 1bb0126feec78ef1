/** Commands about the open record: to write it again, and to write a tombstone for its key. Only with the right to write. */
import { addCommand } from '../commands/commands.ts'
import { recordText } from '../route.ts'
import { activeTab, changedTab, shownTopic, type StudioState, studio } from '../store.ts'

type Mode = 'replay' | 'tombstone'

/** The page of the record's topic, with the form filled in; the same state where no record is open. */
export function writingRecord(state: StudioState, write: Mode): StudioState {
  const record = activeTab(state)?.record
  if (record === undefined) return state
  const there = shownTopic(state, record.topic)
  // No further tab could be opened.
  if (activeTab(there)?.subject !== record.topic) return there
  return changedTab(there, there.active, { panel: 'write', parameters: { write, from: recordText(record) } })
}

function mayWrite({ session }: StudioState): boolean {
  return session.kind === 'in' && session.permissions.includes('InsertData')
}

/** Gives what takes them away again. */
export function addWriteCommands(): () => void {
  const when = (): boolean => mayWrite(studio.get()) && activeTab(studio.get())?.record !== undefined
  const run = (mode: Mode) => (): void => studio.set((state) => writingRecord(state, mode))
  const removals = [
    addCommand({ id: 'record.replay', title: 'Write the open record again (replay)', when, run: run('replay') }),
    addCommand({
      id: 'record.tombstone',
      title: 'Write a tombstone for the key of the open record',
      when,
      run: run('tombstone'),
    }),
  ]
  return () => removals.forEach((remove) => remove())
}
