/** The operators and aggregates of a plan by name, and the ways in which values are compared. */

/** The comparisons. */
export type CompareOp = '=' | '!=' | '<' | '<=' | '>' | '>='

/** `by`: how the two sides (already brought to comparable types) are compared. */
export type CompareBy = 'number' | 'decimal' | 'string' | 'boolean' | 'bytes' | 'dynamic'

/** The operators of arithmetic. */
export type ArithmeticOp = '+' | '-' | '*' | '/' | '%'

/** The aggregates by the names that they have in a plan. */
export type AggregateName =
  | 'count'
  | 'sum'
  | 'avg'
  | 'min'
  | 'max'
  | 'first'
  | 'last'
  | 'collect'
  | 'collect_unique'
  | 'maxk'
  | 'mink'
  | 'maxk_unique'
  | 'mink_unique'
  | 'topk'
  | 'bottomk'
  | 'approx_count_distinct'
  | 'approx_quantile'
