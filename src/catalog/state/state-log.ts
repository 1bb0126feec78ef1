/**
 * What the records of the state topic mean, in their order: which changes count and which came too late. Every server
 * that reads the same log comes to the same objects; it knows neither Kafka nor time.
 *
 * A change counts when the object is what its author saw. One that came too late stays in the log as the last record of
 * its key, and compaction would keep it in place of the one that counts: so the object is written once more behind it
 * (`again`), with the versions that it stands over. A reader for whom compaction has left only the late one learns from
 * these what counts.
 *
 * A change on a state of the object that this reader never met is doubtful: one of the two has missed records, perhaps
 * this reader (compaction, while it was away). The object stays, is not written again, and the doubt is counted.
 */
import { ANY, type Entry, recordOf, sizeOf } from './entry.ts'

/**
 * Limit `state.objects` (objects): objects of all environments in the state topic. Beyond it: a change that would make
 * one more is an error, and such a record is passed over.
 */
export const MAX_OBJECTS = 50_000
/**
 * Limit `state.bytes` (bytes): records of all objects in the state topic together. Beyond it: a change that would need
 * more is an error, and such a record is passed over.
 */
export const MAX_BYTES = 64 * 1024 * 1024
/**
 * Limit `state.revocations` (logins): logins that were ended and have not expired, in the state topic; they take no place
 * of other objects. Beyond it: a logout is an error, and such a record is passed over.
 */
export const MAX_REVOCATIONS = 50_000
/** Late changes of one object whose versions are remembered. */
const LATE = 100
/** Former states of one object that are remembered: an author has seen one of the last. */
const MET = 32
/** The state of an object that is not there, among versions. */
const ABSENT = ''

/** `same`: nothing new; `late`: somebody else was first; `full`: there is no room for it. */
export type Outcome = 'counts' | 'same' | 'late' | 'full'

interface Slot {
  /** With its content, or without: removed. */
  readonly entry: Entry
  readonly bytes: number
  /** Versions of changes that came too late, and that no record of the object stands over yet. */
  readonly late: string[]
  /** States that were there, and versions that counted or lost, as far as this reader knows; newest last. */
  readonly met: string[]
}

/** The objects, as the records so far have made them. */
export class StateLog {
  readonly #slots = new Map<string, Slot>()
  readonly #limits: { readonly objects: number; readonly bytes: number; readonly revocations: number }
  /** Changes so far that were made on a state which this reader never met. */
  doubts = 0
  #objects = 0
  #revocations = 0
  /** Of all objects but revocations, which are small. */
  #bytes = 0

  constructor(limits: { readonly objects?: number; readonly bytes?: number; readonly revocations?: number } = {}) {
    const { objects = MAX_OBJECTS, bytes = MAX_BYTES, revocations = MAX_REVOCATIONS } = limits
    this.#limits = { objects, bytes, revocations }
  }

  /** How many objects there are, revocations aside. */
  get size(): number {
    return this.#objects
  }

  /** The entry of an object that is there. */
  find(place: Pick<Entry, 'environment' | 'kind' | 'name'>): Entry | undefined {
    const entry = this.#slots.get(keyOf(place))?.entry
    return entry?.content === undefined ? undefined : entry
  }

