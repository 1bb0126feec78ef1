/** What one chose of the columns: widths, order, which are hidden and which stay in sight. By path; pure. */

export interface ColumnChoices {
  /** Pixels. */
  readonly widths: ReadonlyMap<string, number>
  /** Empty: the order of the result. */
  readonly order: readonly string[]
  readonly hidden: ReadonlySet<string>
  readonly pinned: ReadonlySet<string>
}

export const NO_CHOICES: ColumnChoices = { widths: new Map(), order: [], hidden: new Set(), pinned: new Set() }

const NARROWEST = 40
const WIDEST = 4000

/** undefined: the natural width again. */
export function resized(choices: ColumnChoices, path: string, width: number | undefined): ColumnChoices {
  const widths = new Map(choices.widths)
  if (width === undefined) widths.delete(path)
  else widths.set(path, Math.round(Math.max(NARROWEST, Math.min(WIDEST, width))))
  return { ...choices, widths }
}

/** `shown`: the paths as they stand now. */
export function movedTo(choices: ColumnChoices, shown: readonly string[], path: string, to: number): ColumnChoices {
  const rest = shown.filter((other) => other !== path)
  const at = Math.max(0, Math.min(rest.length, to))
  return { ...choices, order: [...rest.slice(0, at), path, ...rest.slice(at)] }
}

/** Hides or shows a column. */
export function shownOrHidden(choices: ColumnChoices, path: string): ColumnChoices {
  return { ...choices, hidden: toggled(choices.hidden, path) }
}

/** Pins a column, or lets it scroll again. */
export function pinnedOrNot(choices: ColumnChoices, path: string): ColumnChoices {
  return { ...choices, pinned: toggled(choices.pinned, path) }
}

/** Shows all of them. */
export function allShown(choices: ColumnChoices): ColumnChoices {
  return { ...choices, hidden: new Set() }
}

function toggled(set: ReadonlySet<string>, path: string): ReadonlySet<string> {
  const next = new Set(set)
  if (!next.delete(path)) next.add(path)
  return next
}
