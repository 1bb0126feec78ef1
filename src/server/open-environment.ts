/**
 * Connects one environment: the cluster, its log, the schema registry, the catalog. Nothing is asked of any of them
 * before the first query.
 */
import { createAdministration } from '../catalog/administration.ts'
import { createCatalog } from '../catalog/kafka-catalog.ts'
import { declarationOf, withObjects } from '../catalog/objects.ts'
import { restrict } from '../catalog/permissions.ts'
import { openStore } from '../catalog/file-store.ts'
import type { CatalogStore } from '../catalog/store.ts'
import { createFlinkEngine } from '../flink/flink-engine.ts'
import { Cluster } from '../kafka/cluster.ts'
import { ConsumerGroups } from '../kafka/admin/groups.ts'
import { createKafkaLog } from '../kafka/read/reader.ts'
import { systemClock } from '../lib/clock.ts'
import { createRegistry } from '../registry/client.ts'
import { readGlueFolder } from '../registry/glue.ts'
import { type Account, administers, rightsOf } from './access/auth.ts'
import type { QueryEnvironment } from '../engine/host.ts'
import { type CatalogPeers, type Environment, type EnvironmentConfig, serversTopic } from './environment.ts'

const PROBE_TIMEOUT_MS = 5000

/**
 * Connects lazily: Kafka is first asked by a query or the health check. Rejects when the folder of Glue schemas cannot
 * be read. `peers`: other threads with caches of the same cluster.
 */
export async function openEnvironment(
  config: EnvironmentConfig,
  given?: CatalogStore,
  peers?: CatalogPeers,
): Promise<Environment> {
  const cluster = new Cluster({ clientId: 'sluice', ...config.kafka })
  const log = createKafkaLog(cluster)
  const registry = config.registry === undefined ? undefined : createRegistry(config.registry)
  const store = given ?? (await openStore())
  const objects = store.environment(config.name)
  const glue = config.glue === undefined ? undefined : await readGlueFolder(config.glue.folder)
  const catalog = createCatalog({
    cluster,
    log,
    registry,
    glue,
    formats: config.formats,
    declared: (topic, id) => declarationOf(objects, topic, id),
    met: (met) => peers?.met(met),
  })
  // They hold the objects, saved queries and statements of everybody.
  const hidden = config.stateTopic === undefined ? [] : [config.stateTopic, serversTopic(config.stateTopic)]
  const other = config.flink === undefined ? undefined : createFlinkEngine(config.flink, config.kafka, config.registry)
  const query = (account: Account): QueryEnvironment => {
    const rights = rightsOf(account, config.name)
    const may: typeof rights = (right, topic) => !hidden.includes(topic) && rights(right, topic)
    const mayRead = (topic: string): boolean => may('read', topic)
    return {
      catalog: withObjects(restrict(catalog, mayRead), objects, mayRead),
      log,
      other,
      administration: createAdministration({
        cluster,
        registry,
        objects,
        forget: (topic) => {
          catalog.forget(topic)
          peers?.forgot(topic)
        },
        account: account.name,
        may,
        all: administers(account, config.name),
      }),
    }
  }
  return {
    name: config.name,
    query,
    catalog,
    log,
    cluster,
    consumers: new ConsumerGroups(cluster),
    registry: config.registry,
    probe: async () => {
      await cluster.metadata([], { fresh: true, deadlineMs: systemClock.monotonic() + PROBE_TIMEOUT_MS })
    },
    close: async () => {
      catalog.close()
      cluster.close()
      if (given === undefined) store.close()
    },
  }
}
