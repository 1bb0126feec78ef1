/** Constant folding: what depends on nothing is computed by the code that would compute it for each row. */
import { Emitter, js } from '../../../codegen/emitter.ts'
import type { Span } from '../../../sql/ast.ts'
import type { DataType, Value } from '../../../types.ts'
import type { BoundExpr } from '../../../plan/plan.ts'
import { unmarked } from '../values/whole-double.ts'
import { declare } from './code-parts.ts'
import { ExpressionCompiler } from './expression.ts'
import { type EvaluationContext, RowReferences } from './references.ts'

/** Computes an expression that depends on nothing: constant folding. */
export function evaluateConstant(e: BoundExpr, functions: EvaluationContext): BoundExpr {
  const emitter = new Emitter()
  const compiler = new ExpressionCompiler(emitter, new RowReferences(js`null`), functions)
  const code = compiler.marked(e)
  const value = emitter.build<() => Value>([], js`${declare(compiler.temps)} return ${code}`, 'constant')()
  return constantOf(value, e.type, e.span)
}

/** A computed value in the place of what it was computed from; with its marks, if it has some. */
export function constantOf(value: Value, type: DataType, span: Span | undefined): BoundExpr {
  const plain = unmarked(value)
  return plain === value || Number.isNaN(value)
    ? { kind: 'constant', value, type, span }
    : { kind: 'constant', value: plain, type, span, marked: value }
}
