/**
 * The one evaluator: bound expression → JavaScript source. WHERE, HAVING, projections, aggregate arguments and constant
 * folding are compiled here and nowhere else.
 *
 * Three-valued logic without a third value in the hot path: a condition is compiled as "is it true?" (`whenTrue`) or
 * "is it false?" (`whenFalse`); AND, OR and NOT turn one into the other. `value` gives true, false or null where the
 * truth value itself is wanted.
 */
import { unexpected } from '../../lib/assert.ts'
import { type Code, Emitter, join, js, type Name } from '../../codegen/emitter.ts'
import { castValue } from '../../functions/support/cast.ts'
import { parseDuration } from '../../functions/support/datemath.ts'
import { likeMatcher } from '../../functions/support/like.ts'
import { type ScalarFunction, ValueError } from '../../functions/function.ts'
import type { Span } from '../../sql/ast.ts'
import { SqlError } from '../../sql/error.ts'
import { type DataType, oneIsList, type TimeUnit, type Value } from '../../types.ts'
import type { BoundExpr, Compare, CompareOp, InList, PathRef } from '../../plan/plan.ts'
import { INVERSE, MIRRORED } from '../../plan/compare-op.ts'
import { evaluationKey } from '../../plan/expr-key.ts'
import {
  type EvaluationContext,
  LARGE_TEXT_CHARS,
  MAX_ROW_CHARS,
  type References,
  RowReferences,
  tooLargeRow,
} from './references.ts'
import * as rt from './values.ts'
import { asciiBytes, byteOrder, likeBytes } from './text-bytes.ts'

const NULL_CODE = js`null`

export class ExpressionCompiler {
  readonly emitter: Emitter
  readonly #references: References
  readonly #functions: EvaluationContext
  /** Temporaries that the generated function has to declare. */
  readonly temps: Name[] = []
  /** Characters of the large texts that were made for a row. */
  #rowChars: Name | undefined
  /** Values that a temporary already holds, by what they are: see `#held`. */
  readonly #holding = new Map<string, Name>()

  constructor(emitter: Emitter, references: References, functions: EvaluationContext) {
    this.emitter = emitter
    this.#references = references
    this.#functions = functions
  }

  // -------------------------------------------------------------------------------------------- conditions

  /** JavaScript boolean: the condition is TRUE. */
  whenTrue(e: BoundExpr): Code {
    switch (e.kind) {
      case 'constant':
        return js`${e.value === true}`
      case 'not':
        return this.whenFalse(e.operand)
      case 'and':
        return this.#held(e.operands, (operands) => parenthesized(join(operands, ' && ')))
      case 'or':
        return parenthesized(
          join(
            e.operands.map((o) => this.whenTrue(o)),
            ' || ',
          ),
        )
      case 'compare':
        return this.#compare(e, e.op)
      case 'isNull':
        return e.negated ? js`(${this.value(e.operand)} !== null)` : js`(${this.value(e.operand)} === null)`
      case 'in':
        return this.#inList(e, e.negated)
      case 'presence':
        return this.#references.presence(e)
      default:
        return js`(${this.value(e)} === true)`
    }
  }

