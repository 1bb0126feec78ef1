/** Connects one environment: the cluster, its log, the schema registry, the catalog. Nothing is asked of any of them before the first query. */
import { createCatalog } from '../catalog/catalog.ts'
import { restrict } from '../catalog/permissions.ts'
import { Cluster } from '../kafka/cluster.ts'
import { createKafkaLog } from '../kafka/reader.ts'
import { systemClock } from '../lib/clock.ts'
import { createRegistry } from '../registry/client.ts'
import { readable } from './auth.ts'
import type { Environment, EnvironmentConfig } from './environment.ts'

const PROBE_TIMEOUT_MS = 5000

export async function openEnvironment(config: EnvironmentConfig): Promise<Environment> {
  const cluster = new Cluster({ clientId: 'sluice', ...config.kafka })
  const log = createKafkaLog(cluster)
  const registry = config.registry === undefined ? undefined : createRegistry(config.registry)
  const catalog = createCatalog({ cluster, log, registry, formats: config.formats })
  return {
    name: config.name,
    query: (account) => ({ catalog: restrict(catalog, readable(account, config.name)), log }),
    catalog,
    probe: async () => {
      await cluster.metadata([], { fresh: true, deadlineMs: systemClock.now() + PROBE_TIMEOUT_MS })
    },
    close: async () => {
      catalog.close()
      cluster.close()
    },
  }
}
