/** Partitions, configuration and consumer groups of a topic, as tables. */
import { useState } from 'preact/hooks'
import { shortBytes } from '../explorer/topics.ts'
import { type TableColumn, VirtualTable } from '../virtual/virtual-table.tsx'
import { type Group, type GroupPlace, lagOf, type PartitionDetails, type Setting } from './details.ts'
import type { TopicPartProps } from './part.ts'
import { loadGroups, useLoaded } from './use-topic.ts'

function whole(value: number | null): string {
  return value === null ? 'unknown' : value.toLocaleString('en')
}

const PARTITION_COLUMNS: readonly TableColumn<PartitionDetails>[] = [
  { title: 'Partition', width: '80px', numeric: true, cell: ({ partition }) => partition },
  { title: 'Start', width: '140px', numeric: true, cell: ({ begin }) => whole(begin) },
  { title: 'End', width: '140px', numeric: true, cell: ({ end }) => whole(end) },
  { title: 'Records', width: '140px', numeric: true, cell: ({ begin, end }) => whole(end - begin) },
  {
    title: 'Size',
    width: '100px',
    numeric: true,
    cell: ({ bytes }) =>
      bytes === null ? 'unknown' : <span title={`${whole(bytes)} bytes`}>{shortBytes(bytes)}</span>,
  },
  { title: 'Leader', width: '80px', numeric: true, cell: ({ leader }) => leader ?? 'none' },
  {
    title: 'Replicas',
    width: 'minmax(160px, 1fr)',
    cell: ({ replicas, inSync }) => {
      const behind = replicas.filter((id) => !inSync.includes(id))
      return `${replicas.join(', ')}${behind.length === 0 ? '' : ` · ⚠ not in sync: ${behind.join(', ')}`}`
    },
  },
]

export function Partitions({ topic, details }: TopicPartProps) {
  return (
    <VirtualTable
      label={`Partitions of ${topic}`}
      columns={PARTITION_COLUMNS}
      rows={details.partitions}
      empty="There are no partitions."
      look={({ leader, replicas, inSync }) => (leader === null || inSync.length < replicas.length ? 'bad' : '')}
    />
  )
}

const SETTING_COLUMNS: readonly TableColumn<Setting>[] = [
  { title: 'Setting', width: 'minmax(220px, 1fr)', cell: ({ name }) => name },
  { title: 'Value', width: 'minmax(160px, 1fr)', cell: ({ value }) => <span title={value}>{value}</span> },
  { title: 'From', width: '120px', cell: ({ isDefault }) => (isDefault ? 'default' : 'this topic') },
]

export function Configuration({ topic, state }: TopicPartProps) {
  if (state === undefined) return <p class="notice">Reading the configuration …</p>
  return (
    <VirtualTable
      label={`Configuration of ${topic}`}
      columns={SETTING_COLUMNS}
      rows={state.config}
      empty="The configuration is not known."
      look={({ isDefault }) => (isDefault ? '' : 'own')}
    />
  )
}

/** A row: a group, or one of its places where it is open. */
type GroupRow = { readonly group: Group; readonly place?: GroupPlace }

export function Groups({ topic, environment }: TopicPartProps) {
  const [open, toggle] = useState<string | undefined>(undefined)
  const { value: groups, failure } = useLoaded(`${environment}/${topic}`, 0, (signal) =>
    loadGroups(environment, topic, signal),
  )
  if (failure !== undefined)
    return (
      <p class="notice" role="alert">
        {failure}
      </p>
    )
  if (groups === undefined) return <p class="notice">Reading the groups …</p>
  const rows = groups.flatMap((group): GroupRow[] => [
    { group },
    ...(group.id === open ? group.consumers.map((place) => ({ group, place })) : []),
  ])
  return (
    <VirtualTable
      label={`Consumer groups of ${topic}`}
      columns={groupColumns(open, toggle)}
      rows={rows}
      empty="No consumer group reads this topic. Groups that Sluice may not describe are left out."
      look={({ place }) => (place === undefined ? '' : 'inner')}
    />
  )
}

function groupColumns(
  open: string | undefined,
  toggle: (id: string | undefined) => void,
): readonly TableColumn<GroupRow>[] {
  return [
    {
      title: 'Group',
      width: 'minmax(220px, 2fr)',
      cell: ({ group: { id }, place }) =>
        place === undefined ? (
          <button
            type="button"
            class="quiet link"
            aria-expanded={id === open}
            onClick={() => toggle(id === open ? undefined : id)}
          >
            {id === open ? '▾' : '▸'} {id}
          </button>
        ) : (
          `partition ${place.partition}`
        ),
    },
    { title: 'State', width: '120px', cell: ({ group: { state }, place }) => (place === undefined ? state : '') },
    {
      title: 'Members',
      width: 'minmax(100px, 1fr)',
      cell: ({ group: { consumersCount }, place }) =>
        place === undefined
          ? consumersCount
          : place.clientId === ''
            ? 'nobody'
            : `${place.clientId} ${place.clientHost}`,
    },
    {
      title: 'Offset',
      width: '120px',
      numeric: true,
      cell: ({ place }) => (place === undefined ? '' : whole(place.currentOffset)),
    },
    {
      title: 'End',
      width: '120px',
      numeric: true,
      cell: ({ place }) => (place === undefined ? '' : whole(place.longEndOffset)),
    },
    {
      title: 'Lag',
      width: '120px',
      numeric: true,
      cell: ({ group, place }) => whole(place === undefined ? lagOf(group) : place.lag),
    },
  ]
}
