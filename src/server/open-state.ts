/**
 * Opens what holds views, synonyms, declared formats, descriptions and saved queries: the file in the data folder, or
 * the topic that several servers share.
 */
import { openStateTopic, type StateTopic } from '../catalog/state/state-topic.ts'
import { openStore, type OwnedStore } from '../catalog/store.ts'
import { Cluster } from '../kafka/cluster.ts'
import { createKafkaLog } from '../kafka/read/reader.ts'
import { there } from '../lib/assert.ts'
import type { Clock } from '../lib/clock.ts'
import type { ServerConfig, StateConfig } from './config/config.ts'
import type { Log } from './log.ts'

/** The store that the configuration names. Rejects with a StateTopicError when its topic cannot serve. */
export async function openState(config: ServerConfig, log: Log, clock?: Clock): Promise<OwnedStore> {
  return config.state === undefined
    ? await openStore(config.server.dataFolder)
    : await openTopic(config, config.state, log, clock)
}

async function openTopic(config: ServerConfig, state: StateConfig, log: Log, clock?: Clock): Promise<StateTopic> {
  const { kafka } = there(
    config.environments.find(({ name }) => name === state.environment),
    'the configuration was checked for the environment of the state topic',
  )
  const cluster = new Cluster({ clientId: 'sluice', ...kafka })
  return await openStateTopic({
    cluster,
    log: createKafkaLog(cluster),
    topic: state.topic,
    replication: state.replication,
    note: (level, about, text) => log[level](about, text),
    clock,
  })
}
