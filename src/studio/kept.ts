/**
 * What the browser keeps for the next visit. It may be full, or switched off: then nothing is kept, and the page goes on
 * without.
 */

/** null where there is nothing. */
export function kept(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}

/** null: forget it. */
export function keep(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key)
    else localStorage.setItem(key, value)
  } catch {
    // There is no room, or no storage.
  }
}

/** Forgets everything, that of this tab too. */
export function keepNothing(): void {
  for (const storage of [() => sessionStorage, () => localStorage]) {
    try {
      storage().clear()
    } catch {
      // Where nothing can be kept, nothing is.
    }
  }
}
