/**
 * Objects in one SQLite file, or in memory when no folder is given, with a copy of all of them in memory. What a row
 * holds that this version of Sluice does not know stays in the file as it is. While the file takes no change the objects
 * can be read, and it is tried every few seconds whether it takes one again.
 */
import { accessSync, chmodSync, closeSync, constants, existsSync, mkdirSync, openSync } from 'node:fs'
import path from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { type Clock, systemClock, type Timer } from '../lib/clock.ts'
import { UserError } from '../lib/user-error.ts'
import { isContentOf, isTooDeep, parsedJson, placeFault, TOO_DEEP } from './object-shapes.ts'
import { type Note, PassedOver } from './state/passed-over.ts'
import { conflict, opaque } from './state/said.ts'
import {
  type Change,
  type Condition,
  type ObjectKind,
  type OwnedStore,
  otherOf,
  type StoredObject,
  ObjectsByEnvironment,
  type StoredObjects,
} from './store.ts'

/** The file in the folder of the configuration. */
export const STORE_FILE = 'sluice.db'

const OWNER_ONLY = 0o600
/** How long another process may hold the file, with a copy that is made, before that is an error. */
const BUSY_MS = 5000
/** How often it is tried whether the file takes changes again. */
const TRY_MS = 5000

export interface FileStoreOptions {
  /** Whether a file that is not there is made. Default: true. */
  readonly create?: boolean
  readonly note?: Note
  readonly clock?: Clock
}

/**
 * Opens the file in `folder` (made if need be), or a database in memory. Rejects with a UserError that names the file
 * when it cannot be used.
 */
export async function openStore(folder?: string, options: FileStoreOptions = {}): Promise<OwnedStore> {
  const { DatabaseSync: Database } = await import('node:sqlite')
  if (folder === undefined) return new FileStore(prepared(new Database(':memory:')), undefined, options)
  const file = path.join(folder, STORE_FILE)
  if (options.create === false && !existsSync(file))
    throw new UserError(`There is no file ${JSON.stringify(file)} (server.dataFolder).`)
  let database: DatabaseSync | undefined
  try {
    makeFile(folder, file)
    database = new Database(file)
    return new FileStore(prepared(database), file, options)
  } catch (cause) {
    database?.close()
    throw cannotBeUsed(file, cause)
  }
}

function makeFile(folder: string, file: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  // Views hold statements with their literals: nobody else may read them. SQLite's further files follow this one.
  closeSync(openSync(file, 'a', OWNER_ONLY))
  chmodSync(file, OWNER_ONLY)
  // SQLite makes further files beside it.
  accessSync(folder, constants.W_OK)
}

function prepared(database: DatabaseSync): DatabaseSync {
  // Whoever else has it open may hold it for a moment: that counts for the other settings, too.
  database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
  database.exec(`CREATE TABLE IF NOT EXISTS objects (
    environment TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, content TEXT NOT NULL,
    PRIMARY KEY (environment, kind, name)
  ) WITHOUT ROWID`)
  return database
}

