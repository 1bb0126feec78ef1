/**
 * Random expressions of a wanted type over the columns in sight, in the part of the dialect that standard SQL has too.
 * Every node's type is kept beside it, so that the printer for the other database and the shrinker know it. Queries are
 * made in random-queries.ts.
 */
import type { BinaryOp, Expr, Name, TypeName } from '../../src/sql/ast.ts'
import { DOUBLES, type Random, randomDay, randomMs, SMALLS, TEXTS, type Ty } from './random-tables.ts'

const NOWHERE = { start: 0, end: 0 }
const types = new WeakMap<Expr, Ty>()

/** Remembers what type an expression was made to have. */
export function typed<E extends Expr>(expr: E, type: Ty): E {
  types.set(expr, type)
  return expr
}
export function typeOf(expr: Expr): Ty | undefined {
  return types.get(expr)
}

export function nameOf(text: string): Name {
  return { text, quoted: false, span: NOWHERE }
}
export function column(path: readonly string[], type: Ty): Expr {
  return typed({ kind: 'column', parts: path.map(nameOf), span: NOWHERE }, type)
}
function number(value: number | bigint, type: Ty): Expr {
  const digits = String(value).replace('-', '')
  const text = type === 'double' && !digits.includes('.') ? `${digits}.0` : digits
  const literal = typed({ kind: 'number', text, span: NOWHERE }, type)
  return value < 0 ? typed({ kind: 'unary', op: '-', operand: literal, span: NOWHERE }, type) : literal
}
function text(value: string, type: Ty): Expr {
  return typed({ kind: 'string', value, span: NOWHERE }, type)
}
export function nullOf(type: Ty): Expr {
  return typed({ kind: 'null', span: NOWHERE }, type)
}
export function call(
  name: string,
  args: readonly Expr[],
  type: Ty,
  more: { distinct?: boolean; filter?: Expr; star?: boolean } = {},
): Expr {
  return typed(
    {
      kind: 'call',
      name: nameOf(name),
      args,
      star: more.star ?? false,
      distinct: more.distinct ?? false,
      filter: more.filter,
      span: NOWHERE,
    },
    type,
  )
}
export function cast(operand: Expr, to: string, type: Ty): Expr {
  const name: TypeName = { name: to, arrayDepth: 0, span: NOWHERE }
  return typed({ kind: 'cast', operand, type: name, span: NOWHERE }, type)
}
export function binary(op: BinaryOp, left: Expr, right: Expr, type: Ty): Expr {
  return typed({ kind: 'binary', op, left, right, opSpan: NOWHERE, span: NOWHERE }, type)
}

/** What expressions can be made of. */
export interface Sight {
  /** A random column (or group key, or aggregate) of the type; undefined where there is none. */
  leaf(type: Ty): Expr | undefined
  /** A random condition with a query in it; undefined where none may stand. */
  condition?(depth: number): Expr | undefined
  /** A random query as a value. */
  scalar?(type: Ty, depth: number): Expr | undefined
}

export const COMPARABLE: readonly Ty[] = [
  'small',
  'small',
  'long',
  'double',
  'string',
  'string',
  'boolean',
  'timestamp',
  'date',
  'decimal',
]
export const LISTED: readonly Ty[] = [
  'small',
  'small',
  'long',
  'double',
  'string',
  'string',
  'boolean',
  'timestamp',
  'date',
  'decimal',
]

export function literal(type: Ty, random: Random): Expr {
  switch (type) {
    case 'small':
      return number(random.pick(SMALLS), type)
    case 'long':
      return number(random.pick([0n, 1n, -2n, 9007199254740993n, 9223372036854775807n, -9007199254740993n]), type)
    case 'double':
      return number(random.pick(DOUBLES), type)
    case 'decimal':
      return cast(text(random.pick(['0', '1.25', '-2.5', '10.00', '0.10']), 'string'), 'decimal', type)
    case 'string':
      return text(random.pick(TEXTS), type)
    case 'boolean':
      return typed({ kind: 'boolean', value: random.chance(0.5), span: NOWHERE }, type)
    case 'timestamp':
      return cast(text(new Date(randomMs(random)).toISOString(), 'string'), 'timestamp', type)
    case 'date':
      return cast(text(new Date(randomDay(random) * 86_400_000).toISOString().slice(0, 10), 'string'), 'date', type)
  }
}

/** Expressions of one scope. */
export class Expressions {
  readonly random: Random
  readonly #sight: Sight
  constructor(random: Random, sight: Sight) {
    this.random = random
    this.#sight = sight
  }

