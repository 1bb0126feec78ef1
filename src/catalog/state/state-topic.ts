/**
 * Objects in a compacted Kafka topic that several servers share. The topic is read as a whole, then followed; a change
 * is produced, and counts for its author, too, only when it has been read back: what counts is decided by the order of
 * the log (`state-log`). Objects can be read at any time. Changes are refused while the topic cannot be read or
 * written, and until the next start when it was deleted or cut.
 */
import { randomUUID } from 'node:crypto'
import { NotWritten, produce } from '../../kafka/admin/produce.ts'
import type { Cluster } from '../../kafka/cluster.ts'
import { type BatchSource, KafkaError, type KafkaLog, type OffsetRange, type RecordBatch } from '../../kafka/log.ts'
import { readRecords } from '../../kafka/read/record-batch.ts'
import { WireError } from '../../kafka/wire/primitives.ts'
import { type Clock, sleep, systemClock, TIMED_OUT, within } from '../../lib/clock.ts'
import { UserError } from '../../lib/user-error.ts'
import { ChangeConflict } from '../../plan/administration.ts'
import {
  type Condition,
  type ObjectKind,
  type OwnedStore,
  type StateFigures,
  type StoredObject,
  StoredObjects,
} from '../store.ts'
import { type Entry, entryOf, MAX_OBJECT_BYTES, recordOf, sizeOf } from './entry.ts'
import { MAX_BYTES, MAX_OBJECTS, MAX_REVOCATIONS, type Outcome, StateLog } from './state-log.ts'
import { forbidden, prepareTopic, StateTopicError } from './topic-setup.ts'

/**
 * Limit `state.change.timeout` (ms): how long a change may take to be written and read back. Beyond it: an error that
 * says that the outcome is unknown.
 */
const CHANGE_TIMEOUT_MS = 45_000
/**
 * Limit `state.noted.records` (records): records that are no objects and get a line in the log. Beyond it: one more line
 * says so.
 */
const MAX_NOTED = 100
/** How long the offsets of the topic may take. */
const OFFSETS_MS = 10_000
/** How often it is looked whether the topic still begins where it began. */
const LOOK_MS = 5000
const FIRST_PAUSE_MS = 100
/** Not a limit: the longest wait between attempts at reading the topic again. */
const LONGEST_PAUSE_MS = 5000
const ISOLATION = 'read_committed'

/** Where lines for the log of the server go. */
export type Note = (level: 'info' | 'warn' | 'error', about: object, text: string) => void

export interface StateTopicOptions {
  /** Closed with the store. */
  readonly cluster: Cluster
  readonly log: KafkaLog
  readonly topic: string
  /** Replicas of the topic, if it is created. */
  readonly replication?: number
  readonly note: Note
  readonly clock?: Clock
  /** Smaller limits, for tests. */
  readonly limits?: ConstructorParameters<typeof StateLog>[0]
}

/** The topic is not what was read so far any more. */
class Lost extends UserError {}

/**
 * Resolves when the topic has been read, or when the cluster does not answer yet: then there are no objects for the
 * time being, and it goes on trying. Rejects with a StateTopicError when the topic cannot serve.
 */
export async function openStateTopic(options: StateTopicOptions): Promise<StateTopic> {
  const store = new StateTopic(options)
  await store.begin()
  return store
}

/** The objects of all servers that share a topic, as this one has read them. */
export class StateTopic implements OwnedStore {
  readonly #options: StateTopicOptions
  readonly #clock: Clock
  readonly #state: StateLog
  readonly #server = randomUUID()
  readonly #environments = new Map<string, StoredObjects>()
  readonly #followers: ((object: StoredObject) => void)[] = []
  /** Changes that were sent, by version. */
  readonly #waiting = new Map<string, PromiseWithResolvers<Outcome>>()
  /** Changes of objects that were sent, by what they say. */
  readonly #sent = new Map<string, Promise<boolean>>()
  readonly #closed = new AbortController()
  #changes = 0
  #noted = 0
  readonly #records = { counts: 0, same: 0, late: 0, full: 0, other: 0 }
  readonly #outcomes = { made: 0, conflict: 0, refused: 0 }
  /** The scan that follows the topic. */
  #following: BatchSource | undefined
  #topicId: string | undefined
  /** Where the topic began when it was first read: compaction leaves that as it is. */
  #start: number | undefined
  /** The first offset that has not been read; undefined: nothing has been read yet. */
  #position: number | undefined
  #condition: Condition = 'down'
  #wasRead = false
  /** Why changes are refused. */
  #problem = 'it has not been read yet'

