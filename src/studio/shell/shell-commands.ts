/** The commands that the shell itself has. */
import { loadTopics } from '../explorer/topics-store.ts'
import { steppedTab, studio, withoutTab, withTab } from '../store.ts'
import { addCommand, type Command } from '../commands/commands.ts'
import { leave } from '../session/session.ts'
import { switchTheme } from './theme.ts'

/** ⌘ instead of Ctrl. */
export const isMac: boolean = /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? '')

/** Opens a dialog of `registered().dialogs`. */
export function openDialog(dialog: string): void {
  studio.set((state) => ({ ...state, dialog, drawer: false }))
}

export function closeTab(id: number): void {
  studio.set((state) => withoutTab(state, id))
}

const COMMANDS: readonly Command[] = [
  { id: 'palette', title: 'Go to a topic or command', keys: 'Mod+K', run: () => openDialog('palette') },
  { id: 'tab.new', title: 'Open a new query', keys: 'Alt+N', run: () => studio.set((state) => withTab(state, {})) },
  { id: 'tab.close', title: 'Close the tab', keys: 'Alt+W', run: () => closeTab(studio.get().active) },
  { id: 'tab.next', title: 'Show the next tab', keys: 'Alt+PageDown', run: () => studio.set((s) => steppedTab(s, 1)) },
  {
    id: 'tab.previous',
    title: 'Show the previous tab',
    keys: 'Alt+PageUp',
    run: () => studio.set((s) => steppedTab(s, -1)),
  },
  {
    id: 'topics.search',
    title: 'Search the topics',
    keys: '/',
    run: () => {
      studio.set((state) => ({ ...state, drawer: true }))
      requestAnimationFrame(() => document.getElementById('topic-search')?.focus())
    },
  },
  {
    id: 'topics.reload',
    title: 'Read the list of topics again',
    run: () => {
      const { environment } = studio.get()
      if (environment !== undefined) void loadTopics(environment)
    },
  },
  { id: 'connect', title: 'Show how programs connect', run: () => openDialog('connect') },
  { id: 'keys', title: 'Show all keys', keys: '?', run: () => openDialog('keys') },
  { id: 'theme', title: 'Switch colours: system, light, dark', run: switchTheme },
  { id: 'logout', title: 'Log out', run: () => void leave() },
]

/** Gives what takes them away again. */
export function addShellCommands(): () => void {
  const removals = COMMANDS.map(addCommand)
  return () => removals.forEach((remove) => remove())
}
