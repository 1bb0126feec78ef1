/** The head of a topic's page: formats and why they are known, sizes, rate, what keeps the records. */
import type { ComponentChildren } from 'preact'
import { shortBytes } from '../explorer/topics.ts'
import { inTrouble, recordsIn, retentionText, whyFormat } from './details.ts'
import type { TopicPartProps } from './part.ts'

interface Props extends TopicPartProps {
  readonly failure: string | undefined
  reload(): void
}

export function Facts({ topic, details, state, failure, reload }: Props) {
  const { key, value, partitions, bytes, isCompacted, description, tags } = details
  const trouble = inTrouble(partitions).length
  const retention = state === undefined ? '…' : retentionText(state.config)
  return (
    <header class="topic-head">
      <div class="topic-title">
        <h1>{topic}</h1>
        {tags.map(({ name }) => (
          <span key={name} class="tag">
            {name}
          </span>
        ))}
        <span class="space" />
        <button type="button" class="quiet" onClick={reload}>
          Reload
        </button>
      </div>
      {description !== null && <p class="soft">{description}</p>}
      {failure !== undefined && (
        <p class="failure" role="alert">
          {failure}
        </p>
      )}
      <dl class="facts">
        <Fact name="Key" why={whyFormat(key)}>
          {key.format}
        </Fact>
        <Fact name="Value" why={whyFormat(value)}>
          {value.format}
        </Fact>
        <Fact name="Records" minor why="from the first to the last offset">
          {recordsIn(partitions).toLocaleString('en')}
        </Fact>
        <Fact
          name="Size"
          minor={bytes !== null}
          why={bytes === null ? 'Kafka does not tell Sluice (DescribeLogDirs)' : 'on the leaders’ disks'}
        >
          {bytes === null ? 'unknown' : <span title={`${bytes.toLocaleString('en')} bytes`}>{shortBytes(bytes)}</span>}
        </Fact>
        <Fact name="Rate" minor why="in the last minute">
          {state === undefined ? '…' : `${state.messagesPerSecond.toLocaleString('en')}/s`}
        </Fact>
        <Fact
          name="Partitions"
          why={trouble === 0 ? 'all replicas in sync' : `${trouble} not in sync`}
          bad={trouble > 0}
        >
          {partitions.length.toLocaleString('en')}
        </Fact>
        <Fact name="Kept" why={isCompacted ? 'compacted: the last record of each key' : 'not compacted'}>
          {retention === '' ? 'unknown' : retention}
        </Fact>
      </dl>
    </header>
  )
}

interface FactProps {
  readonly name: string
  readonly why: string
  readonly bad?: boolean
  /** Where there is little room, its name and figure are enough. */
  readonly minor?: boolean
  readonly children: ComponentChildren
}

function Fact({ name, why, bad = false, minor = false, children }: FactProps) {
  return (
    <div class={`fact${bad ? ' bad' : ''}${minor ? ' minor' : ''}`}>
      <dt>{name}</dt>
      <dd>
        <strong>{children}</strong>
        <span class="why">{why}</span>
      </dd>
    </div>
  )
}
