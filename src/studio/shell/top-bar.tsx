/** Above everything: environment, the way to topics and commands, what runs, the account. */
import { inEnvironment, studio } from '../store.ts'
import { useStore } from '../use-store.ts'
import { keysText } from '../commands/commands.ts'
import { Menu, MenuItem } from './menu.tsx'
import { Running } from '../run/running.tsx'
import { leave } from '../session/session.ts'
import { isMac, openDialog } from './shell-commands.ts'
import { switchTheme } from './theme.ts'

export function TopBar() {
  const isDrawerOpen = useStore(studio, (state) => state.drawer)
  return (
    <header class="top-bar">
      <button
        type="button"
        class="quiet only-narrow"
        aria-label="Topics"
        aria-expanded={isDrawerOpen}
        aria-controls="explorer"
        onClick={() => studio.set((state) => ({ ...state, drawer: !state.drawer }))}
      >
        ☰
      </button>
      <h1 class="brand">Sluice</h1>
      <EnvironmentChoice />
      <button type="button" class="go-to" onClick={() => openDialog('palette')}>
        <span>Topic or command</span>
        <kbd>{keysText('Mod+K', isMac)}</kbd>
      </button>
      <span class="space" />
      <Running />
      <button type="button" class="quiet wide-only" onClick={() => openDialog('connect')}>
        Connect
      </button>
      <Account />
    </header>
  )
}

function EnvironmentChoice() {
  const environments = useStore(studio, (state) => state.environments)
  const environment = useStore(studio, (state) => state.environment)
  const missing = useStore(studio, (state) => state.missing)
  return (
    <select
      class="environment"
      aria-label="Environment"
      value={missing === undefined ? environment : ''}
      onChange={(event) => {
        const chosen = event.currentTarget.value
        studio.set((state) => inEnvironment(state, chosen))
      }}
    >
      {missing !== undefined && (
        <option value="" disabled>
          {missing}: not here
        </option>
      )}
      {environments.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  )
}

function Account() {
  const session = useStore(studio, (state) => state.session)
  const theme = useStore(studio, (state) => state.theme)
  const user = session.kind === 'in' ? session.user : ''
  return (
    <Menu
      label={`Account ${user}`}
      button={
        <>
          <span class="user">{user}</span> ▾
        </>
      }
    >
      <MenuItem onChoose={switchTheme}>Colours: {theme}</MenuItem>
      <MenuItem onChoose={() => openDialog('connect')}>Connect …</MenuItem>
      <MenuItem onChoose={() => openDialog('keys')}>Keys …</MenuItem>
      <MenuItem onChoose={() => void leave()}>Log out</MenuItem>
    </Menu>
  )
}
