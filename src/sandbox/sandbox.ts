/** Starts everything that a demo needs on loopback: broker, schema registry, demo topics that grow. */
import { join } from 'node:path'
import { startBroker, type Broker, type BrokerOptions } from './broker.ts'
import { loadDemoData, type DemoData, type DemoSizes } from './demo-data.ts'
import { startRegistry, type Registry } from './schema-registry.ts'

export interface SandboxOptions {
  /** Port of the broker; 0 (the default) takes a free one. */
  readonly port?: number
  /** 0 (the default) takes a free one. */
  readonly registryPort?: number
  /** Keeps topics and schemas in this folder and loads what is there; without it, in memory. */
  readonly dataFolder?: string
  /** Fewer records than usual. */
  readonly sizes?: Partial<DemoSizes>
  /** `sandbox.max.bytes`. */
  readonly maxBytes?: number
  readonly clock?: BrokerOptions['clock']
}

/** A running broker with its registry and demo topics. */
export interface Sandbox {
  /** `host:port` */
  readonly brokers: string
  /** `http://host:port` */
  readonly registryUrl: string
  readonly broker: Broker
  readonly registry: Registry
  readonly demo: DemoData
  close(): Promise<void>
}

/** All of it; the topics are filled when the promise is fulfilled. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { dataFolder, maxBytes, clock } = options
  const broker = await startBroker({ port: options.port, dataFolder, maxBytes, clock })
  let registry: Registry | undefined
  const close = async () => {
    await Promise.all([broker.close(), registry?.close()])
  }
  try {
    registry = await startRegistry({
      port: options.registryPort,
      dataFolder: dataFolder === undefined ? undefined : join(dataFolder, 'registry'),
    })
    const demo = await loadDemoData(broker.store, registry.schemas, { sizes: options.sizes, clock })
    const stop = () => {
      demo.stop()
      return close()
    }
    return { brokers: broker.bootstrap, registryUrl: registry.url, broker, registry, demo, close: stop }
  } catch (error) {
    await close()
    throw error
  }
}
