/**
 * What statements that change something need from outside: topics, records, schemas, and the objects that Kafka has no
 * place for (views, synonyms, declared formats). An interface only: `catalog/administration` implements it on a
 * cluster, a registry and a store; tests implement it in memory. Who may do what is answered here, too.
 */
import type { FormatName } from '../formats/format.ts'
import { UserError } from '../lib/user-error.ts'
import type { StructType } from '../types.ts'

/** `read` is being able to see the table at all; every other right comes with it. */
export type Right = 'read' | 'insert' | 'delete' | 'create' | 'drop' | 'offsets'
/** Every right. */
export const RIGHTS: readonly Right[] = ['read', 'insert', 'delete', 'create', 'drop', 'offsets']

/** A topic that is to be created. */
export interface TopicToCreate {
  readonly name: string
  readonly partitions: number
  readonly replication: number
  /** Kafka's topic settings by name. */
  readonly config: Readonly<Record<string, string>>
  /** Of a topic that is there: why its settings are not known. */
  readonly unknownConfig?: string
}

/** A record as bytes; null is a tombstone as a value, and no key as a key. */
export interface RecordToProduce {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers?: readonly { readonly key: string; readonly value: Uint8Array | null }[]
  /** Default: by the hash of the key as Kafka's own producers do it; without a key wherever the batch goes. */
  readonly partition?: number
}

/** What became of records of which not all arrived. */
export interface ProduceOutcome {
  /** Why, as a sentence. */
  readonly reason: string
  /** Index of the first record that was not written. */
  readonly index: number
  /** Nobody said what became of that record: it may have been written. */
  readonly isUnknown: boolean
  /** How many of the records were written for certain. */
  readonly written: number
  /** Of how many nobody said what became of them. */
  readonly unknown: number
}

/** Records that did not all arrive. `cause` is what Kafka said. */
export class ProduceError extends UserError implements ProduceOutcome {
  readonly reason: string
  readonly index: number
  readonly isUnknown: boolean
  readonly written: number
  readonly unknown: number
  constructor({ reason, index, isUnknown, written, unknown }: ProduceOutcome, cause?: unknown) {
    const what = isUnknown ? 'It is not known whether the record was written' : 'The record was not written'
    super(`${what}: ${reason}`, { cause })
    this.name = 'ProduceError'
    this.reason = reason
    this.index = index
    this.isUnknown = isUnknown
    this.written = written
    this.unknown = unknown
  }
}

/** Somebody else changed the object first: this change did not count, anywhere. */
export class ChangeConflict extends UserError {}

/** What is said of a change on an object that cannot be read here. `what`: `view`, …; `name`: as a user knows it. */
export function notReadable(what: string, name: string): ChangeConflict {
  return new ChangeConflict(
    `The ${what} ${JSON.stringify(name)} was made by a newer version of Sluice, or is damaged: this server cannot read it, and leaves it as it is. Change it with that version.`,
  )
}

/** What CREATE TABLE declared about a topic. */
export interface TableDeclaration {
  /** The id of the topic that was declared, once it is known. */
  readonly topicId?: string
  readonly key: FormatName
  readonly value: FormatName
  /** Columns of facets whose format keeps no shape of its own (JSON). */
  readonly keyColumns?: StructType
  readonly valueColumns?: StructType
  /** Registry subjects that CREATE TABLE created; DROP TABLE deletes them. */
  readonly subjects: readonly string[]
}

/** A view: a name for a SELECT. */
export interface View {
  readonly name: string
  /** The SELECT as it was written. */
  readonly text: string
  /** Names of the tables, views and synonyms that it reads. */
  readonly sources: readonly string[]
  readonly owner: string
  /** Epoch milliseconds. */
  readonly createdAt: number
}

/** Another name of a table, view or synonym. */
export interface Synonym {
  readonly name: string
  readonly target: string
  readonly owner: string
  /** Epoch milliseconds. */
  readonly createdAt: number
}

/** The description and tags that users gave to a topic. */
export interface TopicNote {
  readonly description: string | null
  readonly tags: readonly string[]
}

/** A statement that somebody keeps by a name. A name is its owner's: two accounts may use the same. */
export interface SavedQuery {
  readonly name: string
  /** As `identityOf` tells accounts apart. */
  readonly owner: string
  /** With parameters (`:name`), which are no SQL yet. */
  readonly sql: string
  /** What its parameters are when it is opened: literals of SQL. */
  readonly parameters: Readonly<Record<string, string>>
  /** Whether others may see it, if they may read what it reads. */
  readonly shared: boolean
  /** Names of the tables, views and synonyms that it reads or changes. */
  readonly sources: readonly string[]
  /** Epoch milliseconds. */
  readonly savedAt: number
}

