/**
 * Names → paths and slots. A scope holds the relations of one FROM; it finds what a dotted name means in them, and says
 * in the user's words when it means nothing.
 */
import type { Name, Span } from '../../../sql/ast.ts'
import { SqlError } from '../../../sql/error.ts'
import type { BoundExpr } from '../../plan.ts'
import type { Relation } from './relation.ts'
import { declares, dotted, tableHas, within } from './resolve.ts'

/** The names that an expression can use: those of its FROM and of the enclosing queries. */
export class Scope {
  readonly relations: readonly Relation[]
  /** The enclosing query. */
  readonly outer: Scope | undefined
  constructor(relations: readonly Relation[], outer?: Scope) {
    this.relations = relations
    this.outer = outer
  }

  /**
   * What `a.b.c` means: a name of this FROM, else one of the enclosing query. JSON of unknown shape has every name, so
   * there a name of the outer query is written with its table; what CREATE TABLE lists is known.
   */
  resolve(parts: readonly Name[], span: Span): BoundExpr {
    if (this.outer === undefined) return this.#here(parts, span)
    const named =
      parts.length > 1 && !this.#knows(parts[0].text)
        ? this.#around((s) => (s.#knows(parts[0].text) ? s.#here(parts, span) : undefined))
        : undefined
    if (named !== undefined) return named
    const declared =
      this.#isDeclared && !this.#knows(parts[0].text) && !this.has(parts[0].text)
        ? this.#around((s) => (s.has(parts[0].text) ? s.#here(parts, span) : undefined))
        : undefined
    if (declared !== undefined) return declared
    try {
      return this.#here(parts, span)
    } catch (e) {
      if (!(e instanceof SqlError) || e.code !== 'UNKNOWN_COLUMN') throw e
      const found = this.#around((s) => s.#certain(parts, span))
      if (found === undefined) throw e
      return found
    }
  }

  /** The nearest outer meaning. */
  #around(find: (scope: Scope) => BoundExpr | undefined): BoundExpr | undefined {
    for (let at = this.outer; at !== undefined; at = at.outer) {
      const found = find(at)
      if (found !== undefined) return found
    }
    return undefined
  }

  /**
   * Has a source of this FROM, or of an enclosing query, a field of that name for certain? JSON of unknown shape may
   * have every name.
   */
  knows(name: string): boolean {
    for (let at: Scope | undefined = this; at !== undefined; at = at.outer) if (at.has(name)) return true
    return false
  }

  /** The same of this FROM alone. */
  has(name: string): boolean {
    return this.relations.some((r) => {
      if (r.kind === 'rows')
        return r.item === true
          ? r.names.includes(name)
          : r.columns.some((c) => c.open !== true && c.name.split('.')[0] === name)
      return tableHas(r, name) || declares(r, name)
    })
  }

  /**
   * Is every source one whose columns are listed, by a schema or by CREATE TABLE? Then a name that none of them lists
   * may be one of an enclosing query.
   */
  get #isDeclared(): boolean {
    return this.relations.every((r) =>
      r.kind === 'rows'
        ? r.columns.every((c) => c.open !== true)
        : r.table.value.type.kind === 'struct' || r.table.value.declared !== undefined,
    )
  }

  /** Could a source of this FROM have a field of any name? */
  get open(): boolean {
    return this.relations.some((r) =>
      r.kind === 'rows' ? r.columns.some((c) => c.open === true) : r.table.value.type.kind !== 'struct',
    )
  }

  /** Is a source called that? */
  names(name: string): boolean {
    return this.relations.some((r) => r.names.includes(name))
  }

  /** Is the name that of a relation, or of something that a relation has for certain? */
  #knows(name: string): boolean {
    return this.relations.some(
      (r) =>
        r.names.includes(name) ||
        (r.kind === 'rows'
          ? r.columns.some((c) => c.open !== true && c.name.split('.')[0] === name)
          : tableHas(r, name)),
    )
  }

  #certain(parts: readonly Name[], span: Span): BoundExpr | undefined {
    try {
      const found = this.#here(parts, span)
      return found.type.kind === 'json' && found.kind !== 'column' ? undefined : found
    } catch (e) {
      if (e instanceof SqlError) return undefined
      throw e
    }
  }

  /** With an alias a table's own name means nothing any more; in JSON it would be a field that no record has. */
  #refuseHiddenName(parts: readonly Name[]): void {
    if (parts.length < 2) return
    const [{ text, span }, ...rest] = parts
    const hidden = this.relations.find(
      (r) => r.kind === 'table' && r.table.name === text && r.table.value.type.kind !== 'struct',
    )
    if (hidden !== undefined)
      throw new SqlError(
        'UNKNOWN_COLUMN',
        `The table "${text}" is called "${hidden.names[0]}" in this query.`,
        span,
        `Write ${hidden.names[0]}.${dotted(rest)}.`,
      )
  }

  #here(parts: readonly Name[], span: Span): BoundExpr {
    const item = this.relations.find((r) => r.kind === 'rows' && r.item === true && r.names.includes(parts[0].text))
    if (item !== undefined) return within(item, parts, span)
    const qualified = this.relations.filter((r) => parts.length > 1 && r.names.includes(parts[0].text))
    if (qualified.length > 0) return within(qualified[0], parts.slice(1), span)
    if (this.relations.length === 0)
      throw new SqlError('UNKNOWN_COLUMN', `Unknown column "${dotted(parts)}": there is no FROM.`, span)
    this.#refuseHiddenName(parts)
    if (this.relations.length === 1) return within(this.relations[0], parts, span)
    const hits: BoundExpr[] = []
    const certain: BoundExpr[] = []
    let failure: unknown
    for (const relation of this.relations) {
      try {
        const hit = within(relation, parts, span)
        hits.push(hit)
        // A field that is certainly there wins over one that JSON may have.
        if (hit.type.kind !== 'json' || hit.kind === 'column' || declares(relation, parts[0].text)) certain.push(hit)
      } catch (e) {
        failure = e
      }
    }
    if (hits.length === 1 || certain.length === 1) return certain[0] ?? hits[0]
    if (hits.length === 0) throw failure
    throw new SqlError(
      'AMBIGUOUS_COLUMN',
      `"${dotted(parts)}" is in several sources.`,
      span,
      `Write ${this.relations.map((r) => `${r.names[0]}.${dotted(parts)}`).join(' or ')}.`,
    )
  }
}
