/** The entry of the page: the look, the way in, the shell. */
import { render } from 'preact'
import { setRegistry } from './registry.ts'
import { Shell } from './shell/shell.tsx'
import { enter } from './session/session.ts'
import { beginTheme } from './shell/theme.ts'
import { ALL } from './views.ts'

setRegistry(ALL)
beginTheme()
const root = document.getElementById('studio')
if (root !== null) render(<Shell />, root)
void enter()
