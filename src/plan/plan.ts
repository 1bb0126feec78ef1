/**
 * The plan: plain data, one closed union. From here on a column is a path in a record or a slot in a row.
 * Rows: below an operator that materializes (Aggregate, Project, Values) expressions refer to a record through `path`
 * references; above it they refer to the operator's row through `slot` references. Nothing here is executed; `engine/`
 * does that.
 */
import type { ScalarFunction } from '../functions/function.ts'
import type { Span } from '../sql/ast.ts'
import type { DataType, Path, Value } from '../types.ts'
import type { Table } from './catalog.ts'
import type { AggregateName, ArithmeticOp, CompareBy, CompareOp } from './operators.ts'

/** A node of a plan, with its inputs below it. */
export type Plan =
  | Scan
  | Values
  | Filter
  | Project
  | Aggregate
  | Sort
  | Limit
  | Join
  | Unnest
  | Latest
  | SetOperation
  | Share
  | Kept
  | Foreign
  | Output

/** Reads one topic. `source` numbers the scans of a statement (0-based). */
export interface Scan {
  readonly kind: 'scan'
  readonly source: number
  readonly table: Table
  /** What the statement calls it. */
  readonly name?: string
  /**
   * The part of WHERE from which offset ranges are derived once the bounds of the partitions are known (see
   * `pushdown`); undefined = everything.
   */
  readonly pushed?: BoundExpr
  /**
   * The whole WHERE, in a lowered plan: the record program tests it, and no filter stands above the scan any more.
   * Whatever stands directly above a lowered scan reads paths straight out of its records.
   */
  readonly where?: BoundExpr
  /** Only this partition can hold the wanted key (`_key = literal` under the default partitioner). */
  readonly keyPartition?: { readonly partition: number; readonly text: string; readonly condition: string }
  /** The plan above counts records and looks at none: batch headers are enough. */
  readonly headersOnly?: boolean
  /** Nothing above depends on the order of records within a partition. */
  readonly unordered?: boolean
  /** The scan goes on with what comes. */
  readonly follow?: true
  /** The most records that are wanted. */
  readonly limit?: number
  /** Something asks whether a record is bad, or why: bad records are rows then, whose damaged key or value is NULL. */
  readonly badRecords?: boolean
  /** Another engine reads the topic, and hands on the records that may be wanted: which part of the plan that is. */
  readonly foreign?: number
  /**
   * Only the newest `rows` rows are wanted, by this field: the scan reads backwards from the ends of the partitions.
   */
  readonly backward?: { readonly by: 'offset' | 'timestamp'; readonly rows: number }
  /**
   * Start and end (exclusive) of every partition, where they were asked for to choose the order of joins; the scan
   * reads up to these ends. With `bounds` undefined they could not be had then, and the scan asks again.
   */
  readonly captured?: {
    readonly bounds: readonly { readonly partition: number; readonly start: number; readonly end: number }[] | undefined
  }
}

/** Constant rows, named by `column` references of this source; `missing`: what they lack, in sentences for the user. */
export interface Values {
  readonly kind: 'values'
  readonly source: number
  readonly title: string
  readonly rows: readonly (readonly Value[])[]
  readonly types: readonly DataType[]
  readonly missing?: readonly string[]
  /** The rows are still to come: those of this query, which is run once for all of its places. */
  readonly of?: OnceQuery
}

/** A WITH query whose rows would differ each time it is run. */
export interface OnceQuery {
  readonly id: number
  /** As WITH calls it. */
  readonly name: string
  /** Its columns, the hidden ones too, are those of the relation. */
  readonly plan: Output
  /** The same as a relation, for the place that is the only one. */
  readonly alone: Plan
}

export interface Filter {
  readonly kind: 'filter'
  readonly input: Plan
  readonly predicate: BoundExpr
}

/** Rows of its columns. With a `source` it is a relation (derived table, WITH, view): `column` references name them. */
export interface Project {
  readonly kind: 'project'
  readonly input: Plan
  readonly source?: number
  /** What the statement calls that relation. */
  readonly name?: string
  readonly columns: readonly { readonly name: string; readonly expr: BoundExpr }[]
}

/** Row: the keys in order, then the aggregates in order. */
export interface Aggregate {
  readonly kind: 'aggregate'
  /** For EXPLAIN: which was taken where a name is both a column and an alias of the SELECT list. */
  readonly taken?: readonly string[]
  readonly input: Plan
  readonly keys: readonly BoundExpr[]
  readonly aggregates: readonly BoundAggregate[]
  /** In a query that follows: the windows that its groups belong to. */
  readonly windows?: WindowKey
}

