/**
 * Objects in a compacted Kafka topic that several servers share. The topic is read as a whole, then followed; a change
 * is produced, and counts for its author, too, only when it has been read back: what counts is decided by the order of
 * the log (`state-log`). Objects can be read at any time. Changes are refused while the topic cannot be read or
 * written, and until the next start when it was deleted or cut. Whoever was away may have missed records that are not
 * there any more: after any trouble, and where offsets are missing, the topic is read again from its start.
 */
import { randomUUID } from 'node:crypto'
import { NotWritten, produce } from '../../kafka/admin/produce.ts'
import type { Cluster } from '../../kafka/cluster.ts'
import { type BatchSource, KafkaError, type KafkaLog, type RecordBatch } from '../../kafka/log.ts'
import { type Clock, sleep, systemClock, TIMED_OUT, within } from '../../lib/clock.ts'
import { UserError } from '../../lib/user-error.ts'
import { ChangeConflict } from '../../plan/administration.ts'
import {
  type Change,
  type Condition,
  type OwnedStore,
  otherOf,
  type StateFigures,
  type StoredObject,
  ObjectsByEnvironment,
  type StoredObjects,
} from '../store.ts'
import { type Entry, MAX_OBJECT_BYTES, recordOf, sizeOf, writable } from './entry.ts'
import { boundsOf, changesOf, ISOLATION, type Part, readChanges } from './changes.ts'
import { type Note, PassedOver } from './passed-over.ts'
import { Repetitions } from './repetitions.ts'
import { conflict, full, opaque, refused, tooLarge, unfinished, unknown } from './said.ts'
import { type Outcome, StateLog } from './state-log.ts'
import { doesNotExist, forbidden, prepareTopic, StateTopicError } from './topic-setup.ts'

/**
 * Limit `state.change.timeout` (ms): how long a change may take to be written and read back. Beyond it: an error that
 * says that the outcome is unknown.
 */
const CHANGE_TIMEOUT_MS = 45_000
/** How often it is looked whether the topic still begins where it began. */
const LOOK_MS = 5000
const FIRST_PAUSE_MS = 100
/** Not a limit: the longest wait between attempts at reading the topic again. */
const LONGEST_PAUSE_MS = 5000
/** How long the topic may be unknown to the brokers, some of which have just started, before it counts as deleted. */
const ABSENT_MS = 60_000
/** How often all of the topic is read at most where something in it does not fit together, before that is an error. */
const READS = 4

export interface StateTopicOptions {
  /** Closed with the store. */
  readonly cluster: Cluster
  readonly log: KafkaLog
  readonly topic: string
  /** Replicas of the topic, if it is created. */
  readonly replication?: number
  /** Whether the topic may be created. Default: true. */
  readonly create?: boolean
  readonly note: Note
  readonly clock?: Clock
  /** Smaller limits, for tests. */
  readonly limits?: ConstructorParameters<typeof StateLog>[0]
}

