/** What is passed along while an expression is bound. */
import type * as ast from '../../../sql/ast.ts'
import type { BoundAggregate, BoundExpr, Output } from '../../plan.ts'
import type { Scope } from '../names/scope.ts'

/** Where aggregate calls of one SELECT go; undefined where none may stand. */
export interface AggregateSink {
  readonly list: BoundAggregate[]
  /** Slot of the first aggregate: the number of group keys. */
  readonly firstSlot: number
}

/** Binds an expression; passed to what binds the arguments of a call. */
export type BindExpr = (e: ast.Expr, c: ExpressionContext) => BoundExpr

/** What an expression can name and hold where it stands. */
export interface ExpressionContext {
  readonly scope: Scope
  readonly aggregates?: AggregateSink
  /** For the message when an aggregate stands where none may: `WHERE`, `GROUP BY`. */
  readonly clause: string
  /** Output columns that may be named here (HAVING, ORDER BY, GROUP BY), asked before the scope. */
  readonly outputs?: (name: string) => BoundExpr | undefined
  /** Called for every name: aliases of the SELECT list that cannot be seen here are refused. */
  readonly refuse?: (e: ast.ColumnRef) => void
  /** The unnested windows of HOP, by the key of their array. */
  readonly windows?: ReadonlyMap<string, BoundExpr>
  /** Queries inside expressions, bound before the expressions are. */
  readonly subqueries: ReadonlyMap<ast.Query, Output>
}
