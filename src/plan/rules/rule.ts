/** What a rule of the optimizer is. Types only: the list of the rules is in `optimize`. */
import type { BoundExpr, Plan } from '../plan.ts'

/** What rules may ask for besides the plan. */
export interface OptimizeContext {
  /** Computes an expression that depends on no record: the one evaluator of the engine. */
  readonly evaluate: (expr: BoundExpr) => BoundExpr
  /** `optimize.kafka.partition`. */
  readonly keyPartitions: boolean
}

/** One step of the optimizer; `name` is how it is distinguished from the others. */
export interface Rule {
  readonly name: string
  /** Cannot be switched off. */
  readonly always?: true
  readonly apply: (plan: Plan, context: OptimizeContext) => Plan
}
