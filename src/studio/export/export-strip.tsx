/** The exports that run or ended, above the line of the query: how far, what became of them, cancel, put away. */
import { useStore } from '../use-store.ts'
import { cancelExport } from './download.ts'
import { exportsStore, exportText, without } from './exports.ts'

export function ExportStrip() {
  const all = useStore(exportsStore, (state) => state)
  if (all.length === 0) return null
  return (
    <ul class="export-strip" aria-label="Exports">
      {all.map((one) => (
        <li key={one.id} data-phase={one.phase}>
          <span>{exportText(one)}</span>
          {one.phase === 'running' ? (
            <>
              <progress aria-label={`Export of ${one.file}`} />
              <button type="button" onClick={() => void cancelExport(one)}>
                Cancel export
              </button>
            </>
          ) : (
            <button
              type="button"
              class="quiet"
              aria-label={`Put away ${one.file}`}
              onClick={() => exportsStore.set((state) => without(state, one.id))}
            >
              ✕
            </button>
          )}
        </li>
      ))}
    </ul>
  )
}
