/** Why a statement, or a part of it, is not handed over to Flink. */
import type { Span } from '../../sql/ast.ts'

/** A sentence that names the reason, and what to write instead. It becomes a SqlError, or ends the wish to hand over. */
export class Refusal extends Error {
  readonly span: Span | undefined
  readonly remedy: string | undefined
  constructor(reason: string, span?: Span, remedy?: string) {
    super(reason)
    this.name = 'Refusal'
    this.span = span
    this.remedy = remedy
  }
}