/**
 * The objects of one environment. Names are unique over all kinds; callers of `save…` have checked that. Reading is in
 * memory; a change may go to another thread, and can be read once its promise has resolved.
 */
export interface ObjectStore {
  view(name: string): View | undefined
  /** In order of name. */
  views(): readonly View[]
  saveView(view: View): void | Promise<void>
  synonym(name: string): Synonym | undefined
  /** In order of name. */
  synonyms(): readonly Synonym[]
  saveSynonym(synonym: Synonym): void | Promise<void>
  table(topic: string): TableDeclaration | undefined
  saveTable(topic: string, declaration: TableDeclaration): void | Promise<void>
  note?(topic: string): TopicNote | undefined
  saveNote?(topic: string, note: TopicNote): void | Promise<void>
  /** In order of owner and name. */
  savedQueries?(): readonly SavedQuery[]
  saveQuery?(query: SavedQuery): void | Promise<void>
  /** Whether there was one. */
  removeQuery?(owner: string, name: string): boolean | Promise<boolean>
  /** Whether there is such an object that cannot be read here: the name is taken, and nobody can change it. */
  isOpaque?(kind: 'view' | 'synonym' | 'table', name: string): boolean
  /** Whether there was one. The note on a topic goes with its table. */
  remove(kind: 'view' | 'synonym' | 'table', name: string): boolean | Promise<boolean>
}

/** Limit `view.max.depth` (levels): views and synonyms that lead to each other. Beyond it: the view cannot be seen. */
const MAX_DEPTH = 32

/**
 * Whether everything that the view or synonym leads to may be seen. Each name is asked once: views that use each other
 * twice would double the work with every level, and one that leads to itself says nothing about what may be seen.
 */
export function isVisible(
  name: string,
  objects: ObjectStore,
  mayRead: (topic: string) => boolean,
  asked: Set<string> = new Set(),
  depth = 0,
): boolean {
  if (asked.has(name)) return true
  asked.add(name)
  if (depth > MAX_DEPTH) return false
  const view = objects.view(name)
  if (view !== undefined) return view.sources.every((s) => isVisible(s, objects, mayRead, asked, depth + 1))
  const synonym = objects.synonym(name)
  if (synonym !== undefined) return isVisible(synonym.target, objects, mayRead, asked, depth + 1)
  return name.startsWith('__dual') || name.startsWith('__fields') || mayRead(name)
}

/** As one account may use it in one environment. */
export interface Administration {
  readonly account: string
  readonly objects: ObjectStore
  may(right: Right, name: string): boolean
  /** Whether the account has all rights on everything here: it then sees and ends the queries of others. */
  readonly all: boolean
  /** Whether there is such a topic, visible to the account or not. */
  exists(topic: string): Promise<boolean>
  /** Resolves when the topic can be used. Rejects with a KafkaError, TOPIC_ALREADY_EXISTS among others. */
  createTopic(topic: TopicToCreate, signal: AbortSignal): Promise<void>
  /** Resolves when the topic is gone. */
  deleteTopic(topic: string, signal: AbortSignal): Promise<void>
  /** How the topic would be created again, with the settings that are its own. */
  topic(topic: string): Promise<TopicToCreate>
  /**
   * Removes what lies before these offsets, by partition; 'end' is all of it. Rejects with a KafkaError,
   * POLICY_VIOLATION for a topic that is only compacted.
   */
  deleteRecords(topic: string, before: ReadonlyMap<number, number | 'end'>, signal: AbortSignal): Promise<void>
  /**
   * Resolves when all brokers that matter have them; `taken` is told of those that they have so far. Rejects with a
   * ProduceError, or a KafkaError when none was sent. Order is kept within a partition.
   */
  produce(
    topic: string,
    records: readonly RecordToProduce[],
    signal: AbortSignal,
    taken?: (count: number) => void,
  ): Promise<void>
  /**
   * The id. Rejects with a sentence when there is no registry, or it refuses. `created`: the subject was not there
   * before.
   */
  registerSchema(
    subject: string,
    type: 'AVRO' | 'PROTOBUF' | 'JSON',
    text: string,
  ): Promise<{ readonly id: number; readonly created: boolean }>
  deleteSubject(subject: string): Promise<void>
  /** What is remembered about the topic is looked up again at the next question. */
  forget(topic: string): void
}

/** Kafka's rule for names of topics, for messages. Source: `Topic.validate` of Kafka's clients. */
export const TOPIC_NAME_RULE = 'up to 249 letters, digits, dots, dashes and underscores'

/** Whether a topic may have the name. */
export function isTopicName(name: string): boolean {
  return /^[A-Za-z0-9._-]{1,249}$/.test(name) && name !== '.' && name !== '..'
}
