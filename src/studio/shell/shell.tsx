/** The frame of the page: top bar, explorer, tabs, the view of the shown tab, dialogs, live region, keys. */
import { useEffect } from 'preact/hooks'
import { notCopied } from '../clipboard.ts'
import { Explorer } from '../explorer/explorer.tsx'
import { loadTopics } from '../explorer/topics-store.ts'
import { Part, preload } from '../lazy.tsx'
import { activeTab, inEnvironment, studio } from '../store.ts'
import { useStore } from '../use-store.ts'
import { registered } from '../registry.ts'
import { followAddress, stopAddress } from './address.ts'
import { addShellCommands, isMac } from './shell-commands.ts'
import { commandFor } from '../commands/commands.ts'
import { Dialog } from './dialog.tsx'
import { Login } from '../session/login.tsx'
import { addWriteCommands } from '../write/write-commands.ts'
import { Tabs } from './tabs.tsx'
import { TopBar } from './top-bar.tsx'

export function Shell() {
  const session = useStore(studio, (state) => state.session)
  if (session.kind === 'unknown')
    return (
      <div class="loading" aria-busy="true" role="status">
        {session.message}
      </div>
    )
  return (
    <>
      {session.kind === 'in' ? <Workbench /> : <Login message={session.message} />}
      <LiveRegion />
      <NotCopied />
    </>
  )
}

function LiveRegion() {
  const text = useStore(studio, (state) => state.announcement)
  return (
    <div class="unseen" role="status" aria-live="polite">
      {text}
    </div>
  )
}

/** What else would be noticed when it is pasted. */
function NotCopied() {
  const why = useStore(notCopied, (text) => text)
  if (why === undefined) return null
  return (
    <p class="not-copied" role="alert">
      {why}{' '}
      <button type="button" class="quiet" aria-label="Close the message" onClick={() => notCopied.set(() => undefined)}>
        ✕
      </button>
    </p>
  )
}

function Workbench() {
  const environment = useStore(studio, (state) => state.environment)
  const isDrawerOpen = useStore(studio, (state) => state.drawer)
  useEffect(() => {
    const removals = [addShellCommands(), addWriteCommands()]
    const press = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || isTyping(event) || studio.get().dialog !== undefined) return
      const command = commandFor(event, isMac)
      if (command === undefined) return
      event.preventDefault()
      command.run()
    }
    addEventListener('keydown', press)
    followAddress()
    // Who types ⌘K and a name does not wait for a file.
    for (const dialog of registered().dialogs) preload(dialog)
    return () => {
      removeEventListener('keydown', press)
      stopAddress()
      for (const remove of removals) remove()
    }
  }, [])
  useEffect(() => {
    if (environment !== undefined) void loadTopics(environment)
  }, [environment])
  return (
    <div class={isDrawerOpen ? 'workbench drawer-open' : 'workbench'}>
      <TopBar />
      <Explorer />
      <main class="work">
        <Tabs />
        <Notice />
        <ShownView />
      </main>
      {isDrawerOpen && <div class="shade" onClick={closeDrawer} aria-hidden="true" />}
      <ShownDialog />
    </div>
  )
}

function closeDrawer(): void {
  studio.set((state) => ({ ...state, drawer: false }))
}

/** A key without ⌘, Ctrl or Alt belongs to the field in which it is typed; on a Mac, Option writes, too, but no SQL. */
function isTyping({ target, metaKey, ctrlKey, altKey }: KeyboardEvent): boolean {
  if (metaKey || ctrlKey || !(target instanceof HTMLElement)) return false
  if (target.closest('.cm-editor') !== null) return !altKey
  return (!altKey || isMac) && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}

function ShownView() {
  const tab = useStore(studio, activeTab)
  const missing = useStore(studio, (state) => state.missing)
  if (tab === undefined) return <NoTab />
  if (missing !== undefined) return <NoEnvironment missing={missing} sql={tab.sql} />
  const view = registered().views.find(({ id }) => id === tab.view)
  return (
    <section class="view" id="view" role="tabpanel" aria-labelledby={`tab-${tab.id}`}>
      {view === undefined ? (
        <p class="notice">There is no view “{tab.view}” on this page.</p>
      ) : (
        <Part key={tab.id} of={view} props={{ tab }} />
      )}
    </section>
  )
}

/** What has to be read stays until it is put away. */
function Notice() {
  const notice = useStore(studio, (state) => state.notice)
  if (notice === undefined) return null
  return (
    <div class="notice-bar" role="alert">
      <p>{notice}</p>
      <button type="button" onClick={() => studio.set((state) => ({ ...state, notice: undefined }))}>
        Put away
      </button>
    </div>
  )
}

/** A statement that was written for another environment waits until somebody has said where it is to run. */
function NoEnvironment({ missing, sql }: { readonly missing: string; readonly sql: string }) {
  const environments = useStore(studio, (state) => state.environments)
  return (
    <section class="view notice" id="view" aria-label="Environment">
      <p role="alert">
        This link is for the environment “{missing}”, which is not here. Nothing of it was opened in another one.
      </p>
      {sql !== '' && <pre>{sql}</pre>}
      <p>
        Choose where to open it; nothing runs before you press Run:{' '}
        {environments.map((name) => (
          <button key={name} type="button" onClick={() => studio.set((state) => inEnvironment(state, name))}>
            {name}
          </button>
        ))}
      </p>
    </section>
  )
}

function NoTab() {
  return <p class="notice">No tab is open. Choose a topic, or open a query with the + above.</p>
}

function ShownDialog() {
  const open = useStore(studio, (state) => state.dialog)
  const dialog = registered().dialogs.find(({ id }) => id === open)
  if (dialog === undefined) return null
  const close = (): void => studio.set((state) => ({ ...state, dialog: undefined }))
  return (
    <Dialog title={dialog.title} close={close} bare={dialog.id === 'palette'}>
      <Part of={dialog} props={{ close }} />
    </Dialog>
  )
}
