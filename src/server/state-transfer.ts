/**
 * Objects as lines of JSON, `{"environment", "kind", "name", "content"}` each: out of one store and into another.
 */
import { isContentOf, isObjectKind } from '../catalog/state/entry.ts'
import type { OwnedStore, StoredObject } from '../catalog/store.ts'
import { UserError } from '../lib/user-error.ts'

/** Objects named in an error. */
const SHOWN = 5

/** All objects, in order of environment, kind and name. */
export function exportedLines(store: OwnedStore): string[] {
  const objects = store.all().map((object) => ({ object, place: placeOf(object) }))
  return objects
    .sort((a, b) => (a.place < b.place ? -1 : 1))
    .map(({ object: { environment, kind, name, content } }) =>
      JSON.stringify({ environment, kind, name, content: JSON.parse(content ?? 'null') }),
    )
}

/**
 * Puts the objects of the lines into the store: all of them, or none when a line is no object, or when one of them is
 * there already, is different, and `overwrite` was not said. What the lines do not name stays.
 */
export async function importLines(
  store: OwnedStore,
  text: string,
  overwrite: boolean,
): Promise<{ readonly written: number; readonly same: number }> {
  const objects = text.split('\n').flatMap((line, i) => (line.trim() === '' ? [] : [objectOf(line, i + 1)]))
  const known = new Map(store.all().map((object) => [placeOf(object), object]))
  const news = objects.filter((object) => known.get(placeOf(object))?.content !== object.content)
  const others = news.filter((object) => known.has(placeOf(object)))
  if (others.length > 0 && !overwrite)
    throw new UserError(
      `${others.length} of ${objects.length} objects are there already and different: ${others
        .slice(0, SHOWN)
        .map(({ environment, kind, name }) => `${kind} ${JSON.stringify(name)} of ${environment}`)
        .join(
          ', ',
        )}${others.length > SHOWN ? ', …' : ''}. Nothing was imported; --overwrite puts these in their place.`,
    )
  for (const object of news) await store.change(object, known.get(placeOf(object))?.version)
  return { written: news.length, same: objects.length - news.length }
}

function objectOf(line: string, number: number): StoredObject {
  const wrong = (): UserError =>
    new UserError(
      `Line ${number} is not {"environment": …, "kind": …, "name": …, "content": {…}} as "sluice state export" writes it. Nothing was imported.`,
    )
  let given: unknown
  try {
    given = JSON.parse(line)
  } catch {
    throw wrong()
  }
  if (typeof given !== 'object' || given === null) throw wrong()
  const { environment, kind, name, content } = given as Record<string, unknown>
  if (typeof environment !== 'string' || typeof name !== 'string' || !isObjectKind(kind)) throw wrong()
  if (!isContentOf(kind, content)) throw wrong()
  return { environment, kind, name, content: JSON.stringify(content) }
}

function placeOf({ environment, kind, name }: StoredObject): string {
  return JSON.stringify([environment, kind, name])
}
