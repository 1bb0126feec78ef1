/**
 * A real Apache Flink on this machine, for tests and benchmarks: a session cluster (one JobManager, one TaskManager) and
 * the SQL gateway, on 127.0.0.1 and free ports. By hand: `npm run flink` prints the addresses as JSON and runs until
 * Ctrl-C.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { removeAtExit, startChild, type Child } from './child.ts'
import { freePorts } from './free-ports.ts'
import { flinkLibraries, java } from './provision.ts'

export interface FlinkOptions {
  /** Slots of the TaskManager: how many parts of a query it runs at once. Default 2. */
  readonly slots?: number
  /** Compiles fully (slower start, more throughput), as for benchmarks. Default false. */
  readonly throughput?: boolean
  /** Heap of the TaskManager's tasks in MiB. Default 384. */
  readonly taskHeapMb?: number
  /** Heap of the gateway in MiB: plans of long statements, several at a time. Default 768. */
  readonly gatewayHeapMb?: number
}

/** A part of the cluster. It can be ended and started again. */
export interface FlinkPart {
  readonly pid: number
  readonly logFile: string
  kill(): Promise<void>
  start(): Promise<void>
}

export interface Flink {
  /** SQL gateway, `http://127.0.0.1:port`. */
  readonly gateway: string
  /** REST of the JobManager, `http://127.0.0.1:port`. */
  readonly rest: string
  readonly gatewayProcess: FlinkPart
  readonly taskManager: FlinkPart
  readonly startedMs: number
  /** Ends all parts and removes the temporary folder. */
  stop(): Promise<void>
}

const OPENED = ['java.lang', 'java.net', 'java.io', 'java.nio', 'sun.nio.ch', 'java.util', 'java.util.concurrent']
const OPENS = [...OPENED, 'java.time', 'java.text'].map((name) => `--add-opens=java.base/${name}=ALL-UNNAMED`)

/** Tries of a start: ports are let go before Flink takes them, and another program may be quicker. */
const TRIES = 3

/** Starts all parts and resolves when the gateway answers. Throws `Unavailable` where the machine lacks what it takes. */
export async function startFlink(options: FlinkOptions = {}): Promise<Flink> {
  for (let left = TRIES - 1; ; left--) {
    const running: FlinkPart[] = []
    try {
      return await startParts(options, running)
    } catch (cause) {
      await Promise.all(running.map((each) => each.kill()))
      if (left === 0 || !PORT_TAKEN.test(String(cause))) throw cause
    }
  }
}

const PORT_TAKEN = /BindException|Address already in use|Could not start rest endpoint on any port/