/** Which key of a grouping is the start of a window of time, and the window's size as it was written (`5m`). */
export interface WindowKey {
  readonly key: number
  readonly size: string
}

/** The rows of its input in order; rows that `by` does not distinguish keep theirs. */
export interface Sort {
  readonly kind: 'sort'
  readonly input: Plan
  readonly by: readonly { readonly expr: BoundExpr; readonly descending: boolean; readonly nullsFirst: boolean }[]
}

/** Rows `skip` to `skip + count` of its input. */
export interface Limit {
  readonly kind: 'limit'
  readonly input: Plan
  readonly skip: number
  readonly count: number
  /** True when the user wrote no LIMIT and the server's cap applies: reaching it is then said in words. */
  readonly implied: boolean
  /** It holds for the rows of each value of this. */
  readonly each?: BoundExpr
}

/** `mark`: each left row, with whether it has a partner. `single`: as `left`; a second partner is an error. */
export type JoinType = 'inner' | 'left' | 'right' | 'full' | 'mark' | 'single'

/** Row: the left side's, then the right side's (NULLs where a side has no partner). The right one is held in memory. */
export interface Join {
  readonly kind: 'join'
  readonly type: JoinType
  readonly left: Plan
  readonly right: Plan
  /** Pairs whose equality is looked up in a hash table, of comparable types. NULL equals nothing. */
  readonly keys: readonly { readonly left: BoundExpr; readonly right: BoundExpr; readonly by: CompareBy }[]
  /** What else must be true, over the joined row. */
  readonly residual?: BoundExpr
  /**
   * Of a mark join: the relation whose only column is the mark. With a `value` it is SQL's `left IN (right, …)` over
   * the partners, NULL included; without one, whether there is a partner.
   */
  readonly mark?: {
    readonly source: number
    readonly value?: { readonly left: BoundExpr; readonly right: BoundExpr; readonly by: CompareBy }
  }
  /** Of a single join: the first partner is taken. */
  readonly first?: boolean
  /** Where the subquery that became a single join stands. */
  readonly span?: Span
}

/** A row for each item of an array; none for an empty or NULL one. Row: the input's, then the item, a relation. */
export interface Unnest {
  readonly kind: 'unnest'
  readonly input: Plan
  readonly source: number
  readonly array: BoundExpr
  readonly name: string
}

/** Of each key of a partition the last record, unless that is a tombstone. Rows: those of its input. */
export interface Latest {
  readonly kind: 'latest'
  readonly input: Plan
  readonly key: BoundExpr
  readonly partition: BoundExpr
  /** Has the record a value? */
  readonly alive: BoundExpr
}

/** All sides have the same number of columns, brought to the same types. EXCEPT and INTERSECT have two. */
export interface SetOperation {
  readonly kind: 'setOperation'
  readonly op: 'union' | 'except' | 'intersect'
  readonly all: boolean
  readonly sides: readonly Plan[]
}

/**
 * Reads its input once and keeps the rows; `body` reads them through `kept` nodes, any number of times and each time
 * the same. Of each of `sets` the different values that the rows have are numbered from 0; values are different when
 * they can be distinguished in any way, so NULL is one and 1 is not 1.0. Row: that of `body`.
 */
export interface Share {
  readonly kind: 'share'
  readonly id: number
  readonly input: Plan
  readonly sets: readonly (readonly BoundExpr[])[]
  readonly body: Plan
}

/**
 * In the body of a share, with `set` undefined: the rows of its input, and behind them for each set the number of the
 * row's values, which are the columns of `source`. With a `set`: the different values of that set, a relation whose
 * columns are the number and the values.
 */
export interface Kept {
  readonly kind: 'kept'
  readonly share: number
  readonly set: number | undefined
  readonly source: number
  /** The relations of the input, where its rows are read. */
  readonly sources: readonly number[]
  /** Number of columns of `source`. */
  readonly columns: number
  /** Number of slots in a row of it, once the plan is lowered. */
  readonly width?: number
}

/** Rows of that part of a lowered plan which another engine runs. Row: values of `types`. */
export interface Foreign {
  readonly kind: 'foreign'
  readonly number: number
  readonly title: string
  readonly types: readonly DataType[]
}

