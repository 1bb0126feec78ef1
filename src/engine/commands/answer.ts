/** The answers of statements that change something, as the clients expect them: one row of `flag` and `info`, or (DROP TABLE) the bare value true. */
import type { Output } from '../../plan/plan.ts'
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