  /** A column where there is one, else (or now and then) a literal. */
  leaf(type: Ty): Expr {
    const { random } = this
    if (random.chance(0.02)) return nullOf(type)
    const from = type === 'long' && random.chance(0.3) ? 'small' : type
    return (random.chance(0.85) ? this.#sight.leaf(from) : undefined) ?? literal(type, random)
  }

  of(type: Ty, depth: number): Expr {
    const { random } = this
    if (depth <= 0 || random.chance(0.3)) return this.leaf(type)
    const roll = random.next()
    if (roll < 0.12) return this.#case(type, depth - 1)
    if (roll < 0.2) return call('COALESCE', this.#several(type, random.int(2, 3), depth - 1), type)
    if (roll < 0.23) return call('NULLIF', this.#several(type, 2, depth - 1), type)
    if (roll < 0.28) {
      const found = this.#sight.scalar?.(type, depth - 1)
      if (found !== undefined) return found
    }
    switch (type) {
      case 'small':
        return this.#small(depth - 1)
      case 'long':
        return this.#long(depth - 1)
      case 'double':
        return this.#double(depth - 1)
      case 'decimal':
        return binary(random.pick(['+', '-'] as const), this.leaf(type), this.leaf(type), type)
      case 'string':
        return this.#string(depth - 1)
      case 'boolean':
        return this.condition(depth - 1)
      case 'timestamp':
        return this.#moved(depth - 1)
      case 'date':
        return this.leaf(type)
    }
  }

  #several(type: Ty, count: number, depth: number): Expr[] {
    return Array.from({ length: count }, () => this.of(type, depth))
  }

  #case(type: Ty, depth: number): Expr {
    const { random } = this
    const subject = random.pick(['small', 'string', 'boolean'] as const)
    const operand = random.chance(0.3) ? this.of(subject, depth - 1) : undefined
    const whens = Array.from({ length: random.int(1, 3) }, () => ({
      when: operand === undefined ? this.condition(depth) : this.of(subject, depth - 1),
      then: this.of(type, depth),
    }))
    return typed(
      { kind: 'case', operand, whens, otherwise: random.chance(0.7) ? this.of(type, depth) : undefined, span: NOWHERE },
      type,
    )
  }

  #small(depth: number): Expr {
    const { random } = this
    const roll = random.next()
    if (roll < 0.45)
      return binary(
        random.pick(['+', '-', '*'] as const),
        this.of('small', depth - 1),
        this.of('small', depth - 1),
        'small',
      )
    if (roll < 0.65)
      return binary(random.pick(['/', '%'] as const), this.of('small', depth), this.of('small', depth), 'small')
    if (roll < 0.72) return typed({ kind: 'unary', op: '-', operand: this.of('small', depth), span: NOWHERE }, 'small')
    if (roll < 0.8) return call(random.pick(['LENGTH', 'LEN']), [this.of('string', depth)], 'small')
    if (roll < 0.85)
      return call('INDEXOF', [this.of('string', depth), text(random.pick(['a', 'b', ' ']), 'string')], 'small')
    if (roll < 0.92) return call(random.pick(['FLOOR', 'CEIL', 'ROUND']), [this.leaf('double')], 'small')
    return call(random.pick(['YEAR', 'MONTH', 'DAY', 'HOUR']), [this.leaf('timestamp')], 'small')
  }