  constructor(options: StateTopicOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#state = new StateLog(options.limits)
  }

  get condition(): Condition {
    return this.#condition
  }

  get wasRead(): boolean {
    return this.#wasRead
  }

  /** Why changes are refused, where they are. */
  get problem(): string {
    return this.#problem
  }

  /** To be called once. */
  async begin(): Promise<void> {
    try {
      await this.#catchUp()
    } catch (error) {
      if (error instanceof StateTopicError) {
        this.close()
        throw error
      }
      this.#isDown(error)
    }
    void this.#keepOn()
  }

  environment(name: string): StoredObjects {
    let objects = this.#environments.get(name)
    if (objects === undefined) {
      objects = new StoredObjects((kind, object, content, seen) =>
        this.change({ environment: name, kind, name: object, content }, seen),
      )
      this.#environments.set(name, objects)
    }
    return objects
  }

  all(): readonly StoredObject[] {
    return [...this.#state.entries()].map(objectOf)
  }

  get figures(): StateFigures {
    const offset = this.#position ?? 0
    return {
      objects: this.#state.size,
      records: this.#records,
      changes: this.#outcomes,
      offset,
      lag: Math.max(0, (this.#following?.progress[0]?.end ?? offset) - offset),
      requests: this.#options.cluster.requests,
    }
  }

  async change(object: StoredObject, seen?: string): Promise<boolean> {
    const known = this.#state.find(object)
    if (known?.content === object.content) return known !== undefined
    try {
      const before = await this.#change(object, known, seen)
      this.#outcomes.made++
      return before
    } catch (error) {
      this.#outcomes[error instanceof ChangeConflict ? 'conflict' : 'refused']++
      throw error
    }
  }

  async #change(object: StoredObject, known: Entry | undefined, seen: string | undefined): Promise<boolean> {
    if (this.#condition !== 'up') throw this.#refused(this.#problem)
    if (known?.version !== seen) throw conflict(object)
    if (known === undefined) return await this.#send(object, seen)
    // All threads bind the declaration of a topic that they meet: what says the same is sent once.
    const same = JSON.stringify([object.environment, object.kind, object.name, object.content, seen])
    const sent = this.#sent.get(same) ?? this.#send(object, seen).finally(() => this.#sent.delete(same))
    this.#sent.set(same, sent)
    return await sent
  }

  /** Writes a change, and waits until it has been read back; whether there was an object before. */
  async #send(object: StoredObject, seen: string | undefined): Promise<boolean> {
    const { environment, kind, name, content } = object
    const version = `${this.#server}-${++this.#changes}`
    const entry: Entry = { environment, kind, name, content, version, seen, over: [], by: this.#server }
    this.#checkRoom(entry)
    const back = Promise.withResolvers<Outcome>()
    back.promise.catch(() => undefined)
    this.#waiting.set(version, back)
    try {
      // What has been read back was written, whatever becomes of the answer.
      const read = Promise.race([this.#write(entry).then(() => back.promise), back.promise])
      const outcome = await within(read, { ms: CHANGE_TIMEOUT_MS, clock: this.#clock })
      if (outcome === TIMED_OUT)
        throw this.#unknown(`it was not read back within ${CHANGE_TIMEOUT_MS} ms (state.change.timeout)`)
      if (outcome === 'late') throw conflict(object)
      if (outcome === 'full') throw this.#full(kind)
      return seen !== undefined
    } finally {
      this.#waiting.delete(version)
    }
  }

  follow(changed: (object: StoredObject) => void): void {
    this.#followers.push(changed)
  }

  close(): void {
    this.#closed.abort(new Error('the store is closed'))
    for (const waiting of this.#waiting.values()) waiting.reject(this.#unknown('the server is stopping'))
    this.#options.cluster.close()
  }

  // Reading.

  /** Follows the topic, and finds it again when that fails, until it is closed or the topic is lost. */
  async #keepOn(): Promise<void> {
    const { signal } = this.#closed
    let pauseMs = FIRST_PAUSE_MS
    while (!signal.aborted) {
      try {
        if (this.#condition !== 'up') await this.#catchUp()
        pauseMs = FIRST_PAUSE_MS
        await this.#followOn()
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof Lost) return this.#isLost(error)
        this.#isDown(error)
      }
      await sleep(this.#clock, pauseMs, signal).catch(() => undefined)
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)
    }
  }

  /** Reads what is in the topic by now. */
  async #catchUp(): Promise<void> {
    const { cluster, topic, replication } = this.#options
    const { signal } = this.#closed
    const create = this.#position === undefined
    const metadata = await prepareTopic(cluster, { topic, replication, create, signal })
    if (metadata === undefined) throw new Lost('it was deleted')
    if (this.#topicId !== undefined && metadata.id !== this.#topicId) throw new Lost('it was deleted and created again')
    const { start, end } = await this.#bounds()
    if (this.#start === undefined && start > 0)
      this.#options.note(
        'warn',
        { topic, start },
        'the state topic does not begin at offset 0: what was before was deleted, and objects may be missing',
      )
    this.#checkStart(start)
    const from = this.#position ?? start
    if (end < from) throw new Lost(`it ends at offset ${end}, and offset ${from} had been reached`)
    this.#topicId = metadata.id
    await this.#read(from, end)
    this.#position = end
    this.#wasRead = true
    if (this.#condition !== 'up')
      this.#options.note('info', { topic, objects: this.all().length }, 'the state topic was read')
    this.#condition = 'up'
    this.#problem = ''
    for (const entry of this.#state.allAgain()) void this.#writeAgain(entry)
  }

  async #bounds(): Promise<OffsetRange> {
    const { log, topic } = this.#options
    const limits = { isolation: ISOLATION, timeoutMs: OFFSETS_MS, signal: this.#closed.signal } as const
    const [bounds] = await log.bounds(topic, [0], limits).catch((error: unknown) => {
      throw forbidden(topic, error)
    })
    return bounds
  }

  /** Whoever removes records takes objects away from the servers that start later. */
  #checkStart(start: number): void {
    this.#start ??= start
    if (start > this.#start) throw new Lost(`its records before offset ${start} were deleted`)
  }

  async #read(start: number, end: number): Promise<void> {
    const { log, topic } = this.#options
    if (start === end) return
    const ranges = [{ partition: 0, start, end }]
    const source = log.scan({ topic, topicId: this.#topicId, ranges, isolation: ISOLATION }, this.#closed.signal)
    try {
      for (let batch = await source.next(); batch !== undefined; batch = await source.next()) this.#takeBatch(batch)
    } catch (error) {
      throw forbidden(topic, error)
    } finally {
      source.close()
    }
  }

  async #followOn(): Promise<void> {
    const { log, topic } = this.#options
    const start = this.#position ?? 0
    const ranges = [{ partition: 0, start, end: Number.POSITIVE_INFINITY }]
    // Partitions that somebody adds hold nothing of ours.
    const follow = { firstNew: 1, rangesOf: () => [] }
    const cut = new AbortController()
    const looking = this.#clock.every(LOOK_MS, () => {
      this.#bounds()
        .then(
          ({ start: now }) => this.#checkStart(now),
          () => undefined, // The scan says by itself that the topic cannot be read.
        )
        .catch((error: unknown) => cut.abort(error))
    })
    const signal = AbortSignal.any([this.#closed.signal, cut.signal])
    const source = log.scan({ topic, topicId: this.#topicId, ranges, follow, isolation: ISOLATION }, signal)
    this.#following = source
    try {
      for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
        if (source.progress.some(({ lost }) => lost > 0)) throw new Lost('records were deleted before they were read')
        this.#takeBatch(batch)
      }
    } catch (error) {
      throw forbidden(topic, error)
    } finally {
      looking.cancel()
      source.close()
    }
  }

  /** No record is taken twice: an old one would be a late change the second time. */
  #takeBatch(batch: RecordBatch): void {
    this.#position = batch.lastOffset + 1
    if (batch.fault !== undefined) return this.#other(batch.baseOffset, batch.fault)
    try {
      for (const record of readRecords(batch)) {
        const entry = entryOf(record)
        if (typeof entry === 'string') this.#other(record.offset, entry)
        else this.#take(entry, record.offset)
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      this.#other(batch.baseOffset, error.message)
    }
  }

  #take(entry: Entry, offset: number): void {
    const outcome = this.#state.take(entry)
    this.#records[outcome]++
    if (outcome === 'counts') {
      const object = objectOf(entry)
      this.environment(entry.environment).put(entry.kind, entry.name, entry.content, entry.version)
      for (const changed of this.#followers) changed(object)
    } else if (outcome !== 'same') {
      if (outcome === 'full') this.#skip(offset, this.#full(entry.kind).message)
      const again = entry.by === this.#server ? this.#state.again(entry) : undefined
      if (again !== undefined) void this.#writeAgain(again)
    }
    this.#waiting.get(entry.version)?.resolve(outcome)
  }

  /** A record, or a batch of them, that says nothing of an object. */
  #other(offset: number, reason: string): void {
    this.#records.other++
    this.#skip(offset, reason)
  }

  #skip(offset: number, reason: string): void {
    const { topic, note } = this.#options
    if (this.#noted > MAX_NOTED) return
    this.#noted++
    if (this.#noted > MAX_NOTED)
      note(
        'warn',
        { topic },
        `more than ${MAX_NOTED} records of the state topic were passed over (state.noted.records)`,
      )
    else note('warn', { topic, offset, reason }, 'a record of the state topic was passed over')
  }

  #isDown(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    const { topic, note } = this.#options
    if (this.#problem !== reason)
      note('warn', { topic, reason }, 'the state topic cannot be read: objects stay as they were, changes are refused')
    this.#condition = 'down'
    this.#problem = reason
  }

  #isLost({ message: reason }: Lost): void {
    const { topic, note } = this.#options
    this.#condition = 'lost'
    this.#problem = `${reason}; objects can still be read, and changes count again once the server was started again`
    note('error', { topic, reason }, 'the state topic is lost: objects stay as they were until the next start')
    for (const waiting of this.#waiting.values()) waiting.reject(this.#unknown(reason))
  }

  // Writing.

  async #write(entry: Entry): Promise<void> {
    const { cluster, topic } = this.#options
    try {
      await produce(cluster, topic, [recordOf(entry)], this.#closed.signal)
    } catch (error) {
      const told = forbidden(topic, error)
      if (told instanceof StateTopicError) throw told
      if (error instanceof NotWritten || error instanceof KafkaError) throw this.#refused(error.message)
      throw error
    }
  }

  /** An object behind a change that came too late: compaction keeps the last record of a key. */
  async #writeAgain(entry: Entry): Promise<void> {
    const { topic, note } = this.#options
    try {
      await this.#write({ ...entry, by: this.#server })
    } catch (error) {
      // The next server that starts sees that it is missing.
      if (this.#closed.signal.aborted) return
      note(
        'warn',
        { topic, reason: error instanceof Error ? error.message : String(error) },
        'an object was not written again',
      )
    }
  }

  #checkRoom(entry: Entry): void {
    const bytes = sizeOf(recordOf(entry))
    if (bytes > MAX_OBJECT_BYTES)
      throw new UserError(
        `The ${entry.kind} takes ${bytes} bytes in the state topic, the limit is ${MAX_OBJECT_BYTES} (state.object.bytes).`,
      )
    if (!this.#state.fits(entry)) throw this.#full(entry.kind)
  }

  #full(kind: ObjectKind): UserError {
    const { objects = MAX_OBJECTS, bytes = MAX_BYTES, revocations = MAX_REVOCATIONS } = this.#options.limits ?? {}
    if (kind === 'revocation')
      return new UserError(`The state topic holds ${revocations} ended logins, the limit (state.revocations).`)
    return new UserError(
      `The state topic is full: ${objects} objects (state.objects) or ${bytes} bytes (state.bytes). Remove views, synonyms or saved queries that nobody needs.`,
    )
  }

  #refused(reason: string): UserError {
    return new UserError(
      `The topic "${this.#options.topic}" (state.topic) takes no change: ${reason.replace(/\.$/, '')}.`,
    )
  }

  #unknown(reason: string): UserError {
    return new UserError(
      `It is not known whether the change counts: ${reason} (topic "${this.#options.topic}", state.topic). Look before it is made again.`,
    )
  }
}

function objectOf({ environment, kind, name, content, version }: Entry): StoredObject {
  return { environment, kind, name, content, version }
}

const TITLES = {
  view: 'view',
  synonym: 'synonym',
  table: 'declaration of topic',
  note: 'description of topic',
  query: 'saved query',
  revocation: 'end of a login',
}

function conflict({ kind, name }: StoredObject): ChangeConflict {
  const shown = JSON.stringify(kind === 'query' ? name.slice(name.indexOf('\n') + 1) : name)
  return new ChangeConflict(
    `The ${TITLES[kind]} ${shown} was changed from elsewhere at the same time, and that change came first. Look at what it is now, and repeat yours if it is still wanted.`,
  )
}
