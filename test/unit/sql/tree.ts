/** Test helpers: syntax trees without spans, and expressions as one-line prefix notation. */
import type { Expr, Statement } from '../../../src/sql/ast.ts'
import { parseExpression, parseScript } from '../../../src/sql/parse.ts'
import { printQuery } from '../../../src/sql/print.ts'

/** A plain copy without spans and without properties that are undefined. */
export function bare(node: unknown): unknown {
  return JSON.parse(
    JSON.stringify(node, (key, value) => (/^(span|opSpan|nameSpan|valueSpan)$/.test(key) ? undefined : value)),
  )
}

/** The only statement of a text. */
export function one(text: string): Statement {
  const statements = parseScript(text)
  if (statements.length !== 1) throw new Error(`${statements.length} statements in ${text}`)
  return statements[0]
}

/** An expression as `(op operand …)`, to show how it was grouped. */
export function grouping(text: string): string {
  return lisp(parseExpression(text))
}

function lisp(e: Expr): string {
  const list = (...items: readonly string[]): string => `(${items.join(' ')})`
  switch (e.kind) {
    case 'null':
      return 'null'
    case 'boolean':
      return String(e.value)
    case 'number':
      return e.text
    case 'string':
      return JSON.stringify(e.value)
    case 'array':
      return list('array', ...e.items.map(lisp))
    case 'struct':
      return list('struct', ...e.fields.map((f) => `${f.name.text}=${lisp(f.value)}`))
    case 'column':
      return e.parts.map((part) => (part.quoted ? `\`${part.text}\`` : part.text)).join('.')
    case 'index':
      return list('at', lisp(e.base), lisp(e.index))
    case 'member':
      return list('.', lisp(e.base), e.name.text)
    case 'unary':
      return list(e.op === 'not' ? 'not' : `${e.op}1`, lisp(e.operand))
    case 'binary':
      return list(e.op, lisp(e.left), lisp(e.right))
    case 'between':
      return list(e.negated ? 'not-between' : 'between', lisp(e.operand), lisp(e.low), lisp(e.high))
    case 'in':
      return list(
        e.negated ? 'not-in' : 'in',
        lisp(e.operand),
        ...(e.query === undefined ? (e.items ?? []).map(lisp) : [printQuery(e.query)]),
      )
    case 'like':
      return list(e.negated ? 'not-like' : 'like', lisp(e.operand), lisp(e.pattern))
    case 'isNull':
      return list(e.negated ? 'not-null' : 'null?', lisp(e.operand))
    case 'isTruth':
      return list(`${e.negated ? 'not-' : ''}${e.truth}?`, lisp(e.operand))
    case 'isDistinct':
      return list(e.negated ? 'not-distinct?' : 'distinct?', lisp(e.operand), lisp(e.from))
    case 'moment':
      return e.word
    case 'case':
      return list(
        'case',
        e.operand === undefined ? '_' : lisp(e.operand),
        ...e.whens.map((w) => `${lisp(w.when)}:${lisp(w.then)}`),
        e.otherwise === undefined ? '_' : lisp(e.otherwise),
      )
    case 'cast':
      return list('cast', lisp(e.operand), `${e.type.name}${'[]'.repeat(e.type.arrayDepth)}`)
    case 'call':
      return list(
        'call',
        e.name.quoted ? `\`${e.name.text}\`` : e.name.text,
        ...(e.star ? ['*'] : []),
        ...(e.distinct ? ['distinct'] : e.all === true ? ['all'] : []),
        ...e.args.map(lisp),
        ...(e.filter === undefined ? [] : [`filter=${lisp(e.filter)}`]),
      )
    case 'exists':
      return list('exists', printQuery(e.query))
    case 'subquery':
      return list('query', printQuery(e.query))
  }
}
