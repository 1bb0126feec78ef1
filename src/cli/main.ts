#!/usr/bin/env node
/**
 * The command line: names and options of the commands. What a command does is loaded when it is called, so that
 * `--help` is quick. Exit codes: 0 done, 1 it failed (the reason is on standard error), 2 the command line was not
 * understood, 130 ended by Ctrl-C.
 */
import { readFileSync } from 'node:fs'
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { guardStreams, harmless } from './terminal.ts'

const { version }: { version: string } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
)

function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value]
}

function port(value: string): number {
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65535)
    throw new InvalidArgumentError('A port is a whole number from 0 to 65535.')
  return Number(value)
}

function milliseconds(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError('Expected whole milliseconds.')
  return Number(value)
}

function serverCommand(): Command {
  const command = new Command('server').summary('start a server on a Kafka cluster')
  command.description(
    'Starts a server. Everything can stand in a YAML file (--config), in environment variables (SLUICE_…), or here; what stands here wins. A secret may be given as @file.',
  )
  command.option('-c, --config <file>', 'YAML file; also SLUICE_CONFIG')
  command.option('--brokers <host:port,…>', 'Kafka brokers to begin with (repeatable)', collect)
  command.option('--registry <url>', 'schema registry (Confluent API)')
  command.option(
    '--environment <name>',
    'name of the environment that the options about Kafka and the registry belong to',
  )
  command.option('--host <address>', 'address to listen on (default 127.0.0.1)')
  command.option('--port <number>', 'port to listen on; 0 takes a free one (default 9991)')
  command.option('--user <name:password>', 'a user who may see everything (repeatable)', collect)
  command.option('--service-account <name:token>', 'a service account that may see everything (repeatable)', collect)
  command.option('--sasl-mechanism <name>', 'PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER (default PLAIN)')
  command.option('--sasl-username <name>', 'user name at the brokers')
  command.option('--sasl-password <secret>', 'password at the brokers')
  command.option('--sasl-token <secret>', 'token for OAUTHBEARER; @file is read again for each connection')
  command.option('--tls', 'TLS to the brokers')
  command.option('--tls-ca <file>', 'certificate authorities of the brokers, PEM')
  command.option('--tls-cert <file>', 'client certificate for the brokers, PEM')
  command.option('--tls-key <file>', 'private key of the client certificate, PEM')
  command.option('--tls-passphrase <secret>', 'passphrase of the private key')
  command.option('--tls-servername <name>', "name to check the brokers' certificates against")
  command.option('--tls-insecure', 'accept any certificate from the brokers (do not use outside of tests)')
  command.option('--registry-username <name>', 'user name at the registry')
  command.option('--registry-password <secret>', 'password at the registry')
  command.option('--registry-ca <file>', 'certificate authorities of the registry, PEM')
  command.option('--registry-token <secret>', 'bearer token at the registry')
  command.option('--cert-file <file>', 'certificate of this server, PEM: serves https and wss')
  command.option('--key-file <file>', 'private key of this server, PEM')
  command.option('--base-path <path>', 'path in front of all addresses, for a server behind a proxy, such as /sluice')
  command.option(
    '--trust-forwarded-prefix',
    'take the path in front of all addresses from X-Forwarded-Prefix (only where a proxy sets that header)',
  )
  command.option(
    '--set <name=value>',
    'default of a setting that SET can change, such as max.size=1g (repeatable)',
    collect,
  )
  command.option(
    '--limit <name=value>',
    'a limit of the server, such as max.concurrent.queries=20 (repeatable)',
    collect,
  )
  command.option('--data-folder <folder>', 'where views, synonyms and declared formats are kept (default: in memory)')
  command.option('--session-key <key>', 'signs logins, so that they are good on every server with the same key')
  command.option('--state-topic <topic>', 'a compacted topic that several servers keep them in instead')
  command.option('--state-environment <name>', 'environment whose cluster holds that topic (default: the default one)')
  command.option('--traces-endpoint <url>', 'where traces go, OTLP over HTTP (default: nowhere)')
  command.option('--traces-headers <secret>', 'headers of the requests to it, one "name: value" a line')
  command.option('--traces-ratio <part>', 'the part of traces that begin here, from 0 to 1 (default 1)')
  command.option('--log-level <level>', 'debug, info, warn, error or silent (default info)')
  command.action(async (options: Record<string, unknown>) => (await import('./server.ts')).server(options))
  return command
}

