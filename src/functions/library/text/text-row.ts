/** The usual shapes of functions of text: from a text, from a text and a count, from two texts. */
import type { DataType, Value } from '../../../types.ts'
import { STRING } from '../../../types.ts'
import { checkString, define, toCount } from '../../define.ts'
import type { Parameter, ScalarFunction } from '../../function.ts'

export type Count = number | bigint

export const TEXT: Parameter = { name: 'text', accept: 'string' }

const COUNT: Parameter = { name: 'count', accept: 'integer' }

export interface TextRow {
  readonly name: string
  readonly aliases?: readonly string[]
  readonly description: string
  readonly examples: ScalarFunction['examples']
}

export function textToText(row: TextRow, call: (text: string) => string): ScalarFunction {
  const what = row.name.toUpperCase()
  return define({
    ...row,
    family: 'string',
    parameters: [TEXT],
    returns: () => STRING,
    make: () => (text: string) => checkString(call(text), what),
  })
}

export function textAndCount(row: TextRow, call: (text: string, count: number) => string): ScalarFunction {
  return define({
    ...row,
    family: 'string',
    parameters: [TEXT, COUNT],
    returns: () => STRING,
    make: () => (text: string, count: Count) => call(text, toCount(count)),
  })
}

export function textAndText(
  row: TextRow,
  second: string,
  returns: DataType,
  call: (text: string, other: string) => Value,
): ScalarFunction {
  return define({
    ...row,
    family: 'string',
    parameters: [TEXT, { name: second, accept: 'string' }],
    returns: () => returns,
    make: () => call,
  })
}
