/**
 * The syntax tree: what the user wrote, node by node, every node with its span. It knows no topic, no type and no
 * value; names are kept as written (BETWEEN stays BETWEEN, `a.b.c` stays a dotted path) and are resolved by
 * `plan/bind`.
 */

/** UTF-16 offsets into the text of the request, end exclusive. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** One identifier. `quoted` is true for a back-ticked one. */
export interface Name {
  readonly text: string
  readonly quoted: boolean
  readonly span: Span
}

// ---------------------------------------------------------------------------------------------- expressions

/** An expression as written. Every node has its place in the text. */
export type Expr =
  | NullLiteral
  | BooleanLiteral
  | NumberLiteral
  | StringLiteral
  | ArrayLiteral
  | StructLiteral
  | ColumnRef
  | Index
  | Member
  | Unary
  | Binary
  | Between
  | In
  | Like
  | IsNull
  | IsTruth
  | IsDistinct
  | Case
  | Cast
  | Call
  | Exists
  | ScalarSubquery
  | Moment

/** `NULL`. */
export interface NullLiteral {
  readonly kind: 'null'
  readonly span: Span
}
/** `TRUE` or `FALSE`. */
export interface BooleanLiteral {
  readonly kind: 'boolean'
  readonly value: boolean
  readonly span: Span
}
/** `text` is the number as typed, without a sign: `12`, `1.50`, `2e3`, `.5`. */
export interface NumberLiteral {
  readonly kind: 'number'
  readonly text: string
  readonly span: Span
}
/** Both `'x'` and `"x"` are strings; `value` has its escapes resolved (doubled quotes, backslashes). */
export interface StringLiteral {
  readonly kind: 'string'
  readonly value: string
  readonly span: Span
}
/** `[a, b]`; at least one item. */
export interface ArrayLiteral {
  readonly kind: 'array'
  readonly items: readonly Expr[]
  readonly span: Span
}
/** `{a: 1, b: x}` or `{1 AS a, x AS b}`; both spell the same struct. */
export interface StructLiteral {
  readonly kind: 'struct'
  readonly fields: readonly { readonly name: Name; readonly value: Expr }[]
  readonly span: Span
}
/** A dotted path as written: `a.b.c`, `_key.id`, `t._meta.offset`. At least one part. */
export interface ColumnRef {
  readonly kind: 'column'
  readonly parts: readonly Name[]
  readonly span: Span
}
/** `base[index]`: an element of an array or a member of a map. */
export interface Index {
  readonly kind: 'index'
  readonly base: Expr
  readonly index: Expr
  readonly span: Span
}
/** `.name` after something that is not a plain path: `lines[0].sku`, `(x).y`. */
export interface Member {
  readonly kind: 'member'
  readonly base: Expr
  readonly name: Name
  readonly span: Span
}
/** `-x`, `+x`, `NOT x`. */
export interface Unary {
  readonly kind: 'unary'
  readonly op: '-' | '+' | 'not'
  readonly operand: Expr
  readonly span: Span
}
/** Operators with two operands; how tightly each binds is in `precedence.ts`. */
export type BinaryOp = 'or' | 'and' | '=' | '!=' | '<' | '<=' | '>' | '>=' | '+' | '-' | '*' | '/' | '%' | '||'
/** `<>` and `!=` are one operator. `opSpan` is where the operator stands. */
export interface Binary {
  readonly kind: 'binary'
  readonly op: BinaryOp
  readonly left: Expr
  readonly right: Expr
  readonly opSpan: Span
  readonly span: Span
}
/** `operand [NOT] BETWEEN low AND high`, both ends included. */
export interface Between {
  readonly kind: 'between'
  readonly operand: Expr
  readonly low: Expr
  readonly high: Expr
  readonly negated: boolean
  readonly span: Span
}
/** Exactly one of `items` and `query` is there. */
export interface In {
  readonly kind: 'in'
  readonly operand: Expr
  readonly items?: readonly Expr[]
  readonly query?: Query
  readonly negated: boolean
  readonly span: Span
}
/** `operand [NOT] LIKE pattern`. */
export interface Like {
  readonly kind: 'like'
  readonly operand: Expr
  readonly pattern: Expr
  readonly negated: boolean
  readonly span: Span
}
/** `operand IS [NOT] NULL`. */
export interface IsNull {
  readonly kind: 'isNull'
  readonly operand: Expr
  readonly negated: boolean
  readonly span: Span
}
/** `x IS [NOT] TRUE | FALSE | UNKNOWN`: never NULL. */
export interface IsTruth {
  readonly kind: 'isTruth'
  readonly operand: Expr
  readonly truth: 'true' | 'false' | 'unknown'
  readonly negated: boolean
  readonly span: Span
}
/** `x IS [NOT] DISTINCT FROM y`: whether they differ, where NULL is a value like others. Never NULL. */
export interface IsDistinct {
  readonly kind: 'isDistinct'
  readonly operand: Expr
  readonly from: Expr
  readonly negated: boolean
  readonly span: Span
}
/** Searched CASE has no `operand`. */
export interface Case {
  readonly kind: 'case'
  readonly operand?: Expr
  readonly whens: readonly { readonly when: Expr; readonly then: Expr }[]
  readonly otherwise?: Expr
  readonly span: Span
}
/** `CAST(operand AS type)`; also `DATE '2024-03-09'`. */
export interface Cast {
  readonly kind: 'cast'
  readonly operand: Expr
  readonly type: TypeName
  readonly span: Span
}
/** `star` is true for `count(*)`. `POSITION('x' IN f)` parses as a call of `position` with two arguments ('x', f). */
export interface Call {
  readonly kind: 'call'
  readonly name: Name
  readonly args: readonly Expr[]
  readonly star: boolean
  readonly distinct: boolean
  /** `SUM(ALL x)`: the same as without. */
  readonly all?: boolean
  readonly filter?: Expr
  readonly span: Span
}
/** `EXISTS (SELECT …)`; the function `` `EXISTS`(field) `` is a Call. */
export interface Exists {
  readonly kind: 'exists'
  readonly query: Query
  readonly span: Span
}
/** `(SELECT …)` in place of a value. */
export interface ScalarSubquery {
  readonly kind: 'subquery'
  readonly query: Query
  readonly span: Span
}

