/** The newest records of a topic that cannot be read: why, and their bytes with the first wrong one marked. */
import { useState } from 'preact/hooks'
import { printStatement } from '../../../sql/print.ts'
import { ask } from '../../session/ask.ts'
import { runInNewTab } from '../../run/runs.ts'
import { VirtualList } from '../../virtual/virtual-list.tsx'
import { all, binary, column, select, statement, whole } from '../search/tree.ts'
import type { TopicDetails } from '../details.ts'
import type { TopicPartProps } from '../part.ts'
import { useLoaded } from '../use-topic.ts'
import { fromBase64, hexLines, MAX_HEX_BYTES, wrongPlace } from './bytes.ts'

/** Not a limit: more of them are a query. */
const SHOWN = 100
const LINE_PIXELS = 28

interface BadRecord {
  readonly partition: number
  readonly offset: number | bigint
  readonly timestamp: string
  readonly _error: string
}

const META = ['partition', 'offset', 'timestamp'].map((field) => column(['_meta', field]))

function listSql(topic: string): string {
  const items = [...META, column(['_error'])]
  return printStatement(
    statement(select({ items, from: topic, where: column(['_bad']), newestFirst: true, limit: SHOWN })),
  )
}

function oneSql(topic: string, { partition, offset }: BadRecord): string {
  const where = all([binary(META[0], '=', whole(partition)), binary(META[1], '=', whole(offset)), column(['_bad'])])
  const items = [column(['_raw_key']), column(['_raw'])]
  return printStatement(statement(select({ items, from: topic, where, limit: 1 })))
}

export default function BadRecords({ topic, environment, details }: TopicPartProps) {
  const sql = listSql(topic)
  const [round, again] = useState(0)
  const [chosen, choose] = useState<BadRecord | undefined>(undefined)
  const { value, failure } = useLoaded(`${environment} ${sql}`, round, (signal) =>
    ask<BadRecord>(sql, { environment, signal }),
  )
  const open = (): void => runInNewTab(sql)
  return (
    <div class="topic-bad">
      <div class="search-sql">
        <code>{sql}</code>
        <button type="button" class="quiet" onClick={() => again((n) => n + 1)}>
          Look again
        </button>
        <button type="button" class="quiet" onClick={open}>
          Open in editor
        </button>
      </div>
      {failure !== undefined && (
        <pre class="error" role="alert">
          {failure}
        </pre>
      )}
      {value === undefined && failure === undefined && <p class="notice">Reading the records from the newest on …</p>}
      {value !== undefined && (
        <>
          <p class="soft" role="status">
            {countText(value.rows.length, value.incomplete)}
          </p>
          {value.rows.length > 0 && (
            <div class="bad-list">
              <VirtualList
                label={`Bad records of ${topic}`}
                count={value.rows.length}
                rowPixels={LINE_PIXELS}
                draw={(i) => <BadLine record={value.rows[i]} isChosen={value.rows[i] === chosen} />}
                choose={(i) => choose(value.rows[i])}
              />
            </div>
          )}
        </>
      )}
      {chosen !== undefined && <Bytes topic={topic} environment={environment} details={details} record={chosen} />}
    </div>
  )
}

function countText(count: number, incomplete: string | undefined): string {
  const found =
    count === 0
      ? 'No bad record was found.'
      : count < SHOWN
        ? `${count} bad records. Enter shows the bytes of one.`
        : `The newest ${SHOWN} bad records; there may be more. Enter shows the bytes of one.`
  return incomplete === undefined ? found : `${found} Not everything was read: ${incomplete}`
}

function BadLine({ record, isChosen }: { readonly record: BadRecord; readonly isChosen: boolean }) {
  return (
    <span class={isChosen ? 'line bad-line chosen' : 'line bad-line'}>
      <span class="place">
        {record.partition}/{String(record.offset)}
      </span>
      <span class="at">{record.timestamp}</span>
      <span class="name" title={record._error}>
        {record._error}
      </span>
    </span>
  )
}

interface BytesProps {
  readonly topic: string
  readonly environment: string
  readonly details: TopicDetails
  readonly record: BadRecord
}

function Bytes({ topic, environment, details, record }: BytesProps) {
  const sql = oneSql(topic, record)
  const { value, failure } = useLoaded(`${environment} ${sql}`, 0, (signal) =>
    ask<{ readonly _raw_key: string | null; readonly _raw: string | null }>(sql, { environment, signal }),
  )
  if (failure !== undefined) return <pre class="error">{failure}</pre>
  const row = value?.rows[0]
  if (value === undefined) return <p class="notice">Reading its bytes …</p>
  if (row === undefined) return <p class="notice">The record is not there any more.</p>
  const bytes = { key: bytesOf(row._raw_key), value: bytesOf(row._raw) }
  const of = record._error.startsWith('key:') ? details.key : details.value
  const wrong = wrongPlace(record._error, bytes, of.origin === 'registry')
  const shown = bytes[wrong.facet]
  return (
    <section class="bytes" aria-label={`Bytes of ${record.partition}/${record.offset}`}>
      <h2>
        {record.partition}/{String(record.offset)}: {record._error}
      </h2>
      <p class="soft">
        The {wrong.facet} has{' '}
        {shown === undefined || shown.length === 0 ? 'no bytes' : `${shown.length.toLocaleString('en')} bytes`}
        {wrong.at === undefined
          ? '; which of them is the first wrong one is not known.'
          : `; the first wrong one is byte ${wrong.at.toLocaleString('en')} (marked with ›).`}
        {shown !== undefined && shown.length > MAX_HEX_BYTES && ` The first ${MAX_HEX_BYTES} are shown.`}
      </p>
      {shown !== undefined && shown.length > 0 && (
        <pre class="hex" tabIndex={0} role="group" aria-label="Bytes in hex">
          {hexLines(shown, wrong.at).map(({ offset, bytes: line, text }) => (
            <div key={offset}>
              <span class="hex-at">{offset}</span>
              <span class="hex-bytes">
                {line.map(({ hex, wrong: isWrong }, i) => (
                  <span key={i} class={isWrong ? 'wrong' : ''}>
                    {isWrong ? '›' : ' '}
                    {hex}
                  </span>
                ))}
              </span>
              <span class="hex-text">{text}</span>
            </div>
          ))}
        </pre>
      )}
    </section>
  )
}

function bytesOf(base64: string | null): Uint8Array | undefined {
  return base64 === null ? undefined : fromBase64(base64)
}
