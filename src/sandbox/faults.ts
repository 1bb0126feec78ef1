/**
 * Faults on command: what a broker can do to its clients, for tests. A rule counts the responses it matches, lets
 * `after` of them pass, then acts `times` times. Moving leaders, expiring offsets, and restarting are methods of the
 * broker, since they change its state.
 */

interface RuleBase {
  /**
   * Only responses of this API (its name as in the statistics, e.g. `Fetch`). Any when left out; for `error` and
   * `corrupt` only Produce, InitProducerId, Fetch and ListOffsets count.
   */
  readonly api?: string
  readonly topic?: string
  readonly partition?: number
  /** Number of matching responses that pass first. Default 0. */
  readonly after?: number
  /** How often the rule acts. Default 1. */
  readonly times?: number
}

/** What to do. */
export type FaultRule = RuleBase &
  (
    | { /** Close the connection instead of answering. */ readonly kind: 'drop' }
    | { /** Answer late. */ readonly kind: 'delay'; readonly ms: number }
    | {
        /** Send the first `bytes` bytes of the response (its length field included), then close. */
        readonly kind: 'truncate'
        readonly bytes: number
      }
    | {
        /** Send the response in pieces of `bytes` bytes, each in a separate write. */
        readonly kind: 'dribble'
        readonly bytes: number
      }
    | {
        /** Answer with this error code for the partition. */
        readonly kind: 'error'
        readonly code: number
        /** Of a Produce: after the records were stored, as a leader does that lost its partition meanwhile. */
        readonly stored?: boolean
      }
    | {
        /** Flip the bits of byte `at` of the record set (default: its last byte); what is stored stays whole. */
        readonly kind: 'corrupt'
        readonly at?: number
      }
  )

type Kind = FaultRule['kind']
type RuleOf<K extends Kind> = Extract<FaultRule, { kind: K }>

interface ActiveRule {
  readonly rule: FaultRule
  passed: number
  done: number
}

/** The active rules. */
export class Faults {
  #rules: ActiveRule[] = []

  /** Adds rules. */
  set(...rules: readonly FaultRule[]): void {
    for (const rule of rules) this.#rules.push({ rule, passed: 0, done: 0 })
  }

  /** Drops all rules. */
  clear(): void {
    this.#rules = []
  }

  /** How often rules of this kind have acted since the last `clear`. */
  acted(kind: Kind): number {
    return this.#rules.reduce((sum, active) => (active.rule.kind === kind ? sum + active.done : sum), 0)
  }

  /** The rule of one of these kinds that acts on this response, if any; counts it. */
  take<K extends Kind>(kinds: readonly K[], api: string, topic?: string, partition?: number): RuleOf<K> | undefined {
    for (const active of this.#rules) {
      const { rule } = active
      if (!(kinds as readonly Kind[]).includes(rule.kind) || active.done >= (rule.times ?? 1)) continue
      if (rule.api !== undefined && rule.api !== api) continue
      if (rule.topic !== undefined && rule.topic !== topic) continue
      if (rule.partition !== undefined && rule.partition !== partition) continue
      if (active.passed < (rule.after ?? 0)) {
        active.passed++
        continue
      }
      active.done++
      return rule as RuleOf<K>
    }
    return undefined
  }

  /** The error code to answer with for a partition; 0 for none. */
  errorFor(api: string, topic: string, partition: number): number {
    return this.take(['error'], api, topic, partition)?.code ?? 0
  }

  /** The record set as sent: damaged in a copy when a rule says so. */
  corrupted(topic: string, partition: number, pieces: readonly Buffer[]): readonly Buffer[] {
    if (pieces.length === 0) return pieces
    const rule = this.take(['corrupt'], 'Fetch', topic, partition)
    if (rule === undefined) return pieces
    const whole = Buffer.concat(pieces)
    const at = Math.min(rule.at ?? whole.length - 1, whole.length - 1)
    whole[at] ^= 0xff
    return [whole]
  }
}
