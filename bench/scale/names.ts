/** What the topics of the simulation are called. */

/** One batch of so many records lies in each partition of the wide topic. */
export const RECORDS_PER_PARTITION = 20
/** The topic of very many partitions. */
export const WIDE = 'wide'
/** The topic that the other client asks. */
export const SMALL = 'small'
/** Some topics that a pattern names: few among very many. */
export const FEW = { prefix: 'orders-region-', count: 40 } as const

const DOMAINS = ['billing', 'catalog', 'claims', 'delivery', 'fraud', 'ledger', 'loyalty', 'pricing', 'risk', 'stock']

/** `ledger.service-031.event-7.v1`: names as large companies have them. */
export function generatedName(i: number): string {
  const service = String(Math.floor(i / 100) % 1000).padStart(3, '0')
  return `${DOMAINS[i % 10]}.service-${service}.event-${Math.floor(i / 10) % 10}.v${Math.floor(i / 100_000) + 1}`
}
