/**
 * `sluice demo`: an embedded broker and registry with demo topics, and a server on them, with accounts made up for this
 * run.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts'
import { DEFAULT_PORT, readConfig, type ServerConfig } from '../server/config/config.ts'
import { type RunningServer, startServer } from '../server/start.ts'
import { start } from './server.ts'
import { onEnd } from './terminal.ts'

const ENVIRONMENT = 'demo'
/** Ctrl-C should be quick: what runs is a demo. */
const GRACE_MS = 300

const QUERY = 'SELECT currency, count(*), sum(amount) FROM cc_payments GROUP BY currency'

interface Accounts {
  readonly user: string
  readonly password: string
  readonly serviceAccount: string
  readonly token: string
}

export async function demo(options: { readonly port?: number; readonly json?: boolean }): Promise<void> {
  const accounts: Accounts = {
    user: 'admin',
    password: randomBytes(9).toString('base64url'),
    serviceAccount: 'demo',
    token: randomUUID(),
  }
  let stop: (() => Promise<void>) | undefined
  const end = () => void (stop?.() ?? Promise.resolve()).finally(() => process.exit(0))
  onEnd(end, () => process.exit(0))
  const sandbox = await startSandbox()
  stop = () => sandbox.close()
  const running = await startOnPort(sandbox, accounts, options.port)
  stop = async () => {
    await running.close(GRACE_MS)
    await sandbox.close()
  }
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify(facts(running, sandbox, accounts))}\n`
      : explanation(running, sandbox, accounts),
  )
}

/** The port that was asked for; if none was, the usual one or else a free one. */
async function startOnPort(sandbox: Sandbox, accounts: Accounts, port: number | undefined): Promise<RunningServer> {
  const config = await demoConfig(sandbox, accounts, port ?? DEFAULT_PORT)
  try {
    return await start(() => startServer(config), config.server)
  } catch (cause) {
    if (port !== undefined) {
      await sandbox.close()
      throw cause
    }
    return startServer({ ...config, server: { ...config.server, port: 0 } })
  }
}

async function demoConfig(sandbox: Sandbox, accounts: Accounts, port: number): Promise<ServerConfig> {
  const permissions = [{ environments: [ENVIRONMENT], topics: ['*'], rights: ['all'] }]
  return readConfig({
    server: { port },
    environments: [{ name: ENVIRONMENT, kafka: { brokers: sandbox.brokers }, registry: { url: sandbox.registryUrl } }],
    users: [{ name: accounts.user, password: accounts.password, permissions }],
    serviceAccounts: [{ name: accounts.serviceAccount, token: accounts.token, permissions }],
    log: { level: 'warn' },
  })
}

function facts(running: RunningServer, sandbox: Sandbox, accounts: Accounts): object {
  const { user, password, serviceAccount, token } = accounts
  return {
    url: running.url,
    environment: ENVIRONMENT,
    user,
    password,
    serviceAccount,
    token,
    brokers: sandbox.brokers,
    registry: sandbox.registryUrl,
  }
}

/** At most twelve lines: what else there is to know stands on the page. */
function explanation(running: RunningServer, sandbox: Sandbox, accounts: Accounts): string {
  return `
Sluice is running, with an embedded Kafka broker (${sandbox.brokers}) and demo topics.

  Open  ${running.url}/#code=${running.offerCode(accounts.user)}

This link logs a browser in, once, within two minutes; later: user ${accounts.user}, password ${accounts.password}
From another terminal, in this folder:

  npm run --silent sluice -- query --url ${running.url} --token ${accounts.token} "${QUERY}"

Python, curl, other clients: the page, under "Connect". Ctrl-C ends it.
`
}
