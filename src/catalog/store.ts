/**
 * What has no place in Kafka: views, synonyms, and what CREATE TABLE said about topics; by environment, in one SQLite
 * file, or in memory when no folder is given. It stores and finds; whether a name is free and who may see it is decided
 * by others. Times are epoch milliseconds.
 */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { ObjectStore, Synonym, TableDeclaration, TopicNote, View } from '../plan/administration.ts'

type Kind = 'view' | 'synonym' | 'table' | 'note'

/** Views, synonyms, declarations and notes of all environments, in one file or in memory. */
export interface CatalogStore {
  /** The objects of one environment. */
  environment(name: string): ObjectStore
  close(): void
}

/** The file in the folder of the configuration. */
export const STORE_FILE = 'sluice.db'

/** Opens the file in `folder` (made if need be), or a database in memory. */
export async function openStore(folder?: string): Promise<CatalogStore> {
  const { DatabaseSync: Database } = await import('node:sqlite')
  if (folder !== undefined) mkdirSync(folder, { recursive: true })
  const database = new Database(folder === undefined ? ':memory:' : path.join(folder, STORE_FILE))
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000')
  database.exec(`CREATE TABLE IF NOT EXISTS objects (
    environment TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, content TEXT NOT NULL,
    PRIMARY KEY (environment, kind, name)
  ) WITHOUT ROWID`)
  return { environment: (name) => new SqliteObjects(database, name), close: () => database.close() }
}

class SqliteObjects implements ObjectStore {
  readonly #environment: string
  readonly #get: ReturnType<DatabaseSync['prepare']>
  readonly #list: ReturnType<DatabaseSync['prepare']>
  readonly #put: ReturnType<DatabaseSync['prepare']>
  readonly #remove: ReturnType<DatabaseSync['prepare']>

  constructor(database: DatabaseSync, environment: string) {
    this.#environment = environment
    this.#get = database.prepare('SELECT content FROM objects WHERE environment = ? AND kind = ? AND name = ?')
    this.#list = database.prepare('SELECT content FROM objects WHERE environment = ? AND kind = ? ORDER BY name')
    this.#put = database.prepare(
      'INSERT OR REPLACE INTO objects (environment, kind, name, content) VALUES (?, ?, ?, ?)',
    )
    this.#remove = database.prepare('DELETE FROM objects WHERE environment = ? AND kind = ? AND name = ?')
  }

  view(name: string): View | undefined {
    return this.#one('view', name)
  }
  views(): readonly View[] {
    return this.#all('view')
  }
  saveView(view: View): void {
    this.#save('view', view.name, view)
  }
  synonym(name: string): Synonym | undefined {
    return this.#one('synonym', name)
  }
  synonyms(): readonly Synonym[] {
    return this.#all('synonym')
  }
  saveSynonym(synonym: Synonym): void {
    this.#save('synonym', synonym.name, synonym)
  }
  table(topic: string): TableDeclaration | undefined {
    return this.#one('table', topic)
  }
  saveTable(topic: string, declaration: TableDeclaration): void {
    this.#save('table', topic, declaration)
  }
  note(topic: string): TopicNote | undefined {
    return this.#one('note', topic)
  }
  saveNote(topic: string, note: TopicNote): void {
    this.#save('note', topic, note)
  }
  remove(kind: Kind, name: string): boolean {
    if (kind === 'table') this.#remove.run(this.#environment, 'note', name)
    return Number(this.#remove.run(this.#environment, kind, name).changes) > 0
  }

  #one<T>(kind: Kind, name: string): T | undefined {
    const row = this.#get.get(this.#environment, kind, name)
    return row === undefined ? undefined : (JSON.parse(String(row['content'])) as T)
  }
  #all<T>(kind: Kind): T[] {
    return this.#list.all(this.#environment, kind).map((row) => JSON.parse(String(row['content'])) as T)
  }
  #save(kind: Kind, name: string, content: object): void {
    this.#put.run(this.#environment, kind, name, JSON.stringify(content))
  }
}
