/**
 * Random statements over the topics of random-calls.ts: groups, windows, conditions on groups, orders with a limit,
 * subqueries in FROM, items of arrays, all of them over computed values. As there, the same is asked of two engines.
 */
import { CALL_TABLES, callOf, type Kind } from './random-calls.ts'
import type { Random } from './random-tables.ts'

/** Where a row is: what makes an order without a tie. */
const PLACE = '_meta.partition, _meta.offset'

export function randomGroups(random: Random): string {
  const table = random.pick(Object.keys(CALL_TABLES))
  return new Groups(table, random).statement()
}

class Groups {
  readonly #table: string
  readonly #random: Random

  constructor(table: string, random: Random) {
    this.#table = table
    this.#random = random
  }

  statement(): string {
    const random = this.#random
    const from = this.#table
    return random.pick([
      () =>
        `SELECT ${this.#key()} AS k, ${this.#aggregates()} FROM ${from}${this.#where()} GROUP BY k${this.#having()}`,
      () =>
        `SELECT ${this.#key()} AS k, ${this.#key()} AS j, ${this.#aggregates()} FROM ${from}${this.#where()} GROUP BY k, j${this.#having()}`,
      () => `SELECT ${this.#aggregates()} FROM ${from}${this.#where()}`,
      () => {
        const window = this.#window()
        return `SELECT ${window} AS w, ${this.#aggregates()} FROM ${from}${this.#where()} GROUP BY ${window}`
      },
      () =>
        `SELECT ${this.#key()} AS k, _meta.partition AS p, _meta.offset AS e FROM ${from}${this.#where()} ORDER BY ${this.#key()}${this.#direction()}, ${PLACE} LIMIT ${random.int(1, 12)}${random.chance(0.3) ? ` OFFSET ${random.int(1, 5)}` : ''}`,
      () => `SELECT DISTINCT ${this.#key()} AS k, ${this.#key()} AS j FROM ${from}${this.#where()}`,
      () => {
        const inner = `SELECT ${this.#key()} AS x, ${this.#call('whole')} AS y, ${this.#call('truth')} AS z FROM ${from}${this.#where()}`
        return `SELECT x, COUNT(*) AS n, MAX(y) AS m, COUNT(y) FILTER (WHERE z) AS f FROM (${inner}) AS q WHERE ${random.pick(['x IS NOT NULL', 'z', 'NOT z', 'y > 1', 'y <> 0 OR z', 'z IS NULL'])} GROUP BY x`
      },
      () =>
        `SELECT k, SUM(n) AS s, MAX(m) AS m FROM (SELECT ${this.#key()} AS k, ${this.#key()} AS j, COUNT(*) AS n, ${random.pick(['MIN', 'MAX', 'SUM'])}(${this.#call(random.pick(['whole', 'number'] as const))}) AS m FROM ${from} GROUP BY k, j) AS q GROUP BY k`,
      () => {
        const kind = this.#kind()
        const side = (): string =>
          `SELECT _meta.partition AS p, _meta.offset AS e, ${this.#call(kind)} AS x FROM ${from} WHERE ${this.#call('truth')}`
        return `${side()} ${random.pick(['UNION', 'EXCEPT', 'INTERSECT', 'UNION ALL'])} ${side()}`
      },
      () =>
        from === 'odd_json'
          ? `SELECT item, COUNT(*) AS n, MIN(s) AS l FROM odd_json LATERAL ${random.pick(['a', 'a', 'o'])} AS item${this.#where()} GROUP BY item`
          : `SELECT ${this.#key()} AS k, MIN(ms) AS l, MAX(us) AS m, MAX(w) AS d, MAX(c) - MIN(q) AS c FROM ${from} GROUP BY k`,
    ])()
  }

  #call(kind: Kind, depth = this.#random.int(0, 2)): string {
    return callOf(kind, this.#table, this.#random, depth)
  }

  #kind(): Kind {
    const more: Kind = this.#table === 'odd_json' ? 'any' : 'decimal'
    return this.#random.pick(['text', 'text', 'whole', 'number', 'truth', 'moment', 'date', more] as const)
  }

  /** What groups and orders are made by. */
  #key(): string {
    return this.#call(this.#kind())
  }

  #window(): string {
    const at = this.#call('moment', this.#random.int(0, 1))
    return this.#random.pick([
      () => `TUMBLE(${at}, '${this.#random.pick(['1h', '7m', '1d', '1w', '1M', '3M', '1y'])}')`,
      () => `HOP(${at}, ${this.#random.pick(["'2d', '1d'", "'90m', '30m'", "'2M', '1M'", "'3w', '1w'"])})`,
    ])()
  }

  #aggregates(): string {
    return Array.from({ length: this.#random.int(1, 3) }, (_, i) => `${this.#aggregate()} AS g${i}`).join(', ')
  }

  #aggregate(): string {
    const random = this.#random
    const number = (): string =>
      this.#call(random.pick(['whole', 'whole', 'number', this.#table === 'odd_json' ? 'any' : 'decimal'] as const))
    const made = random.pick([
      () => 'COUNT(*)',
      () => `COUNT(${this.#key()})`,
      () => `COUNT(DISTINCT ${this.#key()})`,
      () => `SUM(${number()})`,
      () => `AVG(${number()})`,
      () => `${random.pick(['SUM', 'AVG'])}(DISTINCT ${this.#call(random.pick(['whole', 'number'] as const))})`,
      () => `${random.pick(['MIN', 'MAX'])}(${this.#key()})`,
      () => `${random.pick(['MIN', 'MAX'])}(${this.#key()})`,
    ])()
    return random.chance(0.25) ? `${made} FILTER (WHERE ${this.#call('truth')})` : made
  }

  #where(): string {
    return this.#random.chance(0.4) ? ` WHERE ${this.#call('truth')}` : ''
  }

  #having(): string {
    const random = this.#random
    if (random.chance(0.7)) return ''
    return ` HAVING ${random.pick(['COUNT(*) > 1', 'COUNT(*) = 1', `MAX(${this.#call('whole')}) > 0`, 'k IS NOT NULL', `SUM(${this.#call('whole')}) <> 0`])}`
  }

  #direction(): string {
    return this.#random.pick(['', ' DESC', ' NULLS FIRST', ' DESC NULLS LAST'])
  }
}
