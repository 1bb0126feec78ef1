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

/** Where the choice of colours is. */
export const THEME_KEY = 'sluice.theme'

/** Forgets what is the user's, in this tab and in all. */
export function keepNothing(): void {
  for (const storage of [() => sessionStorage, () => localStorage]) {
    try {
      forgetStored(storage())
    } catch {
      // Where nothing can be kept, nothing is.
    }
  }
}

/** What of a storage is the user's. Other programs of the same origin have theirs, and colours are no secret. */
export function forgetStored(storage: Pick<Storage, 'length' | 'key' | 'removeItem'>): void {
  const keys = Array.from({ length: storage.length }, (_, i) => storage.key(i) ?? '')
  for (const key of keys) if (key.startsWith('sluice.') && key !== THEME_KEY) storage.removeItem(key)
}
