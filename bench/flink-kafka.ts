/**
 * `npm run bench -- --flink`: the same statements here and on a real Flink (session cluster, SQL gateway) over the same
 * topic of a real Kafka, all of them on this machine. The answers have to be the same. Writes its section of
 * bench/RESULTS.md.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { startFlink } from '../scripts/flink.ts'
import { startKafka } from '../scripts/kafka.ts'
import { startRegistry } from '../scripts/registry.ts'
import { connect } from '../src/client/connect.ts'
import { saveSection } from './results.ts'
import { seedTopics } from './seed.ts'
import { machineName, startServer, TOKEN } from './server.ts'

const TOPIC = 'bench_flink'
const PARTITIONS = 8
const SIZE = "SET max.size = '100g'; "

const STATEMENTS = [
  `SELECT COUNT(*) AS n FROM ${TOPIC} WHERE amount > 500`,
  `SELECT currency, COUNT(*) AS n, SUM(amount) AS s, MAX(amount) AS m FROM ${TOPIC} GROUP BY currency ORDER BY currency`,
]

/** Whether all answers were the same. */
export async function measureFlink(short: boolean): Promise<boolean> {
  const records = short ? 1_000_000 : 20_000_000
  const kafka = await startKafka({ throughput: true })
  const registry = await startRegistry()
  const flink = await startFlink({ slots: 2, throughput: true, taskHeapMb: 2048 })
  const folder = await mkdtemp(join(tmpdir(), 'sluice-bench-flink-'))
  try {
    await seedTopics(kafka.bootstrap, registry.url, [
      { kind: 'payments', topic: TOPIC, count: records, partitions: PARTITIONS },
    ])
    const file = join(folder, 'sluice.yaml')
    const environment = {
      name: 'bench',
      kafka: { brokers: [kafka.bootstrap] },
      flink: { gateway: flink.gateway, rest: flink.rest },
    }
    await writeFile(file, JSON.stringify({ environments: [environment] }))
    const server = await startServer(kafka.bootstrap, registry.url, ['--config', file])
    try {
      const client = connect({
        url: new URL(server.url).origin.replace('ws', 'http'),
        environment: 'bench',
        token: TOKEN,
      })
      const ask = async (sql: string): Promise<{ rows: unknown[]; seconds: number }> => {
        const began = performance.now()
        const rows: unknown[] = []
        for await (const row of client.query(SIZE + sql).rows()) rows.push(row)
        return { rows, seconds: (performance.now() - began) / 1000 }
      }
      const measured = []
      for (const sql of STATEMENTS) {
        const ours = await ask(sql)
        const theirs = await ask(`SET engine = flink; ${sql}`)
        const same = isDeepStrictEqual(ours.rows, theirs.rows)
        measured.push({ sql, ours: ours.seconds, theirs: theirs.seconds, rows: ours.rows.length, same })
      }
      const text = [
        `Made by \`npm run bench -- --flink\` on ${machineName()}; Kafka, Flink 2.2 (one TaskManager with two slots) and Sluice share its cores. ${records.toLocaleString('en')} payments (JSON) in ${PARTITIONS} partitions. What Flink is for is more machines than this one.`,
        '',
        '| statement | here, s | on Flink, s | rows | same answer |',
        '|---|---|---|---|---|',
        ...measured.map(
          ({ sql, ours, theirs, rows, same }) =>
            `| \`${sql}\` | ${ours.toFixed(1)} | ${theirs.toFixed(1)} | ${rows} | ${same ? 'yes' : 'NO'} |`,
        ),
        '',
      ].join('\n')
      console.log(text)
      if (!short) saveSection('flink', text, { measured })
      return measured.every(({ same }) => same)
    } finally {
      await server.stop()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
    await flink.stop()
    await registry.stop()
    await kafka.stop()
  }
}
