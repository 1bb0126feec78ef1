/** Light and dark: as the system has it, or as the user chose. The choice is kept by the browser; it is no secret. */
import { keep, kept, THEME_KEY } from '../kept.ts'
import { studio, type Theme } from '../store.ts'

/** Takes the choice of the last visit, and follows further ones. */
export function beginTheme(): void {
  const before = kept(THEME_KEY)
  if (before === 'light' || before === 'dark') studio.set((state) => ({ ...state, theme: before }))
  let shown: Theme | undefined
  const show = (): void => {
    const { theme } = studio.get()
    if (theme === shown) return
    shown = theme
    if (theme === 'system') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = theme
  }
  show()
  studio.subscribe(show)
}

/** The next of the three. */
export function nextTheme(theme: Theme): Theme {
  return theme === 'system' ? 'light' : theme === 'light' ? 'dark' : 'system'
}

export function switchTheme(): void {
  const theme = nextTheme(studio.get().theme)
  keep(THEME_KEY, theme === 'system' ? null : theme)
  studio.set((state) => ({ ...state, theme, announcement: `Colours: ${theme}` }))
}
