/** Functions that look at the record itself (its headers, the type of a field, its partition) instead of at values. */
import { unexpected } from '../../../lib/assert.ts'
import { findFunction } from '../../../functions/all-functions.ts'
import { HEADER_LIST } from '../../../functions/library/headers.ts'
import type * as ast from '../../../sql/ast.ts'
import { SqlError } from '../../../sql/error.ts'
import { BOOLEAN, DOUBLE, type DataType, INT, LONG, STRING, oneIsList, typeName } from '../../../types.ts'
import { convert } from './coerce.ts'
import { bindHop, bindTumble } from './bind-windows.ts'
import type { BoundExpr, HeaderRef } from '../../plan.ts'
import type { BindExpr, ExpressionContext } from './expression-context.ts'

/** Whether the record has a header of that name, with a value or without. */
function headerThere(ref: Extract<BoundExpr, { kind: 'header' }>, span: ast.Span): BoundExpr {
  const fn = findFunction('in_array')
  if (fn === undefined || ref.name === undefined) unexpected('the registry has no in_array')
  const keys: BoundExpr = { ...ref, name: undefined, as: 'keys', type: { kind: 'array', element: STRING } }
  return { kind: 'function', fn, name: 'IN_ARRAY', args: [ref.name, keys], type: BOOLEAN, span }
}

/** Binds a call of such a function; the number of its arguments has been checked. */
type BindCall = (e: ast.Call, c: ExpressionContext, bind: BindExpr) => BoundExpr

/** By the name of the function. */
export const RECORD_FUNCTIONS: Readonly<Record<string, BindCall>> = {
  exists: (e, c, bind) => {
    const ref = bind(e.args[0], c)
    if (ref.kind === 'header' && ref.name !== undefined) return headerThere(ref, e.span)
    if (ref.kind === 'element' && ref.operand.kind === 'header')
      return headerThere({ ...ref.operand, name: ref.index }, e.span)
    // An item of an element of XML, whose values are never null.
    if ((ref.kind === 'element' || ref.kind === 'member') && oneIsList(ref.type))
      return { kind: 'isNull', operand: ref, negated: true, type: BOOLEAN, span: e.span }
    if (ref.kind !== 'path')
      throw new SqlError(
        'ARGUMENTS',
        'EXISTS takes a field of a record.',
        e.args[0].span,
        'Write a field or a header of a table: `EXISTS`(vessel.name).',
      )
    return { kind: 'presence', source: ref.source, path: ref.path, type: BOOLEAN, span: e.span }
  },
  typeof: (e, c, bind) => {
    const type =
      e.args.length === 0
        ? c.scope.resolve([{ text: '_value', quoted: false, span: e.span }], e.span).type
        : bind(e.args[0], c).type
    return {
      kind: 'constant',
      value: type.kind === 'struct' && type.name !== undefined ? type.name : typeName(type),
      type: STRING,
      span: e.span,
    }
  },
  tumble: (e, c, bind) => bindTumble(e, bind(e.args[0], c)),
  tumble_end: (e, c, bind) => bindTumble(e, bind(e.args[0], c)),
  hop: (e, c, bind) => bindHop(e, bind(e.args[0], c), c.windows),
  hop_end: (e, c, bind) => bindHop(e, bind(e.args[0], c), c.windows),
  last_offset: (e, c) => ({ kind: 'lastOffset', source: onlySource(e, c), type: LONG, span: e.span }),
  headerkeys: (e, c) => ({
    kind: 'header',
    source: onlySource(e, c),
    name: undefined,
    as: 'keys',
    type: { kind: 'array', element: STRING },
    span: e.span,
  }),
  headerasstring: (e, c, bind) => headerAs(e, c, bind, 'string', STRING),
  headerasbytes: (e, c, bind) => headerAs(e, c, bind, 'bytes', { kind: 'bytes' }),
  headersasstring: (e, c, bind) => headerAs(e, c, bind, 'strings', { kind: 'array', element: STRING }),
  headersasbytes: (e, c, bind) => headerAs(e, c, bind, 'blobs', { kind: 'array', element: { kind: 'bytes' } }),
  headers: (e, c) => ({
    kind: 'header',
    source: onlySource(e, c),
    name: undefined,
    as: 'list',
    type: HEADER_LIST,
    span: e.span,
  }),
  headerasint: (e, c, bind) => headerAs(e, c, bind, 'int', INT),
  headeraslong: (e, c, bind) => headerAs(e, c, bind, 'long', LONG),
  headerasfloat: (e, c, bind) => headerAs(e, c, bind, 'float', { kind: 'float' }),
  headerasdouble: (e, c, bind) => headerAs(e, c, bind, 'double', DOUBLE),
}

function onlySource(e: ast.Call, c: ExpressionContext): number {
  const tables = c.scope.relations.filter((r) => r.kind === 'table')
  if (tables.length !== 1)
    throw new SqlError('UNSUPPORTED', `${e.name.text} needs one topic in FROM, and there are ${tables.length}.`, e.span)
  return tables[0].source
}

function headerAs(e: ast.Call, c: ExpressionContext, bind: BindExpr, as: HeaderRef['as'], type: DataType): BoundExpr {
  return {
    kind: 'header',
    source: onlySource(e, c),
    name: convert(bind(e.args[0], c), STRING),
    as,
    type,
    span: e.span,
  }
}
