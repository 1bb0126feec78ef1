/** Asks the server for an export and has the browser fetch it; then asks how far it is until it has ended. */
import { systemClock } from '../../lib/clock.ts'
import { behind, rest, serverUrl } from '../session/server.ts'
import { studio } from '../store.ts'
import {
  type DownloadState,
  type Export,
  exportBody,
  exportsStore,
  exportText,
  failed,
  FORMATS,
  type FormatId,
  heard,
  withExport,
} from './exports.ts'

const LOOK_MS = 400
/** Not a limit: looks in a row that may fail, e.g. while a connection is away. */
const MOST_FAILURES = 20

const paths = new Map<number, string>()
let next = 1

/** `name`: of the file, without an ending. */
export async function exportAll(sql: string, format: FormatId, name: string): Promise<void> {
  const { environment } = studio.get()
  if (environment === undefined) return
  const id = next++
  const ending = FORMATS.find((one) => one.id === format)?.ending ?? format
  exportsStore.set((all) => withExport(all, id, `${name}.${ending}`))
  try {
    const body = JSON.stringify(exportBody(sql, format, name))
    const opened = await rest<DownloadState>(behind(environment, 'api/v1/sql/exports'), { method: 'POST', body })
    const path = behind(environment, `api/v1/sql/exports/${encodeURIComponent(opened.id)}`)
    paths.set(id, path)
    const link = document.createElement('a')
    link.href = `${serverUrl()}${path}/file`
    link.download = ''
    link.click()
    await watched(id, path)
  } catch (cause) {
    exportsStore.set((all) => failed(all, id, cause instanceof Error ? cause.message : String(cause)))
  }
  paths.delete(id)
  const ended = exportsStore.get().find((one) => one.id === id)
  if (ended !== undefined) studio.set((state) => ({ ...state, announcement: `Export: ${exportText(ended)}` }))
}

async function watched(id: number, path: string): Promise<void> {
  for (let failures = 0; ; ) {
    await new Promise<void>((resolve) => void systemClock.after(LOOK_MS, resolve))
    try {
      const state = await rest<DownloadState>(path)
      failures = 0
      exportsStore.set((all) => heard(all, id, state))
      if (state.state === 'ended') return
    } catch (cause) {
      if (++failures >= MOST_FAILURES) throw cause
    }
  }
}

/** Ends an export; the file is whole up to there. */
export async function cancelExport({ id }: Export): Promise<void> {
  const path = paths.get(id)
  if (path !== undefined) await rest(path, { method: 'DELETE' }).catch(() => undefined)
}
