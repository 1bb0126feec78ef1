/**
 * The catalog with views and synonyms in it: a synonym is its target under another name, a view is its text. What leads
 * to a table that may not be seen does not exist.
 */
import { isVisible, type ObjectStore, type TableDeclaration } from '../plan/administration.ts'
import type { Catalog } from '../plan/catalog.ts'

/**
 * Limit `synonym.max.depth` (synonyms): synonyms of synonyms that are followed. Beyond it: the chain ends there, and
 * the name it has reached counts.
 */
const MAX_DEPTH = 16

/**
 * What CREATE TABLE said of a topic. It binds itself to the id that the topic has when it is first looked for, and says
 * nothing of another one created under the name.
 */
export function declarationOf(
  objects: ObjectStore,
  topic: string,
  id: string | undefined,
): TableDeclaration | undefined {
  const declaration = objects.table(topic)
  if (declaration === undefined || id === undefined || declaration.topicId === id) return declaration
  if (declaration.topicId !== undefined) return undefined
  const bound = { ...declaration, topicId: id }
  // Where that fails, the next one to look binds it.
  void Promise.resolve(objects.saveTable(topic, bound)).catch(() => undefined)
  return bound
}

/** `catalog` holds what the account may see already; `mayRead` says the same of a name. */
export function withObjects(catalog: Catalog, objects: ObjectStore, mayRead: (topic: string) => boolean): Catalog {
  const target = (name: string): string => {
    let at = name
    for (let i = 0; i < MAX_DEPTH; i++) {
      const next = objects.synonym(at)?.target
      if (next === undefined) return at
      at = next
    }
    return at
  }
  return {
    async table(name) {
      const topic = target(name)
      if (topic === name) return catalog.table(name)
      const table = await catalog.table(topic)
      return table && { ...table, name }
    },
    tables: (options) => catalog.tables(options),
    configuration: (name) => catalog.configuration(target(name)),
    async lookDeeper(name) {
      await catalog.lookDeeper?.(target(name))
    },
    async view(name) {
      const view = objects.view(target(name))
      return view !== undefined && isVisible(view.name, objects, mayRead) ? view.text : undefined
    },
  }
}
