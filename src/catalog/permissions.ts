/**
 * What one account may see: rules over topic names, and a catalog in which everything else does not exist. It does not know who the account is,
 * and it does not mask fields.
 */
import type { Catalog } from '../plan/catalog.ts'
import { matchesPattern } from './pattern.ts'

/** One line of an account's policy. */
export interface TopicRule {
  readonly effect: 'allow' | 'deny'
  /** Patterns as in `pattern.ts`: `orders`, `pay*`, `*-public`, `*`. */
  readonly topics: readonly string[]
}

/** Whether a topic may be seen. A rule that denies wins over every rule that allows; what no rule mentions is denied. */
export function topicPolicy(rules: readonly TopicRule[]): (topic: string) => boolean {
  const patterns = (effect: TopicRule['effect']): string[] => rules.filter((r) => r.effect === effect).flatMap((r) => r.topics)
  const allowed = patterns('allow')
  const denied = patterns('deny')
  return (topic) => allowed.some((p) => matchesPattern(p, topic)) && !denied.some((p) => matchesPattern(p, topic))
}

/** The catalog without the tables that may not be seen: they are not listed, not found, and not asked for, so that the time of the answer tells nothing either. */
export function restrict(catalog: Catalog, allow: (topic: string) => boolean): Catalog {
  return {
    async table(name) {
      if (!allow(name)) return undefined
      const table = await catalog.table(name)
      return table !== undefined && allow(table.topic) ? table : undefined
    },
    async tables() {
      return (await catalog.tables()).filter((t) => allow(t.name))
    },
    async configuration(name) {
      return allow(name) ? catalog.configuration(name) : []
    },
  }
}
