/**
 * The one evaluator: bound expression → JavaScript source. WHERE, HAVING, projections, aggregate arguments and constant
 * folding are compiled here and nowhere else.
 *
 * Three-valued logic without a third value in the hot path: a condition is compiled as "is it true?" (`whenTrue`) or
 * "is it false?" (`whenFalse`); AND, OR and NOT turn one into the other. `value` gives true, false or null where the
 * truth value itself is wanted.
 */
import { unexpected } from '../../../lib/assert.ts'
import { type Code, type Emitter, join, js, type Name } from '../../../codegen/emitter.ts'
import { jsonValue } from '../../../lib/json-read.ts'
import { castValue } from '../../../functions/support/cast.ts'
import { likeMatcher } from '../../../functions/support/like.ts'
import { checkText } from '../../../functions/support/value-text.ts'
import type { FunctionContext, ScalarFunction } from '../../../functions/function.ts'
import type { Span } from '../../../sql/ast.ts'
import { type DataType, oneIsList, type Value } from '../../../types.ts'
import type { BoundExpr } from '../../../plan/plan.ts'
import { INVERSE } from '../../../plan/expressions/compare-op.ts'
import { evaluationKey } from '../../../plan/expressions/expr-key.ts'
import { leavesOf } from '../../../plan/expressions/type-parts.ts'
import { equal, likeDynamic } from '../values/comparison.ts'
import * as elements from '../values/elements.ts'
import * as mark from '../values/marked.ts'
import { unmarked } from '../values/whole-double.ts'
import { arithmeticCode, negate } from './arithmetic-code.ts'
import { type ExpressionParts, guarded, parenthesized } from './code-parts.ts'
import { compare, compareValue, inList, inValue } from './comparisons.ts'
import { type EvaluationContext, LARGE_TEXT_CHARS, MAX_ROW_CHARS, type References, tooLargeRow } from './references.ts'
import { likeBytes } from './text-bytes.ts'

/**
 * Compiles the expressions of one generated function. The caller declares `temps` at its top. A SqlError points at what
 * cannot be computed: a wrong constant, a type that a function does not take.
 */
export class ExpressionCompiler implements ExpressionParts {
  readonly emitter: Emitter
  readonly references: References
  readonly #functions: EvaluationContext
  /** Temporaries that the generated function has to declare. */
  readonly temps: Name[] = []
  /** Characters of the large texts that were made for a row. */
  #rowChars: Name | undefined
  /** Values that a temporary already holds, by what they are: see `#held`. */
  readonly #holding = new Map<string, Name>()