/** `running`: the parts that have started, also where a later one does not. */
async function startParts(options: FlinkOptions, running: FlinkPart[]): Promise<Flink> {
  const begun = performance.now()
  const [javaFile, libraries] = await Promise.all([java(), flinkLibraries()])
  const folder = await mkdtemp(join(tmpdir(), 'sluice-flink-'))
  removeAtExit(folder)
  const [rpc, rest, gateway] = await freePorts(3)
  await configure(folder, { rpc, rest, slots: options.slots ?? 2 })
  const run = async (name: string, heapMb: number, main: string, args: readonly string[], ready: RegExp) => {
    const started = await part(async () => {
      const speed = options.throughput === true ? [] : ['-XX:TieredStopAtLevel=1']
      const memory = [`-Xmx${heapMb}m`, '-Xms64m', '-XX:+UseSerialGC', '-XX:MaxMetaspaceSize=320m', ...speed]
      const log = [`-Dlog4j.configurationFile=${join(folder, 'log4j.properties')}`, '-Djava.net.preferIPv4Stack=true']
      const path = ['-cp', `${libraries}/*`]
      return await startChild(javaFile, [...memory, ...OPENS, ...log, ...path, main, ...args], {
        logFile: join(folder, `${name}.log`),
        ready,
        timeoutMs: 120_000,
        cwd: folder,
        env: {
          FLINK_CONF_DIR: join(folder, 'conf'),
          FLINK_LIB_DIR: libraries,
          FLINK_PLUGINS_DIR: join(folder, 'plugins'),
        },
      })
    })
    running.push(started)
    return started
  }
  const conf = join(folder, 'conf')
  const jobManager = await run(
    'jobmanager',
    384,
    'org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint',
    ['--configDir', conf, '--executionMode', 'cluster'],
    /Rest endpoint listening at/,
  )
  const [taskManager, gatewayProcess] = await allStarted([
    run(
      'taskmanager',
      (options.taskHeapMb ?? 384) + 128,
      'org.apache.flink.runtime.taskexecutor.TaskManagerRunner',
      ['--configDir', conf, ...taskMemory(options)],
      /Successful registration at resource manager/,
    ),
    run(
      'gateway',
      options.gatewayHeapMb ?? 768,
      'org.apache.flink.table.gateway.SqlGateway',
      ['address=127.0.0.1', `port=${gateway}`].map((o) => `-Dsql-gateway.endpoint.rest.${o}`),
      /Rest endpoint listening at|is listening at/,
    ),
  ])
  return {
    gateway: `http://127.0.0.1:${gateway}`,
    rest: `http://127.0.0.1:${rest}`,
    gatewayProcess,
    taskManager,
    startedMs: Math.round(performance.now() - begun),
    stop: async () => {
      await Promise.all([gatewayProcess, taskManager, jobManager].map((each) => each.kill()))
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Waits for all of them, also where one fails. */
async function allStarted(starting: readonly Promise<FlinkPart>[]): Promise<FlinkPart[]> {
  await Promise.allSettled(starting)
  return await Promise.all(starting)
}

async function part(begin: () => Promise<Child>): Promise<FlinkPart> {
  let child = await begin()
  return {
    get pid() {
      return child.pid
    },
    get logFile() {
      return child.logFile
    },
    kill: () => child.kill(),
    start: async () => {
      child = await begin()
    },
  }
}

async function configure(folder: string, { rpc, rest, slots }: Record<'rpc' | 'rest' | 'slots', number>) {
  const conf = join(folder, 'conf')
  await mkdir(conf)
  await mkdir(join(folder, 'plugins'))
  const settings = {
    'jobmanager.rpc.address': '127.0.0.1',
    'jobmanager.bind-host': '127.0.0.1',
    'jobmanager.rpc.port': rpc,
    'jobmanager.memory.process.size': '1g',
    'taskmanager.bind-host': '127.0.0.1',
    'taskmanager.host': '127.0.0.1',
    'taskmanager.numberOfTaskSlots': slots,
    'parallelism.default': slots,
    'rest.address': '127.0.0.1',
    'rest.bind-address': '127.0.0.1',
    'rest.port': rest,
    'io.tmp.dirs': folder,
    // A killed TaskManager is noticed soon, by its port that refuses; one that is only slow is waited for.
    'heartbeat.interval': '1000 ms',
    'heartbeat.rpc-failure-threshold': 2,
    'heartbeat.timeout': '3 min',
    'slot.request.timeout': '15 s',
    'metrics.fetcher.update-interval': '500 ms',
    // Many exchanges of a plan at once fit into the little memory that this TaskManager has for them.
    'taskmanager.network.sort-shuffle.min-buffers': 32,
    'sql-gateway.session.idle-timeout': '10 min',
  }
  const text = Object.entries(settings).map(([name, value]) => `${name}: ${value}\n`)
  await writeFile(join(conf, 'config.yaml'), text.join(''))
  await writeFile(join(folder, 'log4j.properties'), LOG4J)
}

/** A line a state of each task, with the whole plan as its name, takes a tenth of the machine: only what `ready` waits for. */
const READY_LOGGERS = {
  restEndpoint: 'org.apache.flink.runtime.dispatcher.DispatcherRestEndpoint',
  gateway: 'org.apache.flink.table.gateway.rest.SqlGatewayRestEndpoint',
  taskExecutor: 'org.apache.flink.runtime.taskexecutor.TaskExecutor',
}
const LOG4J = `rootLogger.level = WARN
rootLogger.appenderRef.console.ref = console
${Object.entries(READY_LOGGERS)
  .map(([name, logger]) => `logger.${name}.name = ${logger}\nlogger.${name}.level = INFO\n`)
  .join('')}appender.console.name = console
appender.console.type = Console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss,SSS} %-5p %c{1} %m%n
`

/** A TaskManager that no shell script has started wants each part of its memory named. */
function taskMemory({ slots = 2, taskHeapMb = 384 }: FlinkOptions): string[] {
  const sizes = {
    'taskmanager.cpu.cores': `${slots}.0`,
    'taskmanager.memory.framework.heap.size': '128m',
    'taskmanager.memory.framework.off-heap.size': '128m',
    'taskmanager.memory.task.heap.size': `${taskHeapMb}m`,
    'taskmanager.memory.task.off-heap.size': '0m',
    'taskmanager.memory.managed.size': '256m',
    'taskmanager.memory.network.min': '128m',
    'taskmanager.memory.network.max': '128m',
    'taskmanager.memory.jvm-metaspace.size': '256m',
    'taskmanager.memory.jvm-overhead.min': '192m',
    'taskmanager.memory.jvm-overhead.max': '192m',
  }
  return Object.entries(sizes).map(([name, value]) => `-D${name}=${value}`)
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { slots: { type: 'string' }, heap: { type: 'string' }, throughput: { type: 'boolean' } },
  })
  const flink = await startFlink({
    slots: Number(values.slots ?? 2),
    taskHeapMb: Number(values.heap ?? 384),
    throughput: values.throughput === true,
  })
  console.log(JSON.stringify({ gateway: flink.gateway, rest: flink.rest, startedMs: flink.startedMs }, undefined, 2))
  setInterval(() => undefined, 1 << 30)
}