/** The root: turns rows into RECORD frames. */
export interface Output {
  readonly kind: 'output'
  readonly input: Plan
  readonly shape: OutputShape
  /** RECORD metadata accompanies rows that are single records of one source. */
  readonly metadata: boolean
  /**
   * That metadata as expressions, for rows that are not written straight from their record (LATERAL, joins that keep
   * the left row, ORDER BY over them).
   */
  readonly facts?: readonly OutputFact[]
  /**
   * What a bare star leaves out of a record and an enclosing query can still name: `_key`, `_headers`, `_meta.offset` …
   * Looked at by the binder only.
   */
  readonly beside?: readonly OutputColumn[]
}

/** A metadata field: its name in the frame, and what computes it. */
export interface OutputFact {
  readonly name: string
  readonly expr: BoundExpr
}

/** What a RECORD frame is built of. */
export type OutputShape =
  /** `SELECT *` alone: the value as it is, the key beside it. */
  | { readonly kind: 'record'; readonly key: BoundExpr; readonly value: BoundExpr }
  /** An object built from columns; `key` is there when a bare star was among them. */
  | { readonly kind: 'columns'; readonly columns: readonly OutputColumn[]; readonly key?: BoundExpr }
  /** The row's only slot is the whole value (`DROP TABLE` answers a bare `true`). */
  | { readonly kind: 'bare'; readonly value: BoundExpr }

/** A column of the output, one member of its JSON object. */
export interface OutputColumn {
  /** More than one step builds a structure: `AS item.code`. */
  readonly path: readonly string[]
  readonly expr: BoundExpr
  /** The fields of a JSON object of unknown shape are expanded in place of one column (`SELECT *, …` on JSON). */
  readonly spread?: boolean
}

// ---------------------------------------------------------------------------------------------- expressions

/** An expression without names; it has a type, and a place in the statement where it was written there. */
export type BoundExpr =
  | Constant
  | PathRef
  | ColumnRef
  | SlotRef
  | Not
  | Logic
  | Compare
  | Arithmetic
  | Negate
  | NullTest
  | InList
  | LikeMatch
  | CaseExpr
  | CastExpr
  | FunctionExpr
  | ElementOf
  | MemberOf
  | ArrayExpr
  | StructExpr
  | PresenceTest
  | HeaderRef
  | LastOffset
  | Subquery

interface Typed {
  readonly type: DataType
  /** Where it stands in the statement, for run-time errors. */
  readonly span?: Span
}
/**
 * `text` is a numeric literal as written, so that it can still become an exact decimal. `marked`: the value with the
 * marks of whole numbers of the type json that divide as doubles, where it has some.
 */
export interface Constant extends Typed {
  readonly kind: 'constant'
  readonly value: Value
  readonly text?: string
  readonly marked?: Value
}
/** A path in a record of the scan `source`. */
export interface PathRef extends Typed {
  readonly kind: 'path'
  readonly source: number
  readonly path: Path
}
/** A place in a row, 0-based. `name` is for display only. */
export interface SlotRef extends Typed {
  readonly kind: 'slot'
  readonly index: number
  readonly name: string
}
/** A column of a relation that is not a topic; becomes a slot when the plan is lowered. */
export interface ColumnRef extends Typed {
  readonly kind: 'column'
  readonly source: number
  readonly index: number
  readonly name: string
}
export interface Not extends Typed {
  readonly kind: 'not'
  readonly operand: BoundExpr
}
/** The connectives. */
export interface Logic extends Typed {
  readonly kind: 'and' | 'or'
  readonly operands: readonly BoundExpr[]
  /**
   * The operands share one volatile value (`RANDINT() BETWEEN …`), which differs at each evaluation: they must not be
   * separated.
   */
  readonly together?: true
}
/** A comparison; NULL where a side is. */
export interface Compare extends Typed {
  readonly kind: 'compare'
  readonly op: CompareOp
  readonly by: CompareBy
  readonly left: BoundExpr
  readonly right: BoundExpr
}
/**
 * `by`: `integer` is exact (bigint when needed), `double` IEEE, `decimal` exact, `dynamic` decides per row, `date` adds
 * a duration (right is a constant string or a number of ms).
 */
