/**
 * `npm run bench -- --exports`: a topic of Avro records on a real Kafka, exported whole in every format; how long each
 * takes, how large the file is, and how much memory the server holds at most. Each format has a fresh server. Writes its
 * section of bench/RESULTS.md; more memory than the floor, or another number of rows, make the exit code 1.
 */
import { request } from 'node:http'
import { startKafka } from '../scripts/kafka.ts'
import { startRegistry } from '../scripts/registry.ts'
import { saveSection } from './results.ts'
import { seedTopics } from './seed.ts'
import { machineName, peakMiB, startServer, TOKEN } from './server.ts'

const FORMATS = ['ndjson', 'json', 'csv', 'parquet', 'arrow'] as const
const MOST_MIB = 300
const TOPIC = 'bench_export'

interface Measured {
  readonly format: string
  readonly seconds: number
  readonly bytes: number
  readonly rows: number
  readonly peakMib: number
}

/** Whether every file was whole and the memory within its bounds. */
export async function measureExports(records: number): Promise<boolean> {
  const kafka = await startKafka({ throughput: true })
  const registry = await startRegistry()
  try {
    await seedTopics(kafka.bootstrap, registry.url, [{ kind: 'vessels', topic: TOPIC, count: records }])
    const measured: Measured[] = []
    for (const format of FORMATS) measured.push(await measure(format, kafka.bootstrap, registry.url))
    const rows = measured.map(
      ({ format, seconds, bytes, rows, peakMib }) =>
        `| ${format} | ${seconds.toFixed(1)} | ${Math.round(rows / seconds).toLocaleString('en')} | ${Math.round(bytes / 1024 / 1024)} | ${peakMib} |`,
    )
    const text = [
      `Made by \`npm run bench -- --exports\` on ${machineName()}; Kafka runs on the same machine. All columns of ${records.toLocaleString('en')} Avro records of 17 fields.`,
      '',
      '| format | seconds | rows a second | file, MiB | server at most, MiB resident |',
      '|---|---|---|---|---|',
      ...rows,
      '',
    ].join('\n')
    console.log(text)
    saveSection('exports', text, { exports: measured })
    return measured.every(({ rows, peakMib }) => rows === records && peakMib < MOST_MIB)
  } finally {
    await registry.stop()
    await kafka.stop()
  }
}

async function measure(format: string, brokers: string, registry: string): Promise<Measured> {
  const server = await startServer(brokers, registry)
  try {
    const started = performance.now()
    const { bytes, outcome } = await exportOf(new URL(server.url).port, format)
    return {
      format,
      seconds: (performance.now() - started) / 1000,
      bytes,
      rows: outcome.outcome === 'complete' ? outcome.rows : 0,
      peakMib: peakMiB(server.pid),
    }
  } finally {
    await server.stop()
  }
}

function exportOf(
  port: string,
  format: string,
): Promise<{ bytes: number; outcome: { outcome: string; rows: number } }> {
  const sql = `SET max.size = '100g'; SELECT * FROM ${TOPIC}`
  return new Promise((resolve, reject) => {
    const asked = request(
      `http://127.0.0.1:${port}/api/v1/sql/export`,
      { method: 'POST', headers: { authorization: `Bearer ${TOKEN}` } },
      (response) => {
        let bytes = 0
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length
        })
        response.on('error', reject)
        response.on('end', () => {
          const said = response.trailers['sluice-outcome']
          resolve({ bytes, outcome: JSON.parse(said ?? '{"outcome":"none","rows":0}') })
        })
      },
    )
    asked.on('error', reject)
    asked.end(JSON.stringify({ sql, format }))
  })
}