/** What to do, by what SQLite and Node say. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [
    /not a database|malformed|no such column|no column/,
    'Put a copy of it there, or move it away: then a new one is made',
  ],
  [/locked|busy/, 'Another process uses it: one server has a data folder for itself'],
  [/EACCES|EPERM|EROFS|readonly|unable to open/, 'Let the account of the server write the folder and what is in it'],
  [/ENOSPC|full/, 'Make room on that disk'],
]

function remedyOf(reason: string): string {
  return REMEDIES.find(([pattern]) => pattern.test(reason))?.[1] ?? 'Name another folder, or mend it'
}

function cannotBeUsed(file: string, cause: unknown): UserError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new UserError(
    `The file ${JSON.stringify(file)} (server.dataFolder) cannot be used: ${reason}. ${remedyOf(reason)}.`,
  )
}

class FileStore implements OwnedStore {
  readonly #database: DatabaseSync
  readonly #file: string | undefined
  readonly #clock: Clock
  readonly #note: Note
  readonly #put: ReturnType<DatabaseSync['prepare']>
  readonly #remove: ReturnType<DatabaseSync['prepare']>
  /** All that are there, by place. */
  readonly #objects = new Map<string, StoredObject>()
  readonly #environments = new ObjectsByEnvironment((object, seen) => this.change(object, seen))
  readonly #followers: ((object: StoredObject) => void)[] = []
  #changes = 0
  #trying: Timer | undefined
  passedOver = 0

  constructor(database: DatabaseSync, file: string | undefined, { clock, note }: FileStoreOptions) {
    this.#database = database
    this.#file = file
    this.#clock = clock ?? systemClock
    this.#note = note ?? (() => undefined)
    this.#put = database.prepare(
      'INSERT OR REPLACE INTO objects (environment, kind, name, content) VALUES (?, ?, ?, ?)',
    )
    this.#remove = database.prepare('DELETE FROM objects WHERE environment = ? AND kind = ? AND name = ?')
    this.#read()
  }

  get condition(): Condition | undefined {
    if (this.#file === undefined) return undefined
    return this.#trying === undefined ? 'up' : 'down'
  }

  environment(name: string): StoredObjects {
    return this.#environments.of(name)
  }

  all(): readonly StoredObject[] {
    return [...this.#objects.values()]
  }

  async change(object: StoredObject, seen?: string): Promise<boolean> {
    const known = this.#objects.get(placeOf(object))
    // All threads bind the declaration of a topic that they meet, and say the same.
    if (known?.opaque !== true && known?.content === object.content) return known !== undefined
    this.#check({ object, seen })
    this.#run(() => this.#write(object))
    this.#take(object)
    return known !== undefined
  }

  async changeAll(changes: readonly Change[]): Promise<void> {
    for (const change of changes) this.#check(change)
    this.#run(() => {
      this.#database.exec('BEGIN IMMEDIATE')
      try {
        for (const { object } of changes) this.#write(object)
        this.#database.exec('COMMIT')
      } catch (cause) {
        // SQLite may have taken it back by itself.
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
        throw cause
      }
    })
    for (const { object } of changes) this.#take(object)
  }

  follow(changed: (object: StoredObject) => void): void {
    this.#followers.push(changed)
  }

  close(): void {
    this.#trying?.cancel()
    this.#database.close()
  }

  #read(): void {
    const told = new PassedOver(
      this.#note,
      this.#file === undefined ? {} : { file: this.#file },
      'row of the data file',
    )
    const list = this.#database.prepare('SELECT environment, kind, name, content FROM objects')
    for (const row of list.iterate()) {
      const [environment, kind, name, content] = ['environment', 'kind', 'name', 'content'].map((of) => String(row[of]))
      const fault = placeFault(environment, kind, name)
      if (fault !== undefined) {
        this.passedOver++
        told.note({ environment, kind, name }, fault)
        continue
      }
      const place = { environment, kind: kind as ObjectKind, name }
      const wrong = contentFault(place.kind, name, content)
      if (wrong !== undefined) told.note(place, wrong)
      this.#take({ ...place, content, ...(wrong === undefined ? {} : { opaque: true }) })
    }
  }

  /** Rejects a change that its author would not make if they knew what is there. */
  #check({ object, seen }: Change): void {
    const { environment, kind, name, content } = object
    const known = this.#objects.get(placeOf(object))
    if (known?.opaque === true) throw opaque(object)
    if (known?.version !== seen) throw conflict(object)
    const fault = placeFault(environment, kind, name) ?? (content && contentFault(kind, name, content))
    if (fault) throw new UserError(`The ${kind} ${JSON.stringify(name)} cannot be kept: ${fault}.`)
    const other = otherOf(kind)
    if (content === undefined || known !== undefined || other === undefined) return
    if (this.#objects.has(placeOf({ environment, kind: other, name }))) throw conflict({ kind: other, name })
  }

  #write({ environment, kind, name, content }: StoredObject): void {
    if (content === undefined) this.#remove.run(environment, kind, name)
    else this.#put.run(environment, kind, name, content)
  }

  /** Into memory. */
  #take(given: StoredObject): void {
    const object = given.content === undefined ? given : { ...given, version: `${++this.#changes}` }
    if (object.content === undefined) this.#objects.delete(placeOf(object))
    else this.#objects.set(placeOf(object), object)
    this.environment(object.environment).put(object)
    for (const changed of this.#followers) changed(object)
  }

  /** Writes. Trouble with the file is told to whoever wanted the change, in words, and noted once. */
  #run(write: () => void): void {
    try {
      write()
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      if (this.#file === undefined) throw cause
      this.#isDown(this.#file, reason)
      throw new UserError(
        `The file ${JSON.stringify(this.#file)} (server.dataFolder) takes no change: ${reason}. ${remedyOf(reason)}.`,
      )
    }
    this.#isUp()
  }

  #isDown(file: string, reason: string): void {
    if (this.#trying !== undefined) return
    this.#note('error', { file, reason }, 'the data file takes no change: objects stay as they were')
    this.#trying = this.#clock.every(TRY_MS, () => {
      try {
        // Nobody waits for it.
        this.#database.exec('PRAGMA busy_timeout = 0')
        // Writes one page; the number means nothing.
        this.#database.exec('PRAGMA user_version = 0')
        this.#isUp()
      } catch {
        // The next time will do.
      } finally {
        this.#database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
      }
    })
  }

  #isUp(): void {
    if (this.#trying === undefined) return
    this.#trying.cancel()
    this.#trying = undefined
    this.#note('info', { file: this.#file }, 'the data file takes changes again')
  }
}

/** Why the content of a row is none that this version can use. */
function contentFault(kind: ObjectKind, name: string, content: string): string | undefined {
  if (isTooDeep(Buffer.from(content))) return TOO_DEEP
  return isContentOf(kind, name, parsedJson(content)) ? undefined : `its content is not that of a ${kind}`
}

function placeOf({ environment, kind, name }: Pick<StoredObject, 'environment' | 'kind' | 'name'>): string {
  return JSON.stringify([environment, kind, name])
}
