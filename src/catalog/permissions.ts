/**
 * What one account may see: rules over topic names, and a catalog in which everything else does not exist. It does not
 * know who the account is, and it does not mask fields.
 */
import type { Right } from '../plan/administration.ts'
import type { Catalog } from '../plan/catalog.ts'
import { filterSliced } from '../lib/work/slices.ts'
import { anyOf } from './pattern.ts'

/** One line of an account's policy. */
export interface TopicRule {
  readonly effect: 'allow' | 'deny'
  /** Patterns as in `pattern.ts`: `orders`, `pay*`, `*-public`, `*`. */
  readonly topics: readonly string[]
  /**
   * Default: of a rule that allows `read` alone, of one that denies all of them. A rule that allows anything allows
   * reading, too.
   */
  readonly rights?: readonly Right[]
}

/**
 * Whether there is a right on a topic. A rule that denies wins over every rule that allows; what no rule mentions is
 * denied.
 */
export function topicPolicy(rules: readonly TopicRule[], right: Right = 'read'): (topic: string) => boolean {
  const allowed = rules
    .filter((r) => r.effect === 'allow' && (right === 'read' || r.rights?.includes(right) === true))
    .flatMap((r) => r.topics)
  // What may not be read cannot be written either: it does not exist for the account.
  const denied = rules
    .filter(
      (r) => r.effect === 'deny' && (r.rights === undefined || r.rights.includes(right) || r.rights.includes('read')),
    )
    .flatMap((r) => r.topics)
  const [isAllowed, isDenied] = [anyOf(allowed), anyOf(denied)]
  return (topic) => isAllowed(topic) && !isDenied(topic)
}

/**
 * The catalog without the tables that may not be seen: they are not listed, not found, and not asked for, so that the
 * time of the answer reveals nothing either.
 */
export function restrict(catalog: Catalog, allow: (topic: string) => boolean): Catalog {
  return {
    async table(name) {
      if (!allow(name)) return undefined
      const table = await catalog.table(name)
      return table !== undefined && allow(table.topic) ? table : undefined
    },
    async tables(options) {
      return filterSliced(await catalog.tables(options), (t) => allow(t.name))
    },
    async configuration(name) {
      return allow(name) ? catalog.configuration(name) : []
    },
    async lookDeeper(name) {
      if (allow(name)) await catalog.lookDeeper?.(name)
    },
  }
}
