/** What the record panel shows: which record, which of its sides, how far it is loaded. Pure transitions. */
import type { RecordPlace } from '../route.ts'
import type { Detail } from './record-source.ts'

export type Side = 'value' | 'json' | 'key' | 'headers' | 'metadata' | 'hex' | 'differences'

/** `row`: what was received of it; `detail`: what the server says when it is asked for it. */
export interface RecordState {
  readonly place: RecordPlace | undefined
  readonly row: Detail | undefined
  readonly detail: Detail | undefined
  readonly failure: string | undefined
  readonly isLoading: boolean
  readonly side: Side
  /** The whole of a large value, or its bytes, after one asked for it. */
  readonly whole: { readonly value?: string; readonly bytes?: string; readonly failure?: string }
}

export const NO_RECORD: RecordState = {
  place: undefined,
  row: undefined,
  detail: undefined,
  failure: undefined,
  isLoading: false,
  side: 'value',
  whole: {},
}

/** Another record; the side that is looked at stays. */
export function opened(
  state: RecordState,
  record: { readonly place: RecordPlace | undefined; readonly row: Detail | undefined },
): RecordState {
  return { ...NO_RECORD, ...record, side: state.side, isLoading: record.place !== undefined }
}

/** What is known of it: of the server, else of the row. */
export function known({ detail, row, whole }: RecordState): Detail | undefined {
  const best = detail ?? row
  if (best === undefined) return undefined
  return {
    ...best,
    ...(whole.value === undefined ? {} : { value: whole.value, preview: undefined }),
    ...(whole.bytes === undefined ? {} : { bytes: whole.bytes }),
  }
}

/** The record as one JSON text, for comparing. */
export function comparable(detail: Detail): string {
  const members = [
    ['key', detail.key],
    ['value', detail.value ?? (detail.preview === undefined ? undefined : JSON.stringify(detail.preview))],
    ['headers', detail.headers],
    ['metadata', detail.metadata],
  ].flatMap(([name, json]) => (json === undefined ? [] : [`"${name}":${json}`]))
  return `{${members.join()}}`
}
