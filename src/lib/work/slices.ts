/**
 * Work over very many items in slices, with a turn of the event loop for everything else between two of them: a list of
 * 100,000 topics is read, filtered and sorted without holding up anybody. Slices are counted in items, not in time.
 */

/** Not a limit: items that are worked on at a stretch, some milliseconds of simple work. */
export const SLICE_ITEMS = 2000

/** Lets everything else that is ready run. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** As `items.map(each)`. */
export async function mapSliced<T, U>(items: readonly T[], each: (item: T) => U): Promise<U[]> {
  const mapped: U[] = []
  for (let at = 0; at < items.length; at += SLICE_ITEMS) {
    if (at > 0) await nextTurn()
    for (let i = at; i < Math.min(at + SLICE_ITEMS, items.length); i++) mapped.push(each(items[i]))
  }
  return mapped
}

/** As `items.filter(keep)`; where all are kept it is the list itself, so that many may hold it at once. */
export async function filterSliced<T>(items: readonly T[], keep: (item: T) => boolean): Promise<readonly T[]> {
  let kept: T[] | undefined
  for (let at = 0; at < items.length; at += SLICE_ITEMS) {
    if (at > 0) await nextTurn()
    for (let i = at; i < Math.min(at + SLICE_ITEMS, items.length); i++) {
      if (!keep(items[i])) kept ??= items.slice(0, i)
      else kept?.push(items[i])
    }
  }
  return kept ?? items
}

/** As `items.toSorted(compare)`: slices are sorted, then merged two by two. What is in order already is only looked at. */
export async function sortSliced<T>(items: readonly T[], compare: (a: T, b: T) => number): Promise<readonly T[]> {
  if (await ordered(items, compare)) return items
  let runs: T[][] = []
  for (let at = 0; at < items.length; at += SLICE_ITEMS) {
    if (at > 0) await nextTurn()
    runs.push(items.slice(at, at + SLICE_ITEMS).sort(compare))
  }
  while (runs.length > 1) {
    const merged: T[][] = []
    for (let i = 0; i < runs.length; i += 2)
      merged.push(i + 1 < runs.length ? await merge(runs[i], runs[i + 1], compare) : runs[i])
    runs = merged
  }
  return runs[0] ?? []
}

async function ordered<T>(items: readonly T[], compare: (a: T, b: T) => number): Promise<boolean> {
  for (let i = 1; i < items.length; i++) {
    if (compare(items[i - 1], items[i]) > 0) return false
    if (i % SLICE_ITEMS === 0) await nextTurn()
  }
  return true
}

/** Of equal items, those of `a` come first. */
async function merge<T>(a: readonly T[], b: readonly T[], compare: (a: T, b: T) => number): Promise<T[]> {
  const merged: T[] = []
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (j >= b.length || (i < a.length && compare(a[i], b[j]) <= 0)) merged.push(a[i++])
    else merged.push(b[j++])
    if (merged.length % SLICE_ITEMS === 0) await nextTurn()
  }
  return merged
}