  /** JavaScript boolean: the condition is FALSE (not NULL). */
  whenFalse(e: BoundExpr): Code {
    switch (e.kind) {
      case 'constant':
        return js`${e.value === false}`
      case 'not':
        return this.whenTrue(e.operand)
      case 'and':
        return this.#held(
          e.operands,
          (operands) => parenthesized(join(operands, ' || ')),
          (o) => this.whenFalse(o),
        )
      case 'or':
        return parenthesized(
          join(
            e.operands.map((o) => this.whenFalse(o)),
            ' && ',
          ),
        )
      case 'compare':
        return e.by === 'dynamic' && e.op !== '=' && e.op !== '!='
          ? js`(${this.value(e)} === false)`
          : this.#compare(e, INVERSE[e.op])
      case 'isNull':
        return this.whenTrue({ ...e, negated: !e.negated })
      case 'in':
        return this.#inList(e, !e.negated)
      case 'presence':
        return js`!${this.#references.presence(e)}`
      default:
        return js`(${this.value(e)} === false)`
    }
  }

  #compare(e: Compare, op: CompareOp): Code {
    const text = this.#textCompare(e, op)
    if (text !== undefined) return text
    if (e.by === 'dynamic') return this.#compareDynamic(e, op)
    if (e.by === 'decimal')
      return js`(${this.emitter.constant(rt.compareDecimal, 'compareDecimal')}(${op}, ${this.value(e.left)}, ${this.value(e.right)}) === true)`
    const { code: a, test: aTest } = this.#operand(e.left)
    const { code: b, test: bTest } = this.#operand(e.right)
    const guards = [...aTest, ...bTest]
    if (e.by === 'bytes')
      return parenthesized(
        join([...guards, js`${this.emitter.constant(compareBytes, 'compareBytes')}(${op}, ${a}, ${b})`], ' && '),
      )
    // Numbers may be bigint on one side, so equality is loose; it compares number and bigint by value and exactly.
    return parenthesized(join([...guards, comparison(op, a, b, e.by === 'number')], ' && '))
  }

  /** A JSON value against a number: numbers are compared in line, anything else by the helper. */
  #compareDynamic(e: Compare, op: CompareOp): Code {
    const helper = this.emitter.constant(rt.compareDynamic, 'compare')
    const right = this.value(e.right)
    if (e.right.kind !== 'constant' || typeof e.right.value !== 'number')
      return js`(${helper}(${op}, ${this.value(e.left)}, ${right}) === true)`
    const temp = this.temp()
    return js`(typeof (${temp} = ${this.value(e.left)}) === 'number' ? ${comparison(op, temp, right, true)} : ${helper}(${op}, ${temp}, ${right}) === true)`
  }

  /** A field against a text literal on the bytes, where the references can. */
  #textCompare(e: Compare, op: CompareOp): Code | undefined {
    const [ref, literal] = e.left.kind === 'path' ? [e.left, e.right] : [e.right, e.left]
    if (ref.kind !== 'path' || literal.kind !== 'constant') return undefined
    if (literal.value === null) return js`false`
    if (typeof literal.value !== 'string') return undefined
    if (op === '=' || op === '!=') return this.#references.textEquals?.(ref, literal.value, op === '!=')
    return e.by === 'string' || e.by === 'dynamic'
      ? this.#textOrder(ref, e.left === ref ? op : MIRRORED[op], literal.value, e.by)
      : undefined
  }

  #textOrder(ref: PathRef, op: CompareOp, literal: string, by: 'string' | 'dynamic'): Code | undefined {
    const bytes = ref.type.kind === 'uuid' ? undefined : asciiBytes(literal)
    const slice = bytes === undefined ? undefined : this.#references.slice?.(ref)
    if (bytes === undefined || slice === undefined) return undefined
    const { from, to, value } = slice
    const order = js`${this.emitter.constant(byteOrder, 'byteOrder')}(b, ${from}, ${to}, ${this.emitter.constant(bytes, 'literal')})`
    const other =
      by === 'string'
        ? js`${value} !== null && ${comparison(op, value, js`${literal}`, false)}`
        : js`${this.emitter.constant(rt.compareDynamic, 'compare')}(${op}, ${value}, ${literal}) === true`
    return js`(${from} >= 0 ? ${comparison(op, order, js`0`, false)} : ${other})`
  }

  #inList(e: InList, negated: boolean): Code {
    const items = e.items
    if (items.every((i) => i.kind === 'constant')) {
      const values = items.map((i) => (i as { value: Value }).value)
      const direct = this.#inConstants(e, values, negated)
      if (direct !== undefined) return direct
      return js`(${this.emitter.constant(rt.membersIn(items, values), 'items')}.in(${this.value(e.operand)}) === ${!negated})`
    }
    return js`(${this.emitter.constant(rt.inList, 'inList')}(${this.value(e.operand)}, [${join(
      items.map((i) => this.value(i)),
      ', ',
    )}]) === ${!negated})`
  }

  #inConstants(e: InList, values: readonly Value[], negated: boolean): Code | undefined {
    const ref = e.operand
    const simple = values.filter((v) => v !== null)
    if (simple.length === 0 || (negated && simple.length !== values.length)) return js`false`
    const textEquals = this.#references.textEquals
    if (
      ref.kind === 'path' &&
      textEquals !== undefined &&
      simple.length <= 8 &&
      simple.every((v) => typeof v === 'string')
    ) {
      const tests = simple.map((v) => textEquals.call(this.#references, ref, v as string, negated))
      if (tests.every((t) => t !== undefined)) return parenthesized(join(tests as Code[], negated ? ' && ' : ' || '))
    }
    const uniform =
      (e.by === 'string' && simple.every((v) => typeof v === 'string')) ||
      (e.by === 'number' && simple.every((v) => typeof v === 'number' || typeof v === 'bigint'))
    if (!uniform) return undefined
    const { code, test } = this.#operand(e.operand)
    const set = this.emitter.constant(rt.membersOf(simple), 'set')
    return parenthesized(join([...test, negated ? js`!${set}.has(${code})` : js`${set}.has(${code})`], ' && '))
  }

  /** Code that can be used twice, and the tests that it is not NULL (none for a constant). */
  #operand(e: BoundExpr, compile = (of: BoundExpr): Code => this.value(of)): { code: Code; test: Code[] } {
    const code = compile(e)
    if (e.kind === 'constant') return { code, test: e.value === null ? [js`false`] : [] }
    if (/^[A-Za-z_]\w*$/.test(code.text)) return { code, test: [js`${code} !== null`] }
    const temp = this.temp()
    return { code: temp, test: [js`(${temp} = ${code}) !== null`] }
  }

  temp(): Name {
    const name = this.emitter.name('t')
    this.temps.push(name)
    return name
  }

  // -------------------------------------------------------------------------------------------- values

  /** JavaScript expression for the run-time value (types.ts), null for NULL. */
  value(e: BoundExpr): Code {
    const held = this.#holding.size > 0 && isComputed(e) ? this.#holding.get(evaluationKey(e)) : undefined
    if (held !== undefined) return held
    switch (e.kind) {
      case 'constant':
        return this.#constant(e.value)
      case 'path':
        return this.#references.path(e)
      case 'slot':
        return this.mayBeMarked(e) ? this.#plain(this.#references.slot(e)) : this.#references.slot(e)
      case 'subquery':
        return unexpected('a subquery that was not answered')
      case 'column':
        return unexpected(`a column (${e.name}) that was not lowered`)
      case 'lastOffset':
        return this.#references.lastOffset(e)
      case 'header':
        return this.#references.header(e, e.name === undefined ? undefined : this.value(e.name))
      case 'presence':
      case 'isNull':
        return this.whenTrue(e)
      case 'not': {
        const held = this.temp()
        return js`((${held} = ${this.value(e.operand)}) === true ? false : ${held} === false ? true : null)`
      }
      case 'and':
      case 'or':
        return this.#logicValue(e)
      case 'in':
        return this.#inValue(e)
      case 'compare':
        return this.#compareValue(e)
      case 'arithmetic':
        return this.#arithmetic(e)
      case 'negate':
        return this.#negate(e)
      case 'like':
        return this.#like(e)
      case 'case':
        return this.#case(e)
      case 'cast':
        return this.#cast(e)
      case 'function':
        return this.#function(e)
      case 'element':
        return oneIsList(e.operand.type)
          ? js`${this.emitter.constant(rt.itemOf, 'itemOf')}(${this.value(e.operand)}, ${this.value(e.index)})`
          : js`${this.emitter.constant(rt.elementOf, 'elementOf')}(${this.value(e.operand)}, ${this.value(e.index)})`
      case 'member':
        return js`${this.emitter.constant(rt.memberOf, 'memberOf')}(${this.value(e.operand)}, ${e.name})`
      case 'array':
        return js`[${join(
          e.items.map((i) => this.value(i)),
          ', ',
        )}]`
      case 'struct':
        return js`new Map([${join(
          e.fields.map((f) => js`[${f.name}, ${this.value(f.value)}]`),
          ', ',
        )}])`
    }
  }

  /**
   * The value as arithmetic wants it, and whatever hands values on to arithmetic: with its mark, if it may have one.
   */
  marked(e: BoundExpr): Code {
    if (!this.mayBeMarked(e)) return this.value(e)
    switch (e.kind) {
      case 'path': {
        const text = this.#references.text
        return text === undefined
          ? this.value(e)
          : js`${this.emitter.constant(rt.marked, 'marked')}(${this.#references.path(e)}, ${text.call(this.#references, e)})`
      }
      case 'slot':
        return this.#references.slot(e)
      case 'arithmetic':
        return js`${this.emitter.constant(rt.markedArithmetic, 'dynamic')}(${e.op}, ${this.#part(e.left)}, ${this.#part(e.right)})`
      case 'negate':
        return js`${this.emitter.constant(rt.markedNegate, 'negate')}(${this.marked(e.operand)})`
      case 'case':
        return this.#case(e, (branch) => this.#part(branch))
      case 'constant':
        return e.double === true ? this.emitter.constant(rt.markedDouble(e.value), 'double') : this.value(e)
      case 'element':
        return oneIsList(e.operand.type)
          ? this.value(e)
          : js`${this.emitter.constant(rt.markedElement, 'elementOf')}(${this.value(e.operand)}, ${this.value(e.index)})`
      case 'member':
        return js`${this.emitter.constant(rt.markedMember, 'memberOf')}(${this.value(e.operand)}, ${e.name})`
      case 'function':
        return e.fn.double === undefined
          ? this.value(e)
          : this.#function(e, (arg) => this.#part(arg), markedFunction(e.fn.double))
      default:
        return this.value(e)
    }
  }

  /** A part of a marked value: what is a double by its type has the mark, too. */
  #part(e: BoundExpr): Code {
    if (e.type.kind !== 'double' && e.type.kind !== 'float') return this.marked(e)
    return js`${this.emitter.constant(rt.markedDouble, 'double')}(${this.value(e)})`
  }

  /** Of unknown type, in a statement where it matters. */
  mayBeMarked(e: BoundExpr): boolean {
    return this.#functions.doubles === true && e.type.kind === 'json'
  }

  #plain(code: Code): Code {
    return js`${this.emitter.constant(rt.plain, 'plain')}(${code})`
  }

  #constant(value: Value): Code {
    if (value === null || typeof value === 'boolean' || typeof value === 'string' || typeof value === 'bigint')
      return js`${value}`
    if (typeof value === 'number') return Number.isFinite(value) ? js`${value}` : this.emitter.constant(value)
    return this.emitter.constant(value)
  }

  // What follows compiles each operand once. Twice would double the code with every level of nesting.

  /** Each operand into a temporary, until one decides. */
  #logicValue(e: Extract<BoundExpr, { kind: 'and' | 'or' }>): Code {
    const decides = e.kind === 'or'
    const combined = (operands: readonly Code[]): Code => {
      const held = operands.map((code) => ({ name: this.temp(), code }))
      const decided = held.map((h) => js`(${h.name} = ${h.code}) === ${decides}`)
      const known = held.map((h) => js`${h.name} === ${!decides}`)
      return js`(${join(decided, ' || ')} ? ${decides} : ${join(known, ' && ')} ? ${!decides} : null)`
    }
    return this.#held(e.operands, combined, (o) => this.value(o))
  }

  #inValue(e: InList): Code {
    if (e.operand.kind === 'path' || e.operand.kind === 'slot') {
      if (e.items.every((i) => i.kind === 'constant'))
        return js`(${this.#inList(e, e.negated)} ? true : ${this.#inList(e, !e.negated)} ? false : null)`
    }
    const constants = e.items.flatMap((i) => (i.kind === 'constant' ? [i.value] : []))
    const is =
      constants.length === e.items.length
        ? js`${this.emitter.constant(rt.membersIn(e.items, constants), 'items')}.in(${this.value(e.operand)})`
        : js`${this.emitter.constant(rt.inList, 'inList')}(${this.value(e.operand)}, [${join(
            e.items.map((i) => this.value(i)),
            ', ',
          )}])`
    if (!e.negated) return is
    const held = this.temp()
    return js`((${held} = ${is}) === null ? null : !${held})`
  }

  #compareValue(e: Compare): Code {
    const call = (f: unknown, prefix: string): Code =>
      js`${this.emitter.constant(f, prefix)}(${e.op}, ${this.value(e.left)}, ${this.value(e.right)})`
    if (e.by === 'dynamic') return call(rt.compareDynamic, 'compare')
    if (e.by === 'decimal') return call(rt.compareDecimal, 'compareDecimal')
    const text = this.#textCompare(e, e.op)
    if (text !== undefined) return js`(${text} ? true : ${this.#compare(e, INVERSE[e.op])} ? false : null)`
    const { code: a, test: aTest } = this.#operand(e.left)
    const { code: b, test: bTest } = this.#operand(e.right)
    const compared = (op: CompareOp): Code =>
      e.by === 'bytes'
        ? js`${this.emitter.constant(compareBytes, 'compareBytes')}(${op}, ${a}, ${b})`
        : comparison(op, a, b, e.by === 'number')
    // NaN is neither less than a number nor not less.
    const answer = js`(${compared(e.op)} ? true : ${compared(INVERSE[e.op])} ? false : null)`
    const tests = [...aTest, ...bTest]
    return tests.length === 0 ? answer : js`(${join(tests, ' && ')} ? ${answer} : null)`
  }

  #arithmetic(e: Extract<BoundExpr, { kind: 'arithmetic' }>): Code {
    if (e.by === 'date') return this.#dateArithmetic(e)
    // Each side is compiled once: twice would be 2ⁿ times for a chain of n operators.
    const sides = (): Code => js`${this.value(e.left)}, ${this.value(e.right)}`
    if (e.by === 'decimal') return js`${this.emitter.constant(rt.decimalArithmetic, 'decimal')}(${e.op}, ${sides()})`
    if (e.by === 'dynamic' && this.mayBeMarked(e)) return this.#plain(this.marked(e))
    if (e.by === 'dynamic') return js`${this.emitter.constant(rt.dynamicArithmetic, 'dynamic')}(${e.op}, ${sides()})`
    if (e.by === 'integer') return js`${this.emitter.constant(INTEGER_OPS[e.op], 'int')}(${sides()})`
    if (e.op === '/') return js`${this.emitter.constant(rt.divideDouble, 'divide')}(${sides()})`
    if (e.op === '%') return js`${this.emitter.constant(rt.remainderDouble, 'remainder')}(${sides()})`
    const x = this.#operand(e.left)
    const y = this.#operand(e.right)
    const sum =
      e.op === '+' ? js`${x.code} + ${y.code}` : e.op === '-' ? js`${x.code} - ${y.code}` : js`${x.code} * ${y.code}`
    const tests = [...x.test, ...y.test]
    return tests.length === 0 ? parenthesized(sum) : js`(${join(tests, ' && ')} ? ${sum} : null)`
  }

  #dateArithmetic(e: Extract<BoundExpr, { kind: 'arithmetic' }>): Code {
    const sign = e.op === '+' ? 1 : -1
    const unit: TimeUnit = e.type.kind === 'timestamp' || e.type.kind === 'time' ? e.type.unit : 'millis'
    const base = this.value(e.left)
    if (e.right.kind === 'constant' && typeof e.right.value === 'string') {
      const duration = parseDuration(e.right.value)
      if (duration === undefined)
        throw new SqlError(
          'VALUE',
          `"${e.right.value}" is not a duration.`,
          e.right.span,
          'Write a number and a unit (y M w d h m s): "90m", "1d 2h".',
        )
      return js`${this.emitter.constant(rt.shiftTimestamp, 'shift')}(${base}, ${unit}, ${this.emitter.constant(duration, 'duration')}, ${sign})`
    }
    if (e.right.type.kind === 'string')
      throw new SqlError(
        'UNSUPPORTED',
        'A duration must be a literal text.',
        e.right.span,
        'Write it in place: ts + "1d".',
      )
    return js`${this.emitter.constant(rt.shiftMillis, 'shiftMillis')}(${base}, ${unit}, ${this.value(e.right)}, ${sign})`
  }

  #negate(e: Extract<BoundExpr, { kind: 'negate' }>): Code {
    if (e.by === 'double') {
      const x = this.#operand(e.operand)
      return js`(${x.test[0] ?? js`true`} ? -${x.code} : null)`
    }
    if (e.by !== 'integer' && this.mayBeMarked(e)) return this.#plain(this.marked(e))
    return js`${this.emitter.constant(e.by === 'integer' ? rt.negateInt : rt.dynamicNegate, 'negate')}(${this.value(e.operand)})`
  }

  #like(e: Extract<BoundExpr, { kind: 'like' }>): Code {
    const bytes = this.#likeBytes(e)
    if (bytes !== undefined) return bytes
    const text = this.value(e.operand)
    if (e.pattern.kind === 'constant' && typeof e.pattern.value === 'string') {
      const matches = this.emitter.constant(guarded(likeMatcher(e.pattern.value), e.span), 'like')
      const temp = this.temp()
      return js`(typeof (${temp} = ${text}) === 'string' ? ${matches}(${temp}) === ${!e.negated} : null)`
    }
    const like = js`${this.emitter.constant(guarded(rt.likeDynamic, e.span), 'like')}(${text}, ${this.value(e.pattern)})`
    if (!e.negated) return like
    const temp = this.temp()
    return js`((${temp} = ${like}) === null ? null : !${temp})`
  }

  /** LIKE on the bytes of a field, where both the references and the pattern can. */
  #likeBytes({ operand, pattern, negated, span }: Extract<BoundExpr, { kind: 'like' }>): Code | undefined {
    if (
      operand.kind !== 'path' ||
      operand.type.kind === 'uuid' ||
      pattern.kind !== 'constant' ||
      typeof pattern.value !== 'string'
    )
      return undefined
    const matcher = likeBytes(pattern.value)
    const slice = matcher === undefined ? undefined : this.#references.slice?.(operand)
    if (matcher === undefined || slice === undefined) return undefined
    const { from, to, value } = slice
    const e = this.emitter
    const matches = e.constant(guarded(likeMatcher(pattern.value), span), 'like')
    return js`(${from} >= 0 ? ${e.constant(matcher, 'likeBytes')}(b, ${from}, ${to}) === ${!negated} : typeof ${value} === 'string' ? ${matches}(${value}) === ${!negated} : null)`
  }

  #case(e: Extract<BoundExpr, { kind: 'case' }>, compile = (branch: BoundExpr): Code => this.value(branch)): Code {
    const conditions = e.whens.map((w) => w.when)
    // No brackets around the rest of the chain: JavaScript reads a chain of conditions in a loop, but nested brackets
    // by recursion, and its stack ends at some 1,200 of them.
    return this.#held(conditions, (whens) => {
      const chain = whens.map((when, i) => js`(${when}) ? (${compile(e.whens[i].then)}) :`)
      return js`(${join(chain, '\n')} (${compile(e.otherwise)}))`
    })
  }

  /**
   * Conditions that compare one and the same expression (a simple CASE, BETWEEN): it is computed once, in front of
   * them.
   */
  #held(
    conditions: readonly BoundExpr[],
    code: (conditions: readonly Code[]) => Code,
    compile = (e: BoundExpr): Code => this.whenTrue(e),
  ): Code {
    const shared = sharedOperand(conditions)
    if (shared === undefined) return code(conditions.map(compile))
    const key = evaluationKey(shared)
    const value = this.value(shared)
    const held = this.temp()
    const outer = this.#holding.get(key)
    this.#holding.set(key, held)
    const compiled = conditions.map(compile)
    if (outer === undefined) this.#holding.delete(key)
    else this.#holding.set(key, outer)
    return js`(${held} = ${value}, ${code(compiled)})`
  }

  #cast(e: Extract<BoundExpr, { kind: 'cast' }>): Code {
    const from = e.operand.type
    const to = e.type
    const asItIs =
      (from.kind === 'int' && (to.kind === 'long' || to.kind === 'double')) ||
      (from.kind === 'float' && to.kind === 'double')
    if (asItIs) return this.value(e.operand)
    const convert = this.emitter.constant(
      this.#counted(
        guarded((v: Value) => castValue(v, from, to), e.span),
        e.span,
      ),
      'cast',
    )
    const x = this.#operand(e.operand)
    return js`(${x.test[0] ?? js`true`} ? ${this.#measured(js`${convert}(${x.code})`, e)} : null)`
  }

  /** Where constants are computed: what the function makes is counted. */
  #counted(f: (...args: Value[]) => Value, span: Span | undefined): (...args: Value[]) => Value {
    const { folding } = this.#functions
    if (folding === undefined) return f
    return (...args) => {
      const value = f(...args)
      folding.spend(value, span)
      return value
    }
  }

  /** For each row: what the call makes is counted, where it is a large text. */
  #measured(call: Code, { type, span }: BoundExpr): Code {
    if (this.#functions.folding !== undefined || (type.kind !== 'string' && type.kind !== 'json')) return call
    const made = this.temp()
    this.#rowChars ??= this.temp()
    const tooLarge = this.emitter.constant(() => tooLargeRow(span), 'tooLargeRow')
    // The count begins anew with the temporaries of each row, as null, which is 0 in a sum.
    return js`(typeof (${made} = ${call}) === 'string' && ${made}.length > ${LARGE_TEXT_CHARS} && (${this.#rowChars} += ${made}.length) > ${MAX_ROW_CHARS} ? ${tooLarge}() : ${made})`
  }

  #function(
    e: Extract<BoundExpr, { kind: 'function' }>,
    compile = (arg: BoundExpr): Code => this.value(arg),
    wrap = (f: Call): Call => f,
  ): Code {
    const types = e.args.map((a) => a.type)
    const fn = this.emitter.constant(
      this.#counted(guarded(wrap(e.fn.make(types, this.#functions)), e.span), e.span),
      e.fn.name,
    )
    if (e.fn.nullable === true) return this.#measured(js`${fn}(${join(e.args.map(compile), ', ')})`, e)
    const args = e.args.map((a) => this.#operand(a, compile))
    const tests = args.flatMap((a) => a.test)
    const call = this.#measured(
      js`${fn}(${join(
        args.map((a) => a.code),
        ', ',
      )})`,
      e,
    )
    return tests.length === 0 ? call : js`(${join(tests, ' && ')} ? ${call} : null)`
  }
}

