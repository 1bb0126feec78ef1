/**
 * What the engine asks of its host (a session on a socket, a test in memory) and what it tells the host when a request
 * is over. Types only.
 */
import type { RenderOptions } from '../formats/format.ts'
import type { KafkaLog } from '../kafka/log.ts'
import type { Administration } from '../plan/administration.ts'
import type { Catalog, Table } from '../plan/catalog.ts'
import type { Output, Scan } from '../plan/plan.ts'
import type { Maxima, Settings } from '../plan/settings.ts'
import type { SentinelReason } from '../protocol/frames.ts'
import { SqlError } from '../sql/error.ts'
import type { DataType, Value } from '../types.ts'
import type { ExchangePort } from './exchange/port.ts'
import type { QueryRegister } from './queries.ts'
import type { RowShape } from './row-shape.ts'
import type { ScanRanges } from './scan/ranges.ts'
import type { Statistics } from './statistics.ts'
import type { StageReport, Stages } from './stages/stages.ts'
import type { Target } from './write/targets.ts'

/** Where frames go. The session implements it on a socket, tests implement it as an array. */
export interface FrameSink {
  /** Queues one frame, the whole JSON text of it. */
  send(frame: string): void
  /**
   * undefined while the reader keeps up; else a promise that resolves when there is room again (and rejects never: an
   * abort comes through the signal).
   */
  drained(): Promise<void> | undefined
  /** Called once before the first frame of each statement that has a result. */
  rows?(shape: RowShape): void
  /** Takes the rows of the only result as values; no RECORD frame is made then. */
  readonly target?: RowTarget
}

/** A column of a result whose rows are taken as values. */
export interface ResultColumn {
  /** More than one step: a structure is made of the columns that share the first ones. */
  readonly path: readonly string[]
  readonly type: DataType
  /** The value is a JSON object of unknown shape, whose members stand for columns of their own. */
  readonly spread: boolean
}

/** Takes the rows of a result as values (see `types.ts`), one for each column. */
export interface RowTarget {
  /** Called once, before the first row. Throws a SqlError for columns that it cannot take. */
  begin(columns: readonly ResultColumn[], render: RenderOptions): void
  /** Throws a SqlError for a value that it cannot take. */
  row(row: readonly Value[]): void
}

/**
 * Defaults of the settings that SET can change, from the server's configuration: names as in the reference, section 5;
 * sizes in bytes, times in ms.
 */
export type SettingDefaults = Readonly<Record<string, number | boolean | string>>

/** Another engine, which statements can be handed over to. */
export interface OtherEngine {
  /**
   * The plan with the parts that the other engine runs taken out of it; undefined where the settings leave the statement
   * here. Rejects with a SqlError that names the reason where all of it was wanted there and cannot be.
   */
  handOver(plan: Output, context: HandOverContext): Promise<HandedOver | undefined>
  /**
   * The statements for that engine, as lines of text to take away, for a lowered plan. `into`: as a job that goes on with
   * what comes and writes it into that topic. Rejects as `handOver`.
   */
  explain(plan: Output, context: HandOverContext, into?: WrittenTo): Promise<readonly string[]>
}

/** Where an INSERT writes to: for each column of its SELECT what it is there. */
export interface WrittenTo {
  readonly table: Table
  readonly targets: readonly Target[]
}

/** Another engine gives a statement back: for a value that it computes otherwise, or a fault of its own. */
export class GivenBackError extends SqlError {
  constructor(message: string) {
    super('VALUE', message)
  }
}

