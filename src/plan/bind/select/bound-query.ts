/** What binding a query gives. */
import type { ExpressionContext } from '../expressions/expression-context.ts'
import type { Output, Plan } from '../../plan.ts'
import type { RowRelation } from '../names/relation.ts'
import type { SortKeys } from './order-by.ts'

/** Queries inside expressions, with their plans. */
export type Subqueries = ExpressionContext['subqueries']

/** For expressions that hold no query. */
export const NO_SUBQUERIES: Subqueries = new Map()

/** A query's result and how it is ordered; both refer to what `output.input` reads. */
export interface Bound {
  readonly output: Output
  readonly orders: SortKeys
}

/** A plan and the names of what it gives. */
export interface BoundRelation {
  readonly plan: Plan
  readonly relation: RowRelation
}
