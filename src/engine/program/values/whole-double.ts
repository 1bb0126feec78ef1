/**
 * The mark of whole numbers that JSON texts write as doubles, and how values get it and lose it. What computes with
 * marked values is in `marked.ts`.
 */
import { doubleText } from '../../../lib/text/number-text.ts'
import type { Value } from '../../../types.ts'

/**
 * A whole number of JSON that was written as a double (`3.0`, `1e3`): the number alone does not show it, and in
 * arithmetic it makes the difference between `3.0 / 2` and `3 / 2`. It exists only in statements that divide JSON
 * values (`EvaluationContext.doubles`), and there only between a field and an arithmetic operator, also as a part of
 * lists and structures; every other consumer of a value gets the plain number.
 */
export class WholeDouble {
  readonly n: number
  constructor(n: number) {
    this.n = n
  }
  /** As JSON writes it: a list that becomes JSON text on its way to arithmetic still says what is a double. */
  toString(): string {
    return doubleText(this.n)
  }
}

/**
 * The number with the mark. Typed as a value, as it passes where values pass; only code that knows marks may read it.
 */
export function asWholeDouble(n: number): Value {
  return new WholeDouble(n) as unknown as Value
}

/** The value without its mark. */
export function plain(v: Value): Value {
  return (v as unknown) instanceof WholeDouble ? (v as unknown as WholeDouble).n : v
}

/** The value without its mark, and without those of its parts; the same one where there are none. */
export function unmarked(v: Value): Value {
  if (typeof v !== 'object' || v === null) return v
  if (Array.isArray(v)) {
    let items: Value[] | undefined
    for (let i = 0; i < v.length; i++) {
      const item = unmarked(v[i])
      if (item !== v[i]) (items ??= [...v])[i] = item
    }
    return items ?? v
  }
  if (!(v instanceof Map)) return plain(v)
  let members: Map<string, Value> | undefined
  for (const [name, member] of v) {
    const own = unmarked(member)
    if (own !== member) (members ??= new Map(v)).set(name, own)
  }
  return members ?? v
}

/** Whether the value has the mark. */
export function isWholeDouble(v: Value): boolean {
  return (v as unknown) instanceof WholeDouble
}