function queryCommand(): Command {
  const command = new Command('query').summary('run SQL on a server and print the rows')
  command.description(
    'Runs SQL and prints the rows: as a table on a terminal, else one JSON document a line. Reads the statement from standard input when none is given.',
  )
  command.argument('[sql...]', 'the statement or statements')
  command.addOption(
    new Option('--url <url>', 'address of the server').env('SLUICE_URL').default('http://127.0.0.1:9991'),
  )
  command.addOption(
    new Option('--token <secret>', 'key of a service account, or token of a login; @file reads it from a file').env(
      'SLUICE_TOKEN',
    ),
  )
  command.option('--user <name:password>', 'log in as a user instead; the password may be @file')
  command.addOption(
    new Option('--environment <name>', 'environment to ask (default: the one that the server chose)').env(
      'SLUICE_ENVIRONMENT',
    ),
  )
  command.addOption(
    new Option('--format <format>', 'how rows are printed, or the format of --export').choices([
      'json',
      'table',
      'csv',
      'ndjson',
      'parquet',
      'arrow',
    ]),
  )
  command.option('--export <file>', 'write the whole result to a file; its ending, or --format, says in which format')
  command.option('--full', 'print whole RECORD messages (key, value, metadata, rowId), one a line')
  command.option('--live', 'partial results of aggregations while they grow')
  command.option('--follow', 'go on with what comes, from the end of the topic, until Ctrl-C')
  command.option('--stats', 'say on standard error how far the query is')
  command.option('--stats-interval <ms>', 'how often, in milliseconds (default 1000)', milliseconds)
  command.action(async (sql: string[], options: Record<string, unknown>) =>
    (await import('./query.ts')).query(sql, options),
  )
  return command
}

function demoCommand(): Command {
  const command = new Command('demo').summary('start a server with an embedded Kafka broker and demo topics')
  command.description(
    'Starts an embedded single-node broker (Kafka protocol), a schema registry, topics with data that grow, and a server on them. For trying things out; everything is in memory.',
  )
  command.option(
    '--port <number>',
    'port of the server; 0 takes a free one (default 9991, or a free one if that is taken)',
    port,
  )
  command.option('--json', 'print one JSON object on the first line instead of the explanation')
  command.action(async (options: { port?: number; json?: boolean }) => (await import('./demo.ts')).demo(options))
  return command
}

function hashCommand(): Command {
  const command = new Command('hash').summary('print the hash of a password or token, for the configuration')
  command.description(
    'Reads a password (with --token: a token) from standard input and prints the hash to be put into the configuration.',
  )
  command.option('--token', 'hash a token of a service account')
  command.option('--new-token', 'make a new token, print it and its hash')
  command.action(async (options: { token?: boolean; newToken?: boolean }) => (await import('./hash.ts')).hash(options))
  return command
}

function stateCommand(): Command {
  const command = new Command('state').summary('export or import views, synonyms, declared formats and saved queries')
  command.description(
    'Exports them to standard output, or imports them from standard input, one JSON object a line: to move them between the file in the data folder and the topic that several servers share, or to keep a copy. Takes the configuration of the server.',
  )
  command.addArgument(new Argument('<what>', 'which of the two').choices(['export', 'import']))
  command.option('-c, --config <file>', 'YAML file; also SLUICE_CONFIG')
  command.option('--data-folder <folder>', 'as of the server')
  command.option('--state-topic <topic>', 'as of the server')
  command.option('--state-environment <name>', 'as of the server')
  command.addOption(
    new Option('--store <store>', 'the data folder, or the topic (default: the one that the server uses)').choices([
      'file',
      'topic',
    ]),
  )
  command.option('--overwrite', 'import also what is there already and different')
  command.action(async (what: 'export' | 'import', options: Record<string, unknown>) =>
    (await import('./state.ts')).state(what, options),
  )
  return command
}

const program = new Command('sluice')
  .description('SQL for Apache Kafka, answered over a WebSocket.')
  .version(version, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .showSuggestionAfterError()
  .showHelpAfterError('(add --help for the options)')
  .addHelpText('after', '\nTo try it: sluice demo')
for (const command of [serverCommand(), queryCommand(), demoCommand(), hashCommand(), stateCommand()])
  program.addCommand(command.copyInheritedSettings(program).helpOption('-h, --help', 'print this help'))
program.exitOverride()
for (const command of program.commands) command.exitOverride()

guardStreams()
try {
  await program.parseAsync()
} catch (cause) {
  if (cause instanceof CommanderError) process.exitCode = cause.exitCode === 0 ? 0 : 2
  else {
    // Whatever a command could not explain itself. The stack is for those who ask for it.
    const text =
      cause instanceof Error ? (process.env.SLUICE_DEBUG === '1' ? cause.stack : cause.message) : String(cause)
    process.stderr.write(`sluice: ${harmless(String(text))}\n`)
    process.exitCode = 1
  }
}