/** The topic is not what was read so far any more. */
class Lost extends UserError {}
/** Something was not met while the topic was followed, or may not have been. */
class Missed extends UserError {}

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
  #state: StateLog
  readonly #server = randomUUID()
  readonly #environments = new ObjectsByEnvironment((object, seen) => this.change(object, seen))
  readonly #followers: ((object: StoredObject) => void)[] = []
  /** Changes that were sent, by version. */
  readonly #waiting = new Map<string, PromiseWithResolvers<Outcome>>()
  /** Changes of objects that were sent, by what they say. */
  readonly #sent = new Map<string, Promise<boolean>>()
  readonly #closed = new AbortController()
  #changes = 0
  readonly #told: PassedOver
  readonly #repetitions: Repetitions
  readonly #records = { counts: 0, same: 0, late: 0, full: 0, other: 0 }
  readonly #outcomes = { made: 0, conflict: 0, refused: 0 }
  /** The scan that follows the topic. */
  #following: BatchSource | undefined
  #topicId: string | undefined
  /** Where the topic began when it was first read: compaction leaves that as it is. */
  #start: number | undefined
  /** The first offset that has not been read; undefined: nothing has been read yet. */
  #position: number | undefined
  /** The first offset whose record is not in the figures yet. */
  #counted = 0
  /** Since when the brokers do not know the topic, of `Clock.monotonic`. */
  #absentMs: number | undefined
  #condition: Condition = 'down'
  #wasRead = false
  /** Why changes are refused. */
  #problem = 'it has not been read yet'

  constructor(options: StateTopicOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#state = new StateLog(options.limits)
    const { topic, note } = options
    this.#told = new PassedOver(note, { topic }, 'record of the state topic')
    const write = (entry: Entry): Promise<void> => this.#write({ ...entry, by: this.#server })
    this.#repetitions = new Repetitions({ topic, note, signal: this.#closed.signal, write })
  }

  get condition(): Condition {
    return this.#condition
  }

  get wasRead(): boolean {
    return this.#wasRead
  }

  get passedOver(): number {
    return this.#records.other + this.#records.full
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
    return this.#environments.of(name)
  }

  all(): readonly StoredObject[] {
    return [...this.#state.entries()].map(objectOf)
  }

  get figures(): StateFigures {
    const offset = this.#position ?? 0
    // Where a transaction of somebody else ended there is no record.
    const { end = offset, position = offset } = this.#following?.progress[0] ?? {}
    const lag = Math.max(0, end - Math.max(offset, position))
    const { requests } = this.#options.cluster
    return { objects: this.#state.size, records: this.#records, changes: this.#outcomes, offset, lag, requests }
  }

  async change(object: StoredObject, seen?: string): Promise<boolean> {
    const known = this.#state.find(object)
    if (known?.opaque !== true && known?.content === object.content) return known !== undefined
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
    this.#check({ object, seen })
    if (known === undefined) return await this.#send(object, seen)
    // All threads bind the declaration of a topic that they meet: what says the same is sent once.
    const same = JSON.stringify([object.environment, object.kind, object.name, object.content, seen])
    const sent = this.#sent.get(same) ?? this.#send(object, seen).finally(() => this.#sent.delete(same))
    this.#sent.set(same, sent)
    return await sent
  }

  async changeAll(changes: readonly Change[]): Promise<void> {
    for (const change of changes) this.#check(change)
    const entries = changes.map((change) => this.#entry(change))
    const without = this.#state.withoutRoom(entries)
    if (without !== undefined) throw full(without.kind, this.#options.limits)
    for (const [i, { object, seen }] of changes.entries())
      await this.change(object, seen).catch((cause: unknown) => {
        throw i === 0 ? cause : unfinished(i, changes.length, cause)
      })
  }

  /** Rejects a change that its author would not make if they knew what is there. */
  #check({ object, seen }: Change): void {
    if (this.#condition !== 'up') throw refused(this.#options.topic, this.#problem)
    const known = this.#state.find(object)
    if (known?.opaque === true) throw opaque(object)
    if (known?.version !== seen) throw conflict(object)
    const { environment, kind, name, content } = object
    const other = otherOf(kind)
    if (content === undefined || known !== undefined || other === undefined) return
    if (this.#state.find({ environment, kind: other, name }) !== undefined) throw conflict({ kind: other, name })
  }

  /** The change as it is written. Throws where nobody would take it for one. */
  #entry({ object: { environment, kind, name, content }, seen }: Change): Entry {
    const version = `${this.#server}-${++this.#changes}`
    const entry = writable({ environment, kind, name, content, version, seen, over: [], by: this.#server })
    const bytes = sizeOf(recordOf(entry))
    if (bytes > MAX_OBJECT_BYTES) throw tooLarge(kind, bytes)
    return entry
  }

  /** Writes a change, and waits until it has been read back; whether there was an object before. */
  async #send(object: StoredObject, seen: string | undefined): Promise<boolean> {
    const entry = this.#entry({ object, seen })
    const { kind, version } = entry
    if (!this.#state.fits(entry)) throw full(kind, this.#options.limits)
    const back = Promise.withResolvers<Outcome>()
    back.promise.catch(() => undefined)
    this.#waiting.set(version, back)
    let trouble = ''
    try {
      // What has been read back was written, whatever becomes of the answer.
      const written = this.#write(entry).catch((error: unknown) => {
        if (!(error instanceof NotWritten && error.isUnknown)) throw this.#notWritten(error)
        trouble = ` (${error.message})`
      })
      const read = Promise.race([written.then(() => back.promise), back.promise])
      const outcome = await within(read, { ms: CHANGE_TIMEOUT_MS, clock: this.#clock })
      if (outcome === TIMED_OUT)
        throw unknown(
          this.#options.topic,
          `it was not read back within ${CHANGE_TIMEOUT_MS} ms (state.change.timeout)${trouble}`,
        )
      if (outcome === 'late') throw conflict(object)
      if (outcome === 'full') throw full(kind, this.#options.limits)
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
    for (const waiting of this.#waiting.values()) waiting.reject(unknown(this.#options.topic, 'the server is stopping'))
    this.#options.cluster.close()
  }

  // Reading.

  /** Follows the topic, and finds it again when that fails, until it is closed or the topic is lost. */
  async #keepOn(): Promise<void> {
    const { signal } = this.#closed
    let pauseMs = FIRST_PAUSE_MS
    let readMs = this.#clock.monotonic()
    let hasMissed = false
    while (!signal.aborted) {
      try {
        if (hasMissed || this.#condition !== 'up') {
          await this.#catchUp()
          readMs = this.#clock.monotonic()
        }
        await this.#followOn()
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof Lost) return this.#isLost(error)
        hasMissed = error instanceof Missed
        if (!hasMissed) this.#isDown(error)
      }
      if (this.#clock.monotonic() - readMs > LONGEST_PAUSE_MS) pauseMs = FIRST_PAUSE_MS
      await sleep(this.#clock, pauseMs, signal).catch(() => undefined)
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)
    }
  }

  /** Reads what is in the topic by now, from its start. */
  async #catchUp(): Promise<void> {
    const { cluster, topic, replication } = this.#options
    const { signal } = this.#closed
    const create = this.#position === undefined && this.#options.create !== false
    const metadata = await prepareTopic(cluster, { topic, replication, create, signal })
    if (metadata === undefined && this.#position === undefined) throw doesNotExist(topic)
    if (metadata === undefined) throw this.#absent()
    this.#absentMs = undefined
    if (this.#topicId !== undefined && metadata.id !== this.#topicId) throw new Lost('it was deleted and created again')
    const { start, end } = await boundsOf(this.#part)
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
    await this.#readWhole(start, end)
    this.#wasRead = true
    const isBack = this.#condition !== 'up'
    if (isBack) this.#options.note('info', { topic, objects: this.all().length }, 'the state topic was read')
    this.#condition = 'up'
    this.#problem = ''
    for (const entry of this.#state.allAgain()) void this.#repetitions.write(entry)
  }

  /** A broker that has just started may not know yet that there is such a topic. */
  #absent(): UserError {
    const now = this.#clock.monotonic()
    this.#absentMs ??= now
    return now - this.#absentMs >= ABSENT_MS
      ? new Lost('it was deleted')
      : new UserError('the brokers do not know it: they have just started, or it was deleted')
  }

  /** What is read, and how. */
  get #part(): Part {
    const { log, topic } = this.#options
    return { log, topic, topicId: this.#topicId, signal: this.#closed.signal }
  }

  /** Whoever removes records takes objects away from the servers that start later. */
  #checkStart(start: number): void {
    this.#start ??= start
    if (start > this.#start) throw new Lost(`its records before offset ${start} were deleted`)
  }

  /**
   * Reads the whole topic, in place of what was known. A damaged batch may be so in this answer alone, and a compaction
   * that is under way may show an object as it was and then what became of it, without what was between: counts what
   * two readings have in common.
   */
  async #readWhole(start: number, end: number): Promise<void> {
    let before = ''
    for (let reads = 1; ; reads++) {
      const state = new StateLog(this.#options.limits)
      const outcomes = new Map<string, Outcome>()
      const take = (entry: Entry, offset: number): void => {
        const outcome = state.take(entry)
        this.#count(outcome, entry, offset)
        if (this.#waiting.has(entry.version)) outcomes.set(entry.version, outcome)
      }
      const { damaged, next } = await readChanges(this.#part, start, end, take, this.#other)
      this.#counted = Math.max(this.#counted, next)
      const doubts = damaged.length === 0 && state.doubts === 0 ? '' : `${damaged.join()} ${state.doubts}`
      if (doubts === before) {
        this.#replace(state)
        this.#position = end
        for (const [version, outcome] of outcomes) this.#waiting.get(version)?.resolve(outcome)
        return
      }
      if (reads === READS) throw new UserError('each reading of it has other batches that cannot be read')
      before = doubts
      await sleep(this.#clock, FIRST_PAUSE_MS, this.#closed.signal)
    }
  }

  /** What is known now is what was read; those who follow are told of what is different. */
  #replace(state: StateLog): void {
    const before = this.#state
    this.#state = state
    for (const entry of before.entries())
      if (state.find(entry) === undefined) this.#put({ ...entry, content: undefined, opaque: undefined })
    for (const entry of state.entries()) if (before.find(entry)?.version !== entry.version) this.#put(entry)
  }

  async #followOn(): Promise<void> {
    const { log, topic } = this.#options
    const start = this.#position ?? 0
    const ranges = [{ partition: 0, start, end: Number.POSITIVE_INFINITY }]
    // Partitions that somebody adds hold nothing of ours.
    const follow = { firstNew: 1, rangesOf: () => [] }
    const cut = new AbortController()
    const looking = this.#clock.every(LOOK_MS, () => {
      void this.#repetitions.look(this.#state.allAgain())
      boundsOf(this.#part)
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

  /** Takes the next records of the topic. Throws Missed where some may not have been met. */
  #takeBatch(batch: RecordBatch): void {
    const { baseOffset, lastOffset, count, fault } = batch
    if (fault !== undefined) throw new Missed(fault)
    const { doubts } = this.#state
    const isWhole = baseOffset <= (this.#position ?? 0) && count === lastOffset - baseOffset + 1
    if (!isWhole) throw new Missed('records were compacted away before they were read')
    this.#position = lastOffset + 1
    for (const [entry, offset] of changesOf(batch, this.#other)) this.#take(entry, offset)
    this.#counted = Math.max(this.#counted, lastOffset + 1)
    if (this.#state.doubts > doubts) throw new Missed('a change was made on what was not met')
  }

  #take(entry: Entry, offset: number): void {
    const outcome = this.#state.take(entry)
    this.#count(outcome, entry, offset)
    if (outcome === 'counts') this.#put(entry)
    else if (outcome !== 'same' && entry.by === this.#server) {
      const again = this.#state.again(entry)
      if (again !== undefined) void this.#repetitions.write(again)
    }
    this.#waiting.get(entry.version)?.resolve(outcome)
  }

  #put(entry: Entry): void {
    const object = objectOf(entry)
    this.environment(entry.environment).put(object)
    for (const changed of this.#followers) changed(object)
  }

  /** Once, however often the record is read. */
  #count(outcome: Outcome, { kind }: Entry, offset: number): void {
    if (offset < this.#counted) return
    this.#records[outcome]++
    if (outcome === 'full') this.#told.note({ offset }, full(kind, this.#options.limits).message)
  }

  /** A record, or a batch of them, that says nothing of an object. */
  readonly #other = (offset: number, reason: string): void => {
    if (offset < this.#counted) return
    this.#records.other++
    this.#told.note({ offset }, reason)
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
    for (const waiting of this.#waiting.values()) waiting.reject(unknown(this.#options.topic, reason))
  }

  // Writing.

  async #write(entry: Entry): Promise<void> {
    const { cluster, topic } = this.#options
    await produce(cluster, topic, [recordOf(entry)], this.#closed.signal)
  }

  /** Why a change was not written, for its author. */
  #notWritten(error: unknown): unknown {
    const told = forbidden(this.#options.topic, error)
    if (told instanceof StateTopicError) return told
    const isRefusal = error instanceof NotWritten || error instanceof KafkaError
    return isRefusal ? refused(this.#options.topic, error.message) : error
  }
}

function objectOf({ environment, kind, name, content, version, opaque: isOpaque }: Entry): StoredObject {
  return { environment, kind, name, content, version, ...(isOpaque === true ? { opaque: true } : {}) }
}
