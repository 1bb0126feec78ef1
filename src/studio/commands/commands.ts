/** The commands of the page, for the palette, for keys, and for the list of keys. Views add theirs with `addCommand`. */
import { createStore, type Store } from '../observable.ts'

/** Something that can be done. */
export interface Command {
  readonly id: string
  /** For the palette: a verb first. */
  readonly title: string
  /** `Mod+Enter`, `Mod+Shift+F`, `?`. Mod is ⌘ on a Mac and Ctrl elsewhere. */
  readonly keys?: string
  /** Whether it can be done now; without it, always. */
  readonly when?: () => boolean
  run(): void
}

/** By id, in order of their adding. */
export const commands: Store<ReadonlyMap<string, Command>> = createStore(new Map())

/** Adds or replaces a command; gives what takes it away. */
export function addCommand(command: Command): () => void {
  commands.set((all) => new Map(all).set(command.id, command))
  return () =>
    commands.set((all) => {
      if (all.get(command.id) !== command) return all
      const rest = new Map(all)
      rest.delete(command.id)
      return rest
    })
}

/** Does it, if it is there and can be done. */
export function runCommand(id: string): boolean {
  const command = commands.get().get(id)
  if (command === undefined || command.when?.() === false) return false
  command.run()
  return true
}

/** What a key press is, as far as commands look at it. */
export interface KeyPress {
  readonly key: string
  /** Of the place on the keyboard: Option writes other characters on a Mac. */
  readonly code?: string
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly shiftKey: boolean
  readonly altKey: boolean
}

/** Whether a press is the one that `keys` writes. */
export function isPressed(keys: string, press: KeyPress, isMac: boolean): boolean {
  const parts = keys.split('+')
  const key = parts.pop() ?? ''
  const mod = parts.includes('Mod')
  const [wanted, other] = isMac ? [press.metaKey, press.ctrlKey] : [press.ctrlKey, press.metaKey]
  // A character that itself needs Shift (`?`) is written without it.
  const shift = key.length > 1 || /[a-z]/i.test(key) ? press.shiftKey === parts.includes('Shift') : true
  return isKey(key, press) && wanted === mod && !other && shift && press.altKey === parts.includes('Alt')
}

function isKey(key: string, press: KeyPress): boolean {
  if (press.key.toLowerCase() === key.toLowerCase()) return true
  return press.altKey && !/^[a-z]$/i.test(press.key) && press.code === `Key${key}`
}

/** The command of a press. */
export function commandFor(press: KeyPress, isMac: boolean): Command | undefined {
  return [...commands.get().values()].find(
    ({ keys, when }) => keys !== undefined && isPressed(keys, press, isMac) && when?.() !== false,
  )
}

/** As a person reads it: `⌘⇧F`, or `Ctrl+Shift+F`. */
export function keysText(keys: string, isMac: boolean): string {
  if (!isMac) return keys.replace('Mod', 'Ctrl')
  const signs: Readonly<Record<string, string>> = { Mod: '⌘', Shift: '⇧', Alt: '⌥', Enter: '⏎' }
  return keys
    .split('+')
    .map((part) => signs[part] ?? part)
    .join('')
}

/**
 * How well a text fits what was typed: undefined for not at all, lower is better. All characters in order; runs and
 * beginnings of words count more.
 */
export function fit(typed: string, text: string): number | undefined {
  return rankOf(typed.trim().toLowerCase(), text.toLowerCase())
}

/** Both in small letters. */
function rankOf(wanted: string, whole: string): number | undefined {
  if (wanted === '') return 0
  const at = whole.indexOf(wanted)
  if (at >= 0) return at === 0 ? 0 : /[\W_]/.test(whole[at - 1]) ? 1 : 2
  let from = 0
  let gaps = 0
  for (const c of wanted) {
    const found = whole.indexOf(c, from)
    if (found < 0) return undefined
    gaps += found - from
    from = found + 1
  }
  return 3 + gaps
}

/** The best `most` of very many, best first; of equal ones those that stand first. Only these are kept while it looks. */
export function bestFits<T extends { readonly name: string }>(
  typed: string,
  items: readonly T[],
  most: number,
): readonly { readonly item: T; readonly rank: number }[] {
  const best: { readonly item: T; readonly rank: number }[] = []
  const wanted = typed.trim().toLowerCase()
  for (const item of items) {
    const rank = rankOf(wanted, item.name.toLowerCase())
    if (rank === undefined || (best.length === most && rank >= best[most - 1].rank)) continue
    let at = best.length
    while (at > 0 && best[at - 1].rank > rank) at--
    best.splice(at, 0, { item, rank })
    if (best.length > most) best.pop()
  }
  return best
}