export interface Arithmetic extends Typed {
  readonly kind: 'arithmetic'
  readonly op: ArithmeticOp
  readonly by: 'integer' | 'double' | 'decimal' | 'dynamic' | 'date'
  readonly left: BoundExpr
  readonly right: BoundExpr
}
export interface Negate extends Typed {
  readonly kind: 'negate'
  readonly by: 'integer' | 'double' | 'decimal' | 'dynamic'
  readonly operand: BoundExpr
}
export interface NullTest extends Typed {
  readonly kind: 'isNull'
  readonly operand: BoundExpr
  readonly negated: boolean
}
/** Operand and items are comparable by `by`; items may be any expressions. */
export interface InList extends Typed {
  readonly kind: 'in'
  readonly by: CompareBy
  readonly operand: BoundExpr
  readonly items: readonly BoundExpr[]
  readonly negated: boolean
}
/** Has the text the pattern? */
export interface LikeMatch extends Typed {
  readonly kind: 'like'
  readonly operand: BoundExpr
  readonly pattern: BoundExpr
  readonly negated: boolean
}
export interface CaseExpr extends Typed {
  readonly kind: 'case'
  readonly whens: readonly { readonly when: BoundExpr; readonly then: BoundExpr }[]
  readonly otherwise: BoundExpr
}
/** A value as one of another type. */
export interface CastExpr extends Typed {
  readonly kind: 'cast'
  readonly operand: BoundExpr
  readonly implicit: boolean
}
/** A call of a scalar function; `name` is as typed. */
export interface FunctionExpr extends Typed {
  readonly kind: 'function'
  readonly fn: ScalarFunction
  readonly name: string
  readonly args: readonly BoundExpr[]
}
/** The item of a list at an index, from 0. */
export interface ElementOf extends Typed {
  readonly kind: 'element'
  readonly operand: BoundExpr
  readonly index: BoundExpr
}
/** The field of a structure, or the member of a JSON object, of that name. */
export interface MemberOf extends Typed {
  readonly kind: 'member'
  readonly operand: BoundExpr
  readonly name: string
}
export interface ArrayExpr extends Typed {
  readonly kind: 'array'
  readonly items: readonly BoundExpr[]
}
export interface StructExpr extends Typed {
  readonly kind: 'struct'
  readonly fields: readonly { readonly name: string; readonly value: BoundExpr }[]
}
/** `` `EXISTS`(field) ``: is the path present in the payload, null included. */
export interface PresenceTest extends Typed {
  readonly kind: 'presence'
  readonly source: number
  readonly path: Path
}
/**
 * The last header of a name as a type, or all of that name (`strings`, `blobs`); without a `name` the header names
 * (`keys`), a map of texts with the last header of each name (`map`), or every header with its bytes (`list`).
 */
export interface HeaderRef extends Typed {
  readonly kind: 'header'
  readonly source: number
  readonly name: BoundExpr | undefined
  readonly as: 'string' | 'bytes' | 'int' | 'long' | 'float' | 'double' | 'strings' | 'blobs' | 'keys' | 'map' | 'list'
}
/** Last offset of the current record's partition, as captured at the start of the query. */
export interface LastOffset extends Typed {
  readonly kind: 'lastOffset'
  readonly source: number
}
/**
 * A query inside an expression. One that depends on nothing outside is run first and its answer takes its place; any
 * other becomes a join (`decorrelate`). `scalar`: the value of its one column and row (NULL without a row); `exists`:
 * has it a row; `in`: is the operand among its values, SQL's way with NULL.
 */
export interface Subquery extends Typed {
  readonly kind: 'subquery'
  readonly mode: 'scalar' | 'exists' | 'in'
  readonly plan: Output
  readonly operand?: BoundExpr
  readonly negated: boolean
  /**
   * What it uses of the enclosing query: as its plan names it (`ref`), and as the place where it stands does (`value`).
   * None: it is run first.
   */
  readonly outer: readonly { readonly ref: BoundExpr; readonly value: BoundExpr }[]
}

/** A call of an aggregate. */
export interface BoundAggregate {
  readonly name: AggregateName
  /** Undefined for `count(*)`. */
  readonly arg?: BoundExpr
  /** The N of collect, maxk, topk, … */
  readonly limit: number
  /** Of APPROX_QUANTILE: 0 to 1. */
  readonly quantile?: number
  readonly distinct: boolean
  readonly filter?: BoundExpr
  readonly type: DataType
  /** As written, for EXPLAIN: `count(*)`. */
  readonly text: string
}