  /** All objects that are there. */
  *entries(): Generator<Entry> {
    for (const { entry } of this.#slots.values()) if (entry.content !== undefined) yield entry
  }

  /** Takes the next record. */
  take(entry: Entry): Outcome {
    const key = keyOf(entry)
    const slot = this.#slots.get(key)
    if (slot !== undefined && entry.version === slot.entry.version) {
      const left = slot.late.filter((version) => !entry.over.includes(version))
      slot.late.splice(0, slot.late.length, ...left)
      remember(slot, entry.over)
      return 'same'
    }
    if (slot !== undefined && !follows(entry, slot.entry)) {
      if (!isLate(entry, slot)) this.doubts++
      else {
        if (slot.late.push(entry.version) > LATE) slot.late.shift()
        remember(slot, [entry.version])
      }
      return 'late'
    }
    if (!this.fits(entry)) {
      if (slot !== undefined && slot.late.push(entry.version) > LATE) slot.late.shift()
      return 'full'
    }
    this.#put(key, entry, slot)
    return 'counts'
  }

  /** Whether there is room for an object in place of the one that is there. */
  fits(entry: Entry): boolean {
    return this.withoutRoom([entry]) === undefined
  }

  /** The first of several objects, each at a place of its own, for which there is no room beside those before it. */
  withoutRoom(entries: readonly Entry[]): Entry | undefined {
    let [objects, revocations, bytes] = [this.#objects, this.#revocations, this.#bytes]
    return entries.find((entry) => {
      const { kind, content } = entry
      if (content === undefined) return false
      const slot = this.#slots.get(keyOf(entry))
      const more = slot?.entry.content === undefined ? 1 : 0
      if (kind === 'revocation') return (revocations += more) > this.#limits.revocations
      objects += more
      bytes += sizeOf(recordOf({ ...entry, over: [] })) - (more === 1 ? 0 : (slot?.bytes ?? 0))
      return (more === 1 && objects > this.#limits.objects) || bytes > this.#limits.bytes
    })
  }

  /** What has to be written so that the last record of an object is the one that counts; undefined: it is. */
  again(place: Pick<Entry, 'environment' | 'kind' | 'name'>): Entry | undefined {
    const slot = this.#slots.get(keyOf(place))
    return slot === undefined || slot.late.length === 0 ? undefined : { ...slot.entry, over: [...slot.late] }
  }

  /** The same for all objects. */
  allAgain(): Entry[] {
    return [...this.#slots.values()].flatMap(({ entry }) => this.again(entry) ?? [])
  }

  #put(key: string, entry: Entry, before: Slot | undefined): void {
    const bytes = entry.content === undefined ? 0 : sizeOf(recordOf({ ...entry, over: [] }))
    if (before?.entry.content !== undefined) this.#count(entry, -1, before.bytes)
    if (entry.content !== undefined) this.#count(entry, 1, bytes)
    this.#slots.delete(key)
    // What is late stays so for a reader who finds it in place of what it lost against.
    const late = before?.late.filter((version) => !entry.over.includes(version)) ?? []
    // What it stands over is remembered, within bounds, beside it.
    const slot: Slot = { entry: { ...entry, over: [] }, bytes, late, met: before?.met ?? [] }
    const former = before === undefined ? [] : [stateOf(before.entry)]
    remember(slot, [...entry.over, seenOf(entry), ...former, entry.version])
    this.#slots.set(key, slot)
    if (this.#slots.size > 2 * (this.#limits.objects + this.#limits.revocations)) this.#forgetRemoved()
  }

  #count({ kind }: Entry, by: 1 | -1, bytes: number): void {
    if (kind === 'revocation') this.#revocations += by
    else {
      this.#objects += by
      this.#bytes += by * bytes
    }
  }

  /** Of those that were removed the oldest half. */
  #forgetRemoved(): void {
    let left = Math.ceil((this.#slots.size - this.#objects - this.#revocations) / 2)
    for (const [key, { entry }] of this.#slots) {
      if (left === 0) return
      if (entry.content !== undefined) continue
      this.#slots.delete(key)
      left--
    }
  }
}

/** Whether a change was made on what is there. Where nothing is known of an object, its first record is believed. */
function follows(entry: Entry, now: Entry): boolean {
  return entry.seen === ANY || entry.over.includes(now.version) || seenOf(entry) === stateOf(now)
}

/** Whether a change that does not follow was made on something that is known to be over, or is over itself. */
function isLate(entry: Entry, { met }: Slot): boolean {
  return met.includes(entry.version) || met.includes(seenOf(entry))
}

function remember({ met }: Slot, states: readonly string[]): void {
  // A record may name very many.
  for (const state of states.slice(-MET)) {
    const at = met.indexOf(state)
    if (at >= 0) met.splice(at, 1)
    met.push(state)
  }
  if (met.length > MET) met.splice(0, met.length - MET)
}

function stateOf({ content, version }: Entry): string {
  return content === undefined ? ABSENT : version
}

function seenOf({ seen }: Entry): string {
  return typeof seen === 'string' ? seen : ABSENT
}

function keyOf({ environment, kind, name }: Pick<Entry, 'environment' | 'kind' | 'name'>): string {
  return JSON.stringify([environment, kind, name])
}