/** `CURRENT_TIMESTAMP` and its like. `word` is as typed; the words are those of `MOMENTS`. */
export interface Moment {
  readonly kind: 'moment'
  readonly word: string
  readonly span: Span
}

/**
 * A type as written; `arrayDepth` counts trailing `[]`. `name` is lower case; `text` is an alias of `string`, `bigint`
 * of `long`, `integer` of `int`.
 */
export interface TypeName {
  readonly name: string
  readonly precision?: number
  readonly scale?: number
  readonly arrayDepth: number
  readonly span: Span
}

// ---------------------------------------------------------------------------------------------- queries

/** `WITH … body ORDER BY … LIMIT …`; `with` in the order of the text. */
export interface Query {
  readonly kind: 'query'
  readonly with: readonly { readonly name: Name; readonly query: Query }[]
  readonly body: QueryBody
  readonly orderBy: readonly OrderItem[]
  readonly limit?: Limit
  readonly span: Span
}
/** `skip` comes from `LIMIT skip, n` or from `OFFSET skip`. `count` is absent for a bare OFFSET. */
export interface Limit {
  readonly skip: number
  readonly count?: number
  readonly span: Span
}
/** One item of ORDER BY; `nulls` where NULLS FIRST or NULLS LAST was written. */
export interface OrderItem {
  readonly expr: Expr
  readonly descending: boolean
  readonly nulls?: 'first' | 'last'
  readonly span: Span
}
/** What stands between WITH and ORDER BY; a query there stood in parentheses. */
export type QueryBody = Select | SetOperation | Query
/** `left UNION | EXCEPT | INTERSECT [ALL] right`; chains are left-deep. */
export interface SetOperation {
  readonly kind: 'setOperation'
  readonly op: 'union' | 'except' | 'intersect'
  readonly all: boolean
  readonly left: QueryBody
  readonly right: QueryBody
  readonly span: Span
}
/** One SELECT with its clauses. */
export interface Select {
  readonly kind: 'select'
  readonly distinct: boolean
  readonly items: readonly SelectItem[]
  /** Absent only where the text has no FROM; the binder decides what that means. */
  readonly from?: From
  readonly where?: Expr
  readonly groupBy: readonly Expr[]
  readonly having?: Expr
  readonly span: Span
}
/** One item of a SELECT list. */
export type SelectItem =
  /** `*`, `t.*`, `_meta.*`, `a.b.*`: `path` is what stands before `.*`, empty for a bare star. */
  | { readonly kind: 'star'; readonly path: readonly Name[]; readonly span: Span }
  /** `alias` is a path: `AS item.code` builds a structure. */
  | { readonly kind: 'expr'; readonly expr: Expr; readonly alias?: readonly Name[]; readonly span: Span }
/** What FROM holds: one source, or sources joined into one tree. */
export type From = TableRef | DerivedTable | Join | Lateral
/**
 * `name` joins the parts as written (`orders.v1`, `users-topic`); `quoted` if it was one back-ticked name. `latest`:
 * `LATEST(name)`, the last record of each key.
 */
