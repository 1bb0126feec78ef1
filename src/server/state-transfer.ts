/**
 * Objects as lines of JSON, `{"environment", "kind", "name", "content"}` each: out of one store and into another.
 */
import {
  isContentOf,
  isObject,
  isObjectKind,
  isText,
  isTooDeep,
  parsedJson,
  placeFault,
  TOO_DEEP,
} from '../catalog/object-shapes.ts'
import type { OwnedStore, StoredObject } from '../catalog/store.ts'
import { UserError } from '../lib/user-error.ts'

/** Objects named in an error. */
const SHOWN = 5

/** All objects that can be read here, in order of environment, kind and name. */
export function exportedLines(store: OwnedStore): string[] {
  const objects = store
    .all()
    .filter(({ opaque }) => opaque !== true)
    .map((object) => ({ object, place: placeOf(object) }))
  return objects
    .sort((a, b) => (a.place < b.place ? -1 : 1))
    .map(({ object: { environment, kind, name, content } }) =>
      JSON.stringify({ environment, kind, name, content: JSON.parse(content ?? 'null') }),
    )
}

/** What the lines lack of what is in the store, in a sentence; undefined: nothing. */
export function leftOut(store: OwnedStore): string | undefined {
  const opaque = store.all().filter((object) => object.opaque === true)
  const said = [
    ...(opaque.length === 0
      ? []
      : [
          `${opaque.length} objects were left out, which a newer version of Sluice made, or which are damaged: ${listed(opaque)}.`,
        ]),
    ...(store.passedOver === 0
      ? []
      : [`${store.passedOver} records were passed over, which are no object that this version of Sluice knows.`]),
  ]
  return said.length === 0 ? undefined : said.join(' ')
}

/**
 * Puts the objects of the lines into the store: all of them, or none when a line is no object or names one that another
 * line names, when there is no room, or when one of them is there already, is different, and `overwrite` was not said.
 * What the lines do not name stays. Rejects with a UserError, which says how many were written if any were.
 */
export async function importLines(
  store: OwnedStore,
  text: string,
  overwrite: boolean,
): Promise<{ readonly written: number; readonly same: number }> {
  const objects = objectsOf(text)
  const known = new Map(store.all().map((object) => [placeOf(object), object]))
  const news = objects.filter((object) => known.get(placeOf(object))?.content !== object.content)
  const others = news.filter((object) => known.has(placeOf(object)))
  if (others.length > 0 && !overwrite)
    throw new UserError(
      `${others.length} of ${objects.length} objects are there already and different: ${listed(others)}. Nothing was imported; --overwrite puts these in their place.`,
    )
  await store.changeAll(news.map((object) => ({ object, seen: known.get(placeOf(object))?.version })))
  return { written: news.length, same: objects.length - news.length }
}

/** The objects of the lines, each at a place of its own. */
function objectsOf(text: string): readonly StoredObject[] {
  const lines = new Map<string, number>()
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return []
    const object = objectOf(line, i + 1)
    const place = placeOf(object)
    const before = lines.get(place)
    if (before !== undefined)
      throw new UserError(
        `Lines ${before} and ${i + 1} are both of the ${listed([object])}. Take one of them out. Nothing was imported.`,
      )
    lines.set(place, i + 1)
    return [object]
  })
}

function objectOf(line: string, number: number): StoredObject {
  const wrong = (reason: string): UserError =>
    new UserError(
      `Line ${number} is not {"environment": …, "kind": …, "name": …, "content": {…}} as "sluice state export" writes it${reason === '' ? '' : `: ${reason}`}. Nothing was imported.`,
    )
  if (isTooDeep(Buffer.from(line))) throw wrong(TOO_DEEP)
  const given = parsedJson(line)
  if (!isObject(given)) throw wrong('')
  const { environment, kind, name, content } = given
  if (!isText(environment) || !isText(name) || !isObjectKind(kind)) throw wrong('')
  const fault = placeFault(environment, kind, name)
  if (fault !== undefined) throw wrong(fault)
  if (!isContentOf(kind, name, content)) throw wrong(`its content is not that of a ${kind} of that name`)
  return { environment, kind, name, content: JSON.stringify(content) }
}

function listed(objects: readonly StoredObject[]): string {
  const named = objects
    .slice(0, SHOWN)
    .map(({ environment, kind, name }) => `${kind} ${JSON.stringify(name)} of ${environment}`)
  return `${named.join(', ')}${objects.length > SHOWN ? ', …' : ''}`
}

function placeOf({ environment, kind, name }: StoredObject): string {
  return JSON.stringify([environment, kind, name])
}
