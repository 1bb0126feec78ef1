/**
 * Opens what holds views, synonyms, declared formats, descriptions and saved queries: the file in the data folder, or
 * the topic that several servers share.
 */
import type { Note } from '../catalog/state/passed-over.ts'
import { openStateTopic, type StateTopic } from '../catalog/state/state-topic.ts'
import { openStore } from '../catalog/file-store.ts'
import type { OwnedStore } from '../catalog/store.ts'
import { Cluster } from '../kafka/cluster.ts'
import { createKafkaLog } from '../kafka/read/reader.ts'
import { there } from '../lib/assert.ts'
import type { Clock } from '../lib/clock.ts'
import { UserError } from '../lib/user-error.ts'
import type { ServerConfig, StateConfig } from './config/config.ts'
import type { Log } from './log.ts'

/** What `sluice state` works on. */
export type StoreName = 'file' | 'topic'

/**
 * The store that `sluice state` is about; without a name the one that the server uses. Rejects where the configuration
 * has none, the topic does not answer, or it is not there and not to be made (`create`).
 */
export async function openNamed(
  config: ServerConfig,
  name: StoreName | undefined,
  log: Log,
  create = true,
): Promise<OwnedStore> {
  const wanted = name ?? (config.state === undefined ? 'file' : 'topic')
  if (wanted === 'file') {
    if (config.server.dataFolder === undefined)
      throw new UserError('There is no file: the configuration has no server.dataFolder. Give it, or --data-folder.')
    return await openStore(config.server.dataFolder, { create, note: noteIn(log) })
  }
  if (config.state === undefined)
    throw new UserError('There is no topic: the configuration has no state.topic. Give it, or --state-topic.')
  const store = await openTopic(config, config.state, log, { create })
  if (store.condition === 'up') return store
  store.close()
  throw new UserError(`The topic ${JSON.stringify(config.state.topic)} (state.topic) cannot be read: ${store.problem}.`)
}

/** The store that the configuration names. Rejects with a StateTopicError when its topic cannot serve. */
export async function openState(config: ServerConfig, log: Log, clock?: Clock): Promise<OwnedStore> {
  return config.state === undefined
    ? await openStore(config.server.dataFolder, { note: noteIn(log), clock })
    : await openTopic(config, config.state, log, { clock })
}

function noteIn(log: Log): Note {
  return (level, about, text) => log[level](about, text)
}

async function openTopic(
  config: ServerConfig,
  state: StateConfig,
  log: Log,
  { clock, create }: { readonly clock?: Clock; readonly create?: boolean },
): Promise<StateTopic> {
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
    note: noteIn(log),
    clock,
    create,
  })
}