type Call = (...args: Value[]) => Value

/** A function that is called with marked values, and gives one. */
function markedFunction(double: NonNullable<ScalarFunction['double']>): (f: Call) => Call {
  if (double === 'itself') return (f) => f
  if (double !== 'element') return (f) => rt.markedResult(double, f)
  return (f) => (base, index) => (f(base, index) === null ? null : rt.markedElement(base, index))
}

const INTEGER_OPS = {
  '+': rt.addInt,
  '-': rt.subtractInt,
  '*': rt.multiplyInt,
  '/': rt.divideInt,
  '%': rt.remainderInt,
} as const

function compareBytes(op: CompareOp, a: Uint8Array, b: Uint8Array): boolean {
  return rt.compareDynamic(op, a, b) === true
}

function comparison(op: CompareOp, a: Code, b: Code, loose: boolean): Code {
  switch (op) {
    case '=':
      return loose ? js`${a} == ${b}` : js`${a} === ${b}`
    case '!=':
      return loose ? js`${a} != ${b}` : js`${a} !== ${b}`
    case '<':
      return js`${a} < ${b}`
    case '<=':
      return js`${a} <= ${b}`
    case '>':
      return js`${a} > ${b}`
    case '>=':
      return js`${a} >= ${b}`
  }
}

/** Is there something to compute, or is it a name or a constant? */
function isComputed(e: BoundExpr): boolean {
  return e.kind !== 'constant' && e.kind !== 'path' && e.kind !== 'slot'
}

