/**
 * The one registry of functions: name, signature, documentation and implementation. SHOW FUNCTIONS, error hints,
 * `docs/functions.md` and completion all come from here; the binder resolves calls here. One file per family adds its
 * rows; this file only holds the shape.
 */
import type { DataType, Value } from '../types.ts'

/** What an argument accepts, for the type check and its message. `any` takes everything. */
export type Accept =
  | 'any'
  | 'string'
  | 'number'
  | 'integer'
  | 'boolean'
  | 'array'
  | 'datetime'
  | 'bytes'
  | 'json'
  | 'constant-string'

/** A parameter of a function, as its signature shows it. */
export interface Parameter {
  readonly name: string
  readonly accept: Accept
  readonly optional?: boolean
  /** The last parameter may repeat. */
  readonly variadic?: boolean
}

/** What a function may ask of the query that it runs in. All of it is fixed when the query starts. */
export interface FunctionContext {
  /** Start of the query, epoch milliseconds: NOW() is constant within a query. */
  readonly nowMs: number
  /** What `=` says of two values that are not NULL, of whatever kinds: numbers by value, structures by their members. */
  readonly equal: (a: Value, b: Value) => boolean
  /** How a part of a JSON text becomes a value. */
  readonly read: (text: string, from: number, to: number) => Value
}

/** A function of values of one row: signature, documentation and implementation. */
export interface ScalarFunction {
  readonly kind: 'scalar'
  /** Lower case, as SHOW FUNCTIONS lists it. */
  readonly name: string
  readonly aliases?: readonly string[]
  readonly family:
    | 'array'
    | 'conditional'
    | 'conversion'
    | 'datetime'
    | 'headers'
    | 'json'
    | 'null'
    | 'numeric'
    | 'obfuscation'
    | 'schema'
    | 'string'
    | 'offsets'
  readonly parameters: readonly Parameter[]
  /** One sentence. */
  readonly description: string
  readonly examples: readonly { readonly sql: string; readonly result: string }[]
  /**
   * Result type from argument types (after `any` JSON arguments are allowed through everywhere). May throw an Error
   * with a sentence: it becomes the SqlError.
   */
  readonly returns: (args: readonly DataType[]) => DataType
  /**
   * The implementation, called with run-time values (types.ts). By default it is not called when an argument is null:
   * the result is null then.
   * `nullable: true` has it called anyway. It may throw `ValueError` for values that it cannot take.
   * `types` are the bound argument types (to tell a timestamp's unit, a double from a long).
   */
  readonly nullable?: boolean
  readonly make: (types: readonly DataType[], context: FunctionContext) => (...args: Value[]) => Value
  /** Of a function that gives its first argument that is not null: the others are not computed. */
  readonly firstGiven?: true
  /**
   * The binder does not call `make` with the written arguments: the call reaches into the record (headers, presence,
   * offsets) or is syntax (CAST).
   */
  readonly special?: boolean
  /**
   * Of a function that gives dynamic numbers: when is a whole result a double (`3.0`), which divides as one? When it is
   * an argument, or a part of one, that was one (`itself`: arguments are handed on without being looked at), when the
   * first argument was one, or when any was. `element`: a part of the first argument. Absent: never.
   */
  readonly double?: 'itself' | 'first' | 'any' | 'element'
  /** What SHOW FUNCTIONS prints as `return_type` where the type depends on the arguments. */
  readonly returnText?: string
  /** A statement that shows the use; for the documentation only, where a bare expression would say nothing. */
  readonly usage?: string
  /** False for random functions and the like: no constant folding. Default true. */
  readonly deterministic?: boolean
}

/** A row of SHOW FUNCTIONS and of the documentation for an aggregate; the binder and the engine implement it. */
export interface AggregateDoc {
  readonly name: string
  readonly aliases?: readonly string[]
  readonly signature: string
  readonly description: string
  readonly returns: string
}

/**
 * Thrown by functions and casts for a value that they cannot take; ends the query with an SqlError VALUE that names the
 * call.
 */
export class ValueError extends Error {
  /** `sentence` gets its full stop when it has none. */
  constructor(sentence: string) {
    super(/[.!?]$/.test(sentence) ? sentence : `${sentence}.`)
  }
}