  constructor(emitter: Emitter, references: References, functions: EvaluationContext) {
    this.emitter = emitter
    this.references = references
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
        return compare(this, e, e.op)
      case 'isNull':
        return e.negated ? js`(${this.value(e.operand)} !== null)` : js`(${this.value(e.operand)} === null)`
      case 'in':
        return inList(this, e, e.negated)
      case 'presence':
        return this.references.presence(e)
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
          : compare(this, e, INVERSE[e.op])
      case 'isNull':
        return this.whenTrue({ ...e, negated: !e.negated })
      case 'in':
        return inList(this, e, !e.negated)
      case 'presence':
        return js`!${this.references.presence(e)}`
      default:
        return js`(${this.value(e)} === false)`
    }
  }

  /** Code that can be used twice, and the tests that it is not NULL (none for a constant). */
  operand(e: BoundExpr, compile = (of: BoundExpr): Code => this.value(of)): { code: Code; test: Code[] } {
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
        return this.references.path(e)
      case 'slot':
        return this.mayBeMarked(e) ? this.unmarked(this.references.slot(e)) : this.references.slot(e)
      case 'subquery':
        return unexpected('a subquery that was not answered')
      case 'column':
        return unexpected(`a column (${e.name}) that was not lowered`)
      case 'lastOffset':
        return this.references.lastOffset(e)
      case 'header':
        return this.references.header(e, e.name === undefined ? undefined : this.value(e.name))
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
        return inValue(this, e)
      case 'compare':
        return compareValue(this, e)
      case 'arithmetic':
        return arithmeticCode(this, e)
      case 'negate':
        return negate(this, e)
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
          ? js`${this.emitter.constant(elements.itemOf, 'itemOf')}(${this.value(e.operand)}, ${this.value(e.index)})`
          : js`${this.emitter.constant(elements.elementOf, 'elementOf')}(${this.value(e.operand)}, ${this.value(e.index)})`
      case 'member':
        return js`${this.emitter.constant(elements.memberOf, 'memberOf')}(${this.value(e.operand)}, ${e.name})`
      case 'array':
        return this.#array(e)
      case 'struct':
        return this.#struct(e)
    }
  }

  /**
   * The value as arithmetic wants it, and whatever hands values on to arithmetic: with its mark, if it may have one.
   */
  marked(e: BoundExpr): Code {
    if (!this.mayBeMarked(e)) return this.value(e)
    switch (e.kind) {
      case 'path': {
        const text = this.references.text
        return text === undefined
          ? this.value(e)
          : js`${this.emitter.constant(mark.marked, 'marked')}(${this.references.path(e)}, ${text.call(this.references, e)})`
      }
      case 'slot':
        return this.references.slot(e)
      case 'arithmetic':
        return js`${this.emitter.constant(mark.markedArithmetic, 'dynamic')}(${e.op}, ${this.#part(e.left)}, ${this.#part(e.right)})`
      case 'negate':
        return js`${this.emitter.constant(mark.markedNegate, 'negate')}(${this.marked(e.operand)})`
      case 'case':
        return this.#case(e, (branch) => this.#part(branch))
      case 'constant':
        return e.marked === undefined ? this.value(e) : this.emitter.constant(e.marked, 'double')
      case 'cast':
        return this.#markedByType(
          this.#cast(e, (of) => this.marked(of)),
          e.operand.type,
        )
      case 'element':
        return oneIsList(e.operand.type)
          ? js`${this.emitter.constant(mark.markedItem, 'itemOf')}(${this.marked(e.operand)}, ${this.value(e.index)})`
          : js`${this.emitter.constant(mark.markedElement, 'elementOf')}(${this.marked(e.operand)}, ${this.value(e.index)})`
      case 'member':
        return js`${this.emitter.constant(mark.markedMember, 'memberOf')}(${this.marked(e.operand)}, ${e.name})`
      case 'array':
        return this.#array(e, (item) => this.#part(item))
      case 'struct':
        return this.#struct(e, (field) => this.marked(field))
      case 'function':
        return e.fn.double === undefined
          ? this.value(e)
          : this.#function(e, (arg) => this.#part(arg), markedFunction(e.fn.double), mark.markedJson)
      default:
        return this.value(e)
    }
  }

  /** A part of a marked value: what is a double by its type has the mark, too. */
  #part(e: BoundExpr): Code {
    return this.#markedByType(this.marked(e), e.type)
  }

  /** What `code` gives, with the marks of what is a double by the type. */
  #markedByType(code: Code, type: DataType): Code {
    if (isFloating(type)) return js`${this.emitter.constant(mark.markedDouble, 'double')}(${code})`
    if (!holds(type, isFloating)) return code
    return js`${this.emitter.constant((v: Value) => mark.markedParts(v, type), 'doubles')}(${code})`
  }

  /** Of unknown type or with parts of such, in a statement where it matters. */
  mayBeMarked(e: BoundExpr): boolean {
    return this.#functions.doubles === true && holds(e.type, ({ kind }) => kind === 'json')
  }

  unmarked(code: Code): Code {
    return js`${this.emitter.constant(unmarked, 'plain')}(${code})`
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

  #like(e: Extract<BoundExpr, { kind: 'like' }>): Code {
    const bytes = this.#likeBytes(e)
    if (bytes !== undefined) return bytes
    const text = this.value(e.operand)
    if (e.pattern.kind === 'constant' && typeof e.pattern.value === 'string') {
      const matches = this.emitter.constant(guarded(likeMatcher(e.pattern.value), e.span), 'like')
      const temp = this.temp()
      return js`(typeof (${temp} = ${text}) === 'string' ? ${matches}(${temp}) === ${!e.negated} : null)`
    }
    const like = js`${this.emitter.constant(guarded(likeDynamic, e.span), 'like')}(${text}, ${this.value(e.pattern)})`
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
    const slice = matcher === undefined ? undefined : this.references.slice?.(operand)
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

  #cast(e: Extract<BoundExpr, { kind: 'cast' }>, compile = (of: BoundExpr): Code => this.value(of)): Code {
    const from = e.operand.type
    const to = e.type
    const asItIs =
      (from.kind === 'int' && (to.kind === 'long' || to.kind === 'double')) ||
      (from.kind === 'float' && to.kind === 'double')
    if (asItIs) return compile(e.operand)
    const convert = this.emitter.constant(
      this.#counted(
        guarded((v: Value) => castValue(v, from, to, e.implicit), e.span),
        e.span,
      ),
      'cast',
    )
    const x = this.operand(e.operand, compile)
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

  #array(e: Extract<BoundExpr, { kind: 'array' }>, compile = (item: BoundExpr): Code => this.value(item)): Code {
    return this.#built(js`[${join(e.items.map(compile), ', ')}]`, e, e.items)
  }

  #struct(e: Extract<BoundExpr, { kind: 'struct' }>, compile = (field: BoundExpr): Code => this.value(field)): Code {
    const fields = e.fields.map((f) => js`[${f.name}, ${compile(f.value)}]`)
    return this.#built(
      js`new Map([${join(fields, ', ')}])`,
      e,
      e.fields.map(({ value }) => value),
    )
  }

  /** An array or structure of large parts may be any size once it is written out: twice itself, twice that, … */
  #built(code: Code, { span }: BoundExpr, parts: readonly BoundExpr[]): Code {
    return parts.some(({ type }) => mayBeLarge(type))
      ? js`${this.emitter.constant(guarded(checkText<Value>, span), 'checkText')}(${code})`
      : code
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

  /** Arguments of which each is computed only where all before it are null. */
  #untilGiven(args: readonly Code[]): Code[] {
    const given = this.temp()
    return args.map((arg, i) =>
      i === 0 ? js`(${given} = ${arg})` : js`(${given} === null ? (${given} = ${arg}) : null)`,
    )
  }

  #function(
    e: Extract<BoundExpr, { kind: 'function' }>,
    compile = (arg: BoundExpr): Code => this.value(arg),
    wrap = (f: Call): Call => f,
    read: FunctionContext['read'] = jsonValue,
  ): Code {
    const types = e.args.map((a) => a.type)
    const fn = this.emitter.constant(
      this.#counted(guarded(wrap(e.fn.make(types, { nowMs: this.#functions.nowMs, equal, read })), e.span), e.span),
      e.fn.name,
    )
    if (e.fn.nullable === true) {
      const all = e.fn.firstGiven === true && e.args.slice(1).some(isComputed)
      const given = all ? this.#untilGiven(e.args.map(compile)) : e.args.map(compile)
      return this.#measured(js`${fn}(${join(given, ', ')})`, e)
    }
    const args = e.args.map((a) => this.operand(a, compile))
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
  if (double !== 'element') return (f) => mark.markedResult(double, f)
  return (f) => (base, index) => (f(base, index) === null ? null : mark.markedElement(base, index))
}

function isFloating({ kind }: DataType): boolean {
  return kind === 'double' || kind === 'float'
}

function holds(type: DataType, test: (leaf: DataType) => boolean): boolean {
  return leavesOf(type).some(test)
}

function mayBeLarge({ kind }: DataType): boolean {
  return kind === 'array' || kind === 'struct' || kind === 'map' || kind === 'json' || kind === 'string'
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