/** What a statement is handed over with. */
export interface HandOverContext {
  readonly settings: Settings
  readonly statistics: Statistics
  readonly log: KafkaLog
  readonly signal: AbortSignal
  /** The offsets that a scan reads, as they are now. */
  readonly ranges: (scan: Scan) => Promise<ScanRanges>
  /** Bytes that a record of those takes as it is stored, from a few of them; undefined where there is none. */
  readonly bytesPerRecord: (scan: Scan, ranges: ScanRanges) => Promise<number | undefined>
  /** JSON numbers are divided: whether each was written as a whole number counts. */
  readonly dividesJson: boolean
  /** Somebody around the plan divides: its rows keep the marks of such numbers, whatever the plan does with them. */
  readonly keepsMarks: boolean
  /** Milliseconds of `Clock.monotonic` at which the statement has to be over. */
  readonly deadline: number
  /** Where stages are noted, if somebody wants a trace. */
  readonly stages?: Stages
}

/** A statement of which another engine runs some parts. Each part is read once. */
export interface HandedOver {
  readonly plan: Output
  /** The rows of a foreign node, in chunks. */
  rows(part: number): AsyncIterable<readonly (readonly Value[])[]>
  /** The log that a scan with a part of its own reads. */
  log(part: number): KafkaLog
  /** Topics of whose records some may have been passed over uncounted, as they cannot be read. */
  readonly uncounted: readonly string[]
  /** Of parts that have ended: what was deleted there while they ran, perhaps before it was read. */
  readonly lost: readonly SentinelReason[]
  /** Ends what runs there. Never rejects. */
  close(): Promise<void>
}

/** What the statements of a request may use: the host gives it for each request, as the account may see it. */
export interface QueryEnvironment {
  readonly catalog: Catalog
  readonly log: KafkaLog
  /** Another engine of the environment. */
  readonly other?: OtherEngine
  /** What the account may change; without it nothing can be. */
  readonly administration?: Administration
  /** Where the request is entered while it runs, and as whose. */
  readonly queries?: {
    readonly registry: QueryRegister
    /** As it is shown. */
    readonly user: string
    /** What tells the account from others: users and service accounts may have the same name. */
    readonly account: string
    readonly environment: string
  }
  readonly defaults?: SettingDefaults
  /** What SET may reach at most. */
  readonly maxima?: Maxima
  /** Called as each statement begins, with the processor time that it may use, in milliseconds. */
  readonly processor?: (limitMs: number) => void
  /** Connections to further threads, at most so many, that read parts of a topic for a query of this one. */
  readonly helpers?: (most: number, which: 'any' | 'idle') => Promise<readonly ExchangePort[]>
  /** Called when such a thread has used so many milliseconds of processor time more for the statement at hand. */
  readonly helped?: (processorMs: number) => void
  /** As `Helpers.aloneMs` of a scan. */
  readonly aloneMs?: number
  /**
   * The largest RECORD frame, in bytes, and the limit that says so; without it `server.max.frame.bytes` by its default.
   */
  readonly maxFrame?: MaxFrame
  /**
   * `SET format.timestamp = false` makes a number of `metadata.timestamp`, too: for clients that cannot read a text
   * there.
   */
  readonly metadataFollowsFormat?: boolean
  /** Whether the summary of the request says how long its stages took. */
  readonly traced?: boolean
  /** Epoch milliseconds; NOW() is this at the start of the request. */
  readonly now?: () => number
  /**
   * Rules of the optimizer that are switched off, by name; `all`: plans run as bound. For tests of its promise that
   * rows never change.
   */
  readonly rulesOff?: ReadonlySet<string> | 'all'
}

/** The size limit of one frame: `name` as in the error, `bytes` of its UTF-8 text. */
export interface MaxFrame {
  readonly name: string
  readonly bytes: number
}

/** What a finished (or stopped) request did; for logs and metrics. */
export interface RunSummary {
  readonly id: string
  readonly outcome: 'end' | 'error' | 'cancelled'
  /** The text of the ERROR frame that was sent; of a cancelled one, who ended it and why, where that is known. */
  readonly error?: string
  /** Of an error in the statement or its data: one of `SQL_ERROR_CODES`. */
  readonly errorCode?: string
  readonly results: number
  readonly recordsScanned: number
  readonly bytesRead: number
  readonly badRecords: number
  readonly durationMs: number
  /** Where the host asked for it. */
  readonly stages?: StageReport
}