export interface TableRef {
  readonly kind: 'table'
  readonly name: Name
  readonly latest?: true
  readonly alias?: Name
  readonly span: Span
}
/** `(SELECT …) AS alias`. */
export interface DerivedTable {
  readonly kind: 'derived'
  readonly query: Query
  readonly alias?: Name
  readonly span: Span
}
/** `left JOIN right ON on`; a comma is a cross join. */
export interface Join {
  readonly kind: 'join'
  readonly type: 'inner' | 'left' | 'right' | 'full' | 'cross'
  readonly left: From
  readonly right: From
  readonly on?: Expr
  readonly span: Span
}
/** `input LATERAL array AS alias`: a row for each item of the array. */
export interface Lateral {
  readonly kind: 'lateral'
  readonly input: From
  readonly array: Expr
  readonly alias: Name
  readonly span: Span
}

// ---------------------------------------------------------------------------------------------- statements

/** A statement as written. */
export type Statement =
  | SetStatement
  | UseStatement
  | SelectStatement
  | ExplainStatement
  | InsertStatement
  | CreateTable
  | CreateView
  | CreateSynonym
  | DropStatement
  | TruncateStatement
  | DeleteStatement
  | ShowStatement
  | DescribeStatement
  | KillStatement

/**
 * `name` as typed, dots included; `value` is the raw text of a bare token (`30s`, `true`, `5`) or the content of a
 * quoted one.
 */
export interface SetStatement {
  readonly kind: 'set'
  readonly name: string
  readonly nameSpan: Span
  readonly value: string
  readonly valueSpan: Span
  readonly span: Span
}
/** `USE name`. */
export interface UseStatement {
  readonly kind: 'use'
  readonly name: Name
  readonly span: Span
}
/** A query as a statement. */
export interface SelectStatement {
  readonly kind: 'selectStatement'
  readonly query: Query
  readonly span: Span
}
/** `EXPLAIN [CODE | FLINK [STREAMING]] statement`. */
export interface ExplainStatement {
  readonly kind: 'explain'
  readonly code: boolean
  /** The statements for Apache Flink: as a query that ends, or as a job that goes on. */
  readonly flink?: 'batch' | 'streaming'
  readonly statement: Statement
  readonly span: Span
}
/** A target is `_key`, `_value`, `_key.a`, `a.b`, `_headers.x`. Exactly one of `rows` and `query`. */
export interface InsertStatement {
  readonly kind: 'insert'
  readonly table: Name
  readonly targets?: readonly (readonly Name[])[]
  readonly rows?: readonly (readonly Expr[])[]
  readonly query?: Query
  readonly span: Span
}
/** `nullable`: NULL was written behind the type; without it, and with NOT NULL, the column is required. */
export interface ColumnDefinition {
  readonly path: readonly Name[]
  readonly type: TypeName
  readonly nullable: boolean
  readonly span: Span
}
/** `CREATE TABLE name (columns) FORMAT (key, value) PROPERTIES (…)`. */
export interface CreateTable {
  readonly kind: 'createTable'
  readonly name: Name
  readonly ifNotExists: boolean
  readonly columns: readonly ColumnDefinition[]
  readonly keyFormat: Name
  readonly valueFormat: Name
  readonly properties: readonly { readonly name: string; readonly value: string; readonly span: Span }[]
  readonly span: Span
}
/** `text` is the SELECT as written. */
export interface CreateView {
  readonly kind: 'createView'
  readonly name: Name
  readonly query: Query
  readonly text: string
  readonly span: Span
}
/** `CREATE SYNONYM name FOR target`. */
export interface CreateSynonym {
  readonly kind: 'createSynonym'
  readonly name: Name
  readonly target: Name
  readonly span: Span
}
/** `DROP TABLE | VIEW | SYNONYM [IF EXISTS] name`. */
export interface DropStatement {
  readonly kind: 'drop'
  readonly what: 'table' | 'view' | 'synonym'
  readonly name: Name
  readonly ifExists: boolean
  readonly span: Span
}
/** `TRUNCATE [TABLE] table`. */
export interface TruncateStatement {
  readonly kind: 'truncate'
  readonly table: Name
  readonly span: Span
}
/** `DELETE FROM table [WHERE where]`. */
export interface DeleteStatement {
  readonly kind: 'delete'
  readonly table: Name
  readonly where?: Expr
  readonly span: Span
}
/** What SHOW can list. */
export type ShowWhat =
  | 'tables'
  | 'table types'
  | 'virtual tables'
  | 'functions'
  | 'views'
  | 'view'
  | 'synonyms'
  | 'queries'
  | 'all queries'
  | 'settings'
  | 'create table'
/** `SHOW what [name] [LIKE …]`; `name` with `view` and `create table` only. */
export interface ShowStatement {
  readonly kind: 'show'
  readonly what: ShowWhat
  readonly name?: Name
  /** Only rows whose first column is like it. */
  readonly like?: string
  readonly span: Span
}
/** `DESCRIBE [FORMATTED] table`. */
export interface DescribeStatement {
  readonly kind: 'describe'
  readonly formatted: boolean
  readonly table: Name
  readonly span: Span
}
/** `KILL QUERY id`. */
export interface KillStatement {
  readonly kind: 'kill'
  readonly id: string
  readonly span: Span
}