  #long(depth: number): Expr {
    const { random } = this
    const roll = random.next()
    if (roll < 0.4)
      return binary(random.pick(['+', '-'] as const), this.of('long', depth), this.of('long', depth), 'long')
    if (roll < 0.55) return binary('*', this.leaf('long'), this.leaf('small'), 'long')
    if (roll < 0.8)
      return binary(random.pick(['/', '%'] as const), this.of('long', depth), this.of('long', depth), 'long')
    if (roll < 0.88) return binary('-', this.leaf('timestamp'), this.leaf('timestamp'), 'long')
    return typed({ kind: 'unary', op: '-', operand: this.of('long', depth), span: NOWHERE }, 'long')
  }

  /** In JSON a double that is whole divides as a whole number: there, division is told to be of doubles. */
  #double(depth: number): Expr {
    const { random } = this
    const roll = random.next()
    const operand = (): Expr => (random.chance(0.2) ? this.leaf('small') : this.of('double', depth - 1))
    if (roll < 0.55) return binary(random.pick(['+', '-', '*'] as const), this.of('double', depth), operand(), 'double')
    if (roll < 0.75)
      return binary(
        random.pick(['/', '%'] as const),
        cast(this.leaf('double'), 'double', 'double'),
        cast(operand(), 'double', 'double'),
        'double',
      )
    if (roll < 0.85)
      return typed({ kind: 'unary', op: '-', operand: this.of('double', depth), span: NOWHERE }, 'double')
    if (roll < 0.93) return cast(this.of('small', depth), 'double', 'double')
    return call('ABS', [this.of('double', depth)], 'double')
  }

  #string(depth: number): Expr {
    const { random } = this
    const roll = random.next()
    const any = (): Expr => this.of(random.pick(['string', 'string', 'small', 'long', 'boolean'] as const), depth - 1)
    if (roll < 0.3) return binary('||', any(), any(), 'string')
    if (roll < 0.45) return call('CONCAT', [any(), any(), this.leaf('string')], 'string')
    if (roll < 0.65)
      return call(random.pick(['UPPER', 'LOWER', 'REVERSE', 'TRIM']), [this.of('string', depth)], 'string')
    if (roll < 0.75)
      return call(
        'REPLACE',
        [this.of('string', depth), text(random.pick(['a', 'b', '10']), 'string'), this.leaf('string')],
        'string',
      )
    if (roll < 0.88)
      return call(
        random.pick(['TAKELEFT', 'TAKERIGHT', 'SUBSTR']),
        [this.of('string', depth), number(random.int(0, 3), 'small')],
        'string',
      )
    return cast(this.of(random.pick(['small', 'long', 'boolean'] as const), depth), 'string', 'string')
  }

  #moved(depth: number): Expr {
    const { random } = this
    return binary(
      random.pick(['+', '-'] as const),
      this.leaf('timestamp'),
      text(`${random.int(1, 40)}${random.pick(['s', 'm', 'h', 'd'])}`, 'string'),
      depth < 0 ? 'timestamp' : 'timestamp',
    )
  }

  // ------------------------------------------------------------------------------------------ conditions

  condition(depth: number): Expr {
    const { random } = this
    const roll = random.next()
    if (depth > 0 && roll < 0.3)
      return binary(
        random.pick(['and', 'or'] as const),
        this.condition(depth - 1),
        this.condition(depth - 1),
        'boolean',
      )
    if (depth > 0 && roll < 0.4)
      return typed({ kind: 'unary', op: 'not', operand: this.condition(depth - 1), span: NOWHERE }, 'boolean')
    if (roll < 0.5) {
      const found = this.#sight.condition?.(depth - 1)
      if (found !== undefined) return found
    }
    if (roll < 0.54) return this.leaf('boolean')
    return this.#predicate(depth)
  }

  #predicate(depth: number): Expr {
    const { random } = this
    const negated = random.chance(0.3)
    const type = random.pick(COMPARABLE)
    const deep = depth - 1
    const roll = random.next()
    if (roll < 0.45) return this.#comparison(type, deep)
    if (roll < 0.58)
      return typed({ kind: 'isNull', operand: this.of(random.pick(LISTED), deep), negated, span: NOWHERE }, 'boolean')
    if (roll < 0.7) {
      const bound = (): Expr => (random.chance(0.7) ? this.#constant(type) : this.of(type, deep))
      return typed(
        { kind: 'between', operand: this.of(type, deep), low: bound(), high: bound(), negated, span: NOWHERE },
        'boolean',
      )
    }
    if (roll < 0.83) {
      const items = Array.from({ length: random.int(1, 4) }, () =>
        random.chance(0.8) ? this.#constant(type) : this.of(type, deep),
      )
      return typed({ kind: 'in', operand: this.of(type, deep), items, negated, span: NOWHERE }, 'boolean')
    }
    if (roll < 0.95) return this.#like(negated, deep)
    return call(
      random.pick(['CONTAINS', 'STARTSWITH', 'ENDSWITH']),
      [this.of('string', deep), this.leaf('string')],
      'boolean',
    )
  }

  #like(negated: boolean, depth: number): Expr {
    const pattern = this.random.chance(0.85)
      ? text(this.random.pick(['a%', '%b', '%a%', '_', 'a_', '_b%', '%', '', "%'%", '%a%b%', 'ü']), 'string')
      : this.leaf('string')
    return typed({ kind: 'like', operand: this.of('string', depth), pattern, negated, span: NOWHERE }, 'boolean')
  }

  #comparison(type: Ty, depth: number): Expr {
    const { random } = this
    const op = random.pick(['=', '!=', '!=', '<', '<=', '>', '>='] as const)
    const left = this.of(type, depth)
    const other = type === 'double' && random.chance(0.2) ? 'small' : type
    const right = random.chance(0.55) ? this.#constant(other) : this.of(other, depth)
    return random.chance(0.15) ? binary(op, right, left, 'boolean') : binary(op, left, right, 'boolean')
  }

  /** A constant to compare with. Times may be plain texts there. */
  #constant(type: Ty): Expr {
    const { random } = this
    const made = random.chance(0.015) ? nullOf(type) : literal(type, random)
    const plain = made.kind === 'cast' && (type === 'timestamp' || type === 'date') && random.chance(0.6)
    return plain && made.operand.kind === 'string' ? text(made.operand.value, type) : made
  }
}
