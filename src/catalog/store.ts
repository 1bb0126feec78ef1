/**
 * What Kafka itself has no notion of: views, synonyms, saved queries, and what CREATE TABLE said about topics; by
 * environment. Where they are kept is a file (`file-store`) or a topic that several servers share (`state`). A store
 * stores and finds; whether a name is free and who may see it is decided by others. Times are epoch milliseconds.
 */
import type { ObjectStore, SavedQuery, Synonym, TableDeclaration, TopicNote, View } from '../plan/administration.ts'

/** What kinds of objects are kept. Those of an environment, and logins that were ended, which belong to none. */
export const OBJECT_KINDS = ['view', 'synonym', 'table', 'note', 'query', 'revocation'] as const
export type ObjectKind = (typeof OBJECT_KINDS)[number]

/** Views, synonyms, declarations and notes of all environments, in one file or in memory. */
export interface CatalogStore {
  /** The objects of one environment. */
  environment(name: string): ObjectStore
  close(): void
}

/** An object by its place; its content as JSON text, or undefined when it was removed. */
export interface StoredObject {
  readonly environment: string
  readonly kind: ObjectKind
  readonly name: string
  readonly content: string | undefined
  /** Which change made it what it is. */
  readonly version?: string
  /** A newer version of Sluice made it, or it is damaged: it is kept as it is, not shown, and not changed. */
  readonly opaque?: true
}

/** A change and the version that its author saw; undefined: no object. */
export interface Change {
  readonly object: StoredObject
  readonly seen: string | undefined
}

/** Whether a store can be used: `down` may pass, `lost` needs somebody to look, and a restart. */
export type Condition = 'up' | 'down' | 'lost'

/** What a server has read of a state that is elsewhere, and written to it; counts since the start. */
export interface StateFigures {
  readonly objects: number
  /**
   * Records that were read, by what they were: `counts`, `same` (said already), `late` (a change that another one had
   * overtaken), `full` (no room), `other` (no object).
   */
  readonly records: Readonly<Record<'counts' | 'same' | 'late' | 'full' | 'other', number>>
  /** Changes of this server: `made`, `conflict` (somebody else was first), `refused`. */
  readonly changes: Readonly<Record<'made' | 'conflict' | 'refused', number>>
  /** The first offset that was not read yet. */
  readonly offset: number
  /** Records up to the end of the topic, as far as the end is known. */
  readonly lag: number
  /** Requests to the cluster that holds it, by name. */
  readonly requests: ReadonlyMap<string, number>
}

/** The store of the thread that owns it: the others have copies of all objects, and are sent every change. */
export interface OwnedStore extends CatalogStore {
  environment(name: string): StoredObjects
  /** Those that are opaque, too. */
  all(): readonly StoredObject[]
  /**
   * Makes a change; whether there was an object of that kind and name before. `seen`: the version that its author saw,
   * undefined: none. Rejects with a ChangeConflict when it is another one by now, or cannot be read here.
   */
  change(object: StoredObject, seen?: string): Promise<boolean>
  /**
   * Makes changes of different objects: all, or none. Where that cannot be promised, the rejection says how many were
   * made.
   */
  changeAll(changes: readonly Change[]): Promise<void>
  /** How often there was something in it that is no object, and was passed over. */
  readonly passedOver: number
  /** Whether changes can be made, of a store on a disk or elsewhere; its objects can be read in any case. */
  readonly condition?: Condition
  /** Of the same, for metrics. */
  readonly figures?: StateFigures
  /** Of a store that is elsewhere: whether its objects have been read since the start. */
  readonly wasRead?: boolean
  /** Calls `changed` after every change, whoever made it. */
  follow(changed: (object: StoredObject) => void): void
}

/** The kind that shares its names with this one, if there is one. */
export function otherOf(kind: ObjectKind): 'view' | 'synonym' | undefined {
  return kind === 'view' ? 'synonym' : kind === 'synonym' ? 'view' : undefined
}

/** What a saved query is called among objects. Owners hold no line break; names of queries may hold anything. */
export function queryKey(owner: string, name: string): string {
  return `${owner}\n${name}`
}

/**
 * Writes an object (or removes it, without content) where objects are kept, has it put into the copy, and says whether
 * there was one before. `seen`: the version that the copy had, undefined: none, or an object that is only ever made new.
 */
