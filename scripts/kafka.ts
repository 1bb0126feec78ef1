/**
 * A real Apache Kafka on this machine, in KRaft mode, for tests and benchmarks: one node, or several, with every kind
 * of listener on 127.0.0.1 and free ports. By hand: `node scripts/kafka.ts [--registry] [--heap 1g] [--brokers 1]
 * [--folder DIR]` prints the addresses as JSON and runs until Ctrl-C. There is no authorizer: whoever logs in may do
 * everything.
 */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { removeAtExit, startChild, type Child } from './child.ts'
import { freePorts } from './free-ports.ts'
import { certificates, installed, java, kafkaLibraries, versions } from './provision.ts'

const run = promisify(execFile)

export interface KafkaOptions {
  /** Largest Java heap of each node. Default 512m. */
  readonly heap?: string
  /** Number of nodes; the first is the controller as well. Default 1. */
  readonly brokers?: number
  /** Keeps the logs in this folder and takes up what is there. Default: a temporary folder, removed by `stop`. */
  readonly folder?: string
  /** Compiles the broker fully (slower start, more throughput), as for benchmarks. Default false. */
  readonly throughput?: boolean
  /** Further server settings, such as `log.segment.bytes`. */
  readonly settings?: Record<string, string>
}

/** One node. It can be ended and started again on the same ports with the same logs. */
export interface KafkaNode {
  readonly id: number
  /** Plain listener, `host:port`. */
  readonly address: string
  /** Where its counters can be read by JMX, `host:port`. */
  readonly jmxAddress: string
  readonly logFile: string
  readonly pid: number
  /** Ends the node in order; its leaders move away first. */
  stop(): Promise<void>
  /** Ends it as a crash would. */
  kill(): Promise<void>
  start(): Promise<void>
}

/** Addresses are lists `host:port[,host:port…]`, one entry a node. */
export interface Kafka {
  /** No encryption, no login. */
  readonly bootstrap: string
  /** Login without encryption: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER (unsecured tokens). */
  readonly saslBootstrap: string
  /** Encryption without login. */
  readonly sslBootstrap: string
  /** Encryption; the client must show a certificate. */
  readonly mtlsBootstrap: string
  /** Encryption and login, mechanisms as in `saslBootstrap`. */
  readonly saslSslBootstrap: string
  /** Known to every mechanism. */
  readonly users: readonly { readonly name: string; readonly password: string }[]
  readonly caFile: string
  readonly clientCertFile: string
  readonly clientKeyFile: string
  readonly nodes: readonly KafkaNode[]
  /** JMX address of the first node. */
  readonly jmxAddress: string
  /** Folder of the logs, one sub-folder a node. */
  readonly folder: string
  readonly startedMs: number
  /** Ends all nodes and removes the temporary folder. */
  stop(): Promise<void>
}

const users = [
  { name: 'admin', password: 'admin-secret' },
  { name: 'reader', password: 'reader-secret' },
]

const listeners = ['PLAIN', 'SASL', 'TLS', 'MTLS', 'SASLTLS', 'CONTROLLER'] as const
const portNames = [...listeners, 'JMX'] as const
type Ports = Record<(typeof portNames)[number], number>