/** What every one of several comparisons has on its left, when it is worth keeping. */
function sharedOperand(conditions: readonly BoundExpr[]): BoundExpr | undefined {
  let shared: { readonly expr: BoundExpr; readonly key: string } | undefined
  if (conditions.length < 2) return undefined
  for (const c of conditions) {
    if (c.kind !== 'compare') return undefined
    let left = c.left
    while (left.kind === 'cast' && left.implicit) left = left.operand
    if (!isComputed(left)) return undefined
    const key = evaluationKey(left)
    if (shared !== undefined && shared.key !== key) return undefined
    shared ??= { expr: left, key }
  }
  return shared?.expr
}

function parenthesized(code: Code): Code {
  return js`(${code})`
}

/** Gives a failing conversion or function its place in the statement. */
function guarded<A extends Value[], R extends Value>(f: (...args: A) => R, span: Span | undefined): (...args: A) => R {
  return (...args) => {
    try {
      return f(...args)
    } catch (error) {
      if (error instanceof ValueError) throw new SqlError('VALUE', error.message, span)
      throw error
    }
  }
}

/** Computes an expression that depends on nothing: constant folding. */
export function evaluateConstant(e: BoundExpr, functions: EvaluationContext): BoundExpr {
  const emitter = new Emitter()
  const compiler = new ExpressionCompiler(emitter, new RowReferences(NULL_CODE), functions)
  const code = compiler.marked(e)
  const value = emitter.build<() => Value>([], js`${declare(compiler.temps)} return ${code}`, 'constant')()
  return constantOf(value, e.type, e.span)
}

/** A computed value in the place of what it was computed from; with its mark, if it has one. */
export function constantOf(value: Value, type: DataType, span: Span | undefined): BoundExpr {
  return rt.isWholeDouble(value)
    ? { kind: 'constant', value: rt.plain(value), type, span, double: true }
    : { kind: 'constant', value, type, span }
}

/** `let t_1 = null, …` */
export function declare(names: readonly Name[]): Code {
  return names.length === 0
    ? js``
    : js`let ${join(
        names.map((n) => js`${n} = null`),
        ', ',
      )};`
}
