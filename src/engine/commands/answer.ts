/**
 * The answers of statements that change something, as the clients expect them: one row of `flag` and `info`, or (DROP
 * TABLE) the bare value true.
 */
import type { BoundExpr, Output } from '../../plan/plan.ts'
import { rowsOutput } from '../../plan/bind/show.ts'
import { BOOLEAN, STRING } from '../../types.ts'

/** `info` is a sentence without a full stop, as the documentation shows it. */
export function flagAndInfo(title: string, info: string): Output {
  return rowsOutput(title, ['flag', 'info'], [[true, info]], [BOOLEAN, STRING])
}

/** `data.value` is true and nothing else. */
export function bareTrue(title: string): Output {
  return {
    kind: 'output',
    metadata: false,
    input: { kind: 'values', source: 0, title, rows: [[true]], types: [BOOLEAN] },
    shape: { kind: 'bare', value: { kind: 'slot', index: 0, name: 'value', type: BOOLEAN } },
  }
}

/** SHOW … LIKE: of rows that are there already, those whose first column is like the pattern. */
export function firstColumnLike(plan: Output, like: string): Output {
  const operand: BoundExpr = { kind: 'slot', index: 0, name: 'name', type: STRING }
  const pattern: BoundExpr = { kind: 'constant', value: like, type: STRING }
  return {
    ...plan,
    input: {
      kind: 'filter',
      input: plan.input,
      predicate: { kind: 'like', operand, pattern, negated: false, type: BOOLEAN },
    },
  }
}