/** Starts Kafka and resolves when it takes requests. Throws `Unavailable` where the machine lacks what it takes. */
export async function startKafka(options: KafkaOptions = {}): Promise<Kafka> {
  const begun = performance.now()
  const [javaFile, libraries, tls] = await Promise.all([java(), kafkaLibraries(), certificates()])
  const template = await formattedFolder(javaFile, libraries)
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'sluice-kafka-')))
  const temporary = options.folder === undefined
  if (temporary) removeAtExit(folder)
  const count = options.brokers ?? 1
  const allPorts = await portsOf(count)
  const nodes: KafkaNode[] = []
  for (let i = 0; i < count; i++) {
    const nodeFolder = join(folder, `node-${i + 1}`)
    await prepareFolder(template, nodeFolder, i + 1)
    const settings = {
      ...nodeSettings(i + 1, allPorts[i], allPorts[0].CONTROLLER, nodeFolder, count, tls.serverFile, tls.caFile),
      ...options.settings,
    }
    await writeFile(join(nodeFolder, 'server.properties'), propertiesText(settings))
    nodes.push(makeNode(i + 1, allPorts[i], nodeFolder, javaFile, javaArguments(libraries, allPorts[i].JMX, options)))
  }
  await Promise.all(nodes.map((node) => node.start()))
  const list = (name: keyof Ports) => allPorts.map((ports) => `127.0.0.1:${ports[name]}`).join(',')
  return {
    bootstrap: list('PLAIN'),
    saslBootstrap: list('SASL'),
    sslBootstrap: list('TLS'),
    mtlsBootstrap: list('MTLS'),
    saslSslBootstrap: list('SASLTLS'),
    users,
    caFile: tls.caFile,
    clientCertFile: tls.clientCertFile,
    clientKeyFile: tls.clientKeyFile,
    nodes,
    jmxAddress: nodes[0].jmxAddress,
    folder,
    startedMs: Math.round(performance.now() - begun),
    stop: async () => {
      for (const node of [...nodes].reverse()) await (temporary ? node.kill() : node.stop())
      if (temporary) await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A formatted log folder holding the users' SCRAM secrets; made once, then copied for each node. */
async function formattedFolder(javaFile: string, libraries: string): Promise<string> {
  return await installed(`kafka-${versions.kafka}-formatted-1`, async (into) => {
    const file = join(into, 'format.properties')
    const settings = {
      'process.roles': 'broker,controller',
      'node.id': '1',
      'controller.quorum.voters': '1@127.0.0.1:9093',
      'controller.listener.names': 'CONTROLLER',
      listeners: 'PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093',
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      'log.dirs': join(into, 'logs'),
    }
    await writeFile(file, propertiesText(settings))
    const scram = users.flatMap(({ name, password }) =>
      ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((m) => ['--add-scram', `${m}=[name=${name},password=${password}]`]),
    )
    await run(javaFile, [
      '-cp',
      join(libraries, '*'),
      'kafka.tools.StorageTool',
      'format',
      '-t',
      kafkaUuid(),
      '-c',
      file,
      ...scram,
    ])
  })
}

async function prepareFolder(template: string, nodeFolder: string, id: number): Promise<void> {
  const logs = join(nodeFolder, 'logs')
  if (existsSync(join(logs, 'meta.properties'))) return
  await mkdir(nodeFolder, { recursive: true })
  await cp(join(template, 'logs'), logs, { recursive: true })
  const text = await readFile(join(logs, 'meta.properties'), 'utf8')
  await writeFile(
    join(logs, 'meta.properties'),
    text.replace(/node\.id=.*/, `node.id=${id}`).replace(/directory\.id=.*/, `directory.id=${kafkaUuid()}`),
  )
}

/**
 * 16 random bytes in the form that Kafka prints: base64url without padding, and like Kafka's own never with a dash in
 * front, which its tools would take for an option.
 */
function kafkaUuid(): string {
  const id = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url')
  return id.startsWith('-') ? kafkaUuid() : id
}

function nodeSettings(
  id: number,
  ports: Ports,
  controllerPort: number,
  nodeFolder: string,
  count: number,
  serverFile: string,
  caFile: string,
): Record<string, string> {
  const own = listeners.filter((name) => name !== 'CONTROLLER' || id === 1)
  const plainUsers = users.map(({ name, password }) => `user_${name}="${password}"`).join(' ')
  const jaas = (module: string, rest = '') => `org.apache.kafka.common.security.${module} required ${rest};`
  const settings: Record<string, string> = {
    'process.roles': id === 1 ? 'broker,controller' : 'broker',
    'node.id': String(id),
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAIN',
    listeners: own.map((name) => `${name}://127.0.0.1:${ports[name]}`).join(','),
    'advertised.listeners': own
      .filter((name) => name !== 'CONTROLLER')
      .map((name) => `${name}://127.0.0.1:${ports[name]}`)
      .join(','),
    'listener.security.protocol.map':
      'PLAIN:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL,MTLS:SSL,SASLTLS:SASL_SSL,CONTROLLER:PLAINTEXT',
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': serverFile,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': caFile,
    'listener.name.mtls.ssl.client.auth': 'required',
    'log.dirs': join(nodeFolder, 'logs'),
    ...quickSettings(count),
  }
  for (const name of ['sasl', 'sasltls']) {
    settings[`listener.name.${name}.sasl.enabled.mechanisms`] = 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER'
    settings[`listener.name.${name}.plain.sasl.jaas.config`] = jaas('plain.PlainLoginModule', plainUsers)
    settings[`listener.name.${name}.scram-sha-256.sasl.jaas.config`] = jaas('scram.ScramLoginModule')
    settings[`listener.name.${name}.scram-sha-512.sasl.jaas.config`] = jaas('scram.ScramLoginModule')
    settings[`listener.name.${name}.oauthbearer.sasl.jaas.config`] = jaas(
      'oauthbearer.OAuthBearerLoginModule',
      'unsecuredLoginStringClaim_sub="admin"',
    )
  }
  return settings
}

/** Small and quick: one machine, few threads, no retention (test records carry old timestamps), compaction at once. */
function quickSettings(count: number): Record<string, string> {
  const copies = String(Math.min(count, 2))
  return {
    'num.network.threads': '2',
    'num.io.threads': '2',
    'num.partitions': '1',
    'default.replication.factor': copies,
    'offsets.topic.num.partitions': '1',
    'offsets.topic.replication.factor': copies,
    'transaction.state.log.num.partitions': '1',
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.num.partitions': '1',
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    'log.retention.ms': '-1',
    'log.retention.check.interval.ms': '1000',
    'log.initial.task.delay.ms': '500',
    'log.cleaner.dedupe.buffer.size': '4194304',
    'log.cleaner.backoff.ms': '500',
    'log.cleaner.min.cleanable.ratio': '0.01',
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    'replica.lag.time.max.ms': '3000',
    'controlled.shutdown.enable': 'true',
  }
}

function javaArguments(libraries: string, jmxPort: number, options: KafkaOptions): string[] {
  const compile =
    options.throughput === true
      ? ['-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20']
      : ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']
  const logging = [
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
    '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
    '-Dorg.slf4j.simpleLogger.showDateTime=true',
  ]
  const management = ['port=', 'rmi.port=', 'host=127.0.0.1', 'authenticate=false', 'ssl=false'].map(
    (s) => `-Dcom.sun.management.jmxremote.${s}${s.endsWith('port=') ? jmxPort : ''}`,
  )
  return [
    '-Xms128m',
    `-Xmx${options.heap ?? '512m'}`,
    ...compile,
    '-Xshare:auto',
    '-Djava.awt.headless=true',
    '-Djava.rmi.server.hostname=127.0.0.1',
    ...management,
    ...logging,
    '-cp',
    join(libraries, '*'),
    'kafka.Kafka',
  ]
}

function makeNode(id: number, ports: Ports, nodeFolder: string, javaFile: string, args: readonly string[]): KafkaNode {
  const logFile = join(nodeFolder, 'server.log')
  let child: Child | undefined
  const end = async (how: 'stop' | 'kill') => {
    await (how === 'stop' ? child?.stop(20_000) : child?.kill())
    child = undefined
  }
  return {
    id,
    address: `127.0.0.1:${ports.PLAIN}`,
    jmxAddress: `127.0.0.1:${ports.JMX}`,
    logFile,
    get pid() {
      return child?.pid ?? -1
    },
    stop: () => end('stop'),
    kill: () => end('kill'),
    start: async () => {
      if (child !== undefined) throw new Error(`node ${id} is running already`)
      const file = join(nodeFolder, 'server.properties')
      child = await startChild(javaFile, [...args, file], {
        logFile,
        ready: /Kafka Server started/,
        timeoutMs: 90_000,
        cwd: nodeFolder,
      })
    },
  }
}

function propertiesText(settings: Record<string, string>): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${value.replaceAll('\\', '\\\\')}\n`)
    .join('')
}

/**
 * Free port numbers, all different, for each node and listener. They are let go before Kafka takes them, since it must
 * know them beforehand.
 */
async function portsOf(nodes: number): Promise<Ports[]> {
  const numbers = await freePorts(nodes * portNames.length)
  return Array.from(
    { length: nodes },
    (_, i) => Object.fromEntries(portNames.map((name, at) => [name, numbers[i * portNames.length + at]])) as Ports,
  )
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      heap: { type: 'string' },
      brokers: { type: 'string' },
      folder: { type: 'string' },
      throughput: { type: 'boolean' },
      registry: { type: 'boolean' },
    },
  })
  const kafka = await startKafka({
    heap: values.heap,
    brokers: values.brokers === undefined ? 1 : Number(values.brokers),
    folder: values.folder,
    throughput: values.throughput,
  })
  const registry = values.registry === true ? await (await import('./registry.ts')).startRegistry() : undefined
  const { nodes, stop, ...shown } = kafka
  console.log(JSON.stringify({ ...shown, pids: nodes.map((node) => node.pid), registry: registry?.url }, undefined, 2))
  const end = async () => {
    await Promise.all([stop(), registry?.stop()])
    process.exit(0)
  }
  process.removeAllListeners('SIGINT').removeAllListeners('SIGTERM')
  process.once('SIGINT', end).once('SIGTERM', end)
  setInterval(() => undefined, 1 << 30)
}

if (import.meta.main) await main()