type ChangeObject = (
  kind: ObjectKind,
  name: string,
  content: string | undefined,
  seen: string | undefined,
) => Promise<boolean>

/** The objects of one environment, in memory; `change` is how one of them becomes another. */
export class StoredObjects implements ObjectStore {
  readonly #change: ChangeObject
  readonly #kinds: Readonly<Record<ObjectKind, Map<string, unknown>>> = {
    view: new Map(),
    synonym: new Map(),
    table: new Map(),
    note: new Map(),
    query: new Map(),
    revocation: new Map(),
  }
  /** By kind and name. */
  readonly #versions = new Map<string, string>()
  readonly #opaque = new Set<string>()

  constructor(change: ChangeObject) {
    this.#change = change
  }

  /** Takes over what is kept elsewhere. */
  put({ kind, name, content, version, opaque }: StoredObject): void {
    const key = `${kind} ${name}`
    if (content === undefined || opaque === true) this.#kinds[kind].delete(name)
    else this.#kinds[kind].set(name, JSON.parse(content))
    if (content === undefined || version === undefined) this.#versions.delete(key)
    else this.#versions.set(key, version)
    if (content !== undefined && opaque === true) this.#opaque.add(key)
    else this.#opaque.delete(key)
  }
  isOpaque(kind: ObjectKind, name: string): boolean {
    return this.#opaque.has(`${kind} ${name}`)
  }
  has(kind: ObjectKind, name: string): boolean {
    return this.#kinds[kind].has(name)
  }

  view(name: string): View | undefined {
    return this.#kinds.view.get(name) as View | undefined
  }
  views(): readonly View[] {
    return this.#all('view')
  }
  async saveView(view: View): Promise<void> {
    await this.#save('view', view.name, view)
  }
  synonym(name: string): Synonym | undefined {
    return this.#kinds.synonym.get(name) as Synonym | undefined
  }
  synonyms(): readonly Synonym[] {
    return this.#all('synonym')
  }
  async saveSynonym(synonym: Synonym): Promise<void> {
    await this.#save('synonym', synonym.name, synonym)
  }
  table(topic: string): TableDeclaration | undefined {
    return this.#kinds.table.get(topic) as TableDeclaration | undefined
  }
  async saveTable(topic: string, declaration: TableDeclaration): Promise<void> {
    await this.#save('table', topic, declaration)
  }
  note(topic: string): TopicNote | undefined {
    return this.#kinds.note.get(topic) as TopicNote | undefined
  }
  async saveNote(topic: string, note: TopicNote): Promise<void> {
    await this.#save('note', topic, note)
  }
  savedQueries(): readonly SavedQuery[] {
    return this.#all('query')
  }
  async saveQuery(query: SavedQuery): Promise<void> {
    await this.#save('query', queryKey(query.owner, query.name), query)
  }
  async removeQuery(owner: string, name: string): Promise<boolean> {
    return await this.#removed('query', queryKey(owner, name))
  }
  async remove(kind: ObjectKind, name: string): Promise<boolean> {
    if (kind === 'table' && this.has('note', name)) await this.#removed('note', name)
    return await this.#removed(kind, name)
  }

  #all<T>(kind: ObjectKind): T[] {
    const named = [...this.#kinds[kind]] as [string, T][]
    return named.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object)
  }
  async #save(kind: ObjectKind, name: string, content: object): Promise<void> {
    // Views and synonyms are never replaced: whoever makes one has seen that there is none.
    const seen = kind === 'view' || kind === 'synonym' ? undefined : this.#versions.get(`${kind} ${name}`)
    await this.#change(kind, name, JSON.stringify(content), seen)
  }
  async #removed(kind: ObjectKind, name: string): Promise<boolean> {
    return await this.#change(kind, name, undefined, this.#versions.get(`${kind} ${name}`))
  }
}

/** The objects of each environment of a store, made when they are first asked for. */
export class ObjectsByEnvironment {
  readonly #change: OwnedStore['change']
  readonly #all = new Map<string, StoredObjects>()

  /** `change`: that of the store. */
  constructor(change: OwnedStore['change']) {
    this.#change = change
  }

  of(environment: string): StoredObjects {
    const known = this.#all.get(environment)
    if (known !== undefined) return known
    const objects = new StoredObjects((kind, name, content, seen) =>
      this.#change({ environment, kind, name, content }, seen),
    )
    this.#all.set(environment, objects)
    return objects
  }
}
