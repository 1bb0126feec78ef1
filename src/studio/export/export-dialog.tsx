/** The dialog Export: the format and the name of the file. The whole result goes into it, not the rows of the page. */
import { useState } from 'preact/hooks'
import type { DialogProps } from '../registry.ts'
import { runOf } from '../run/runs.ts'
import { activeTab, studio } from '../store.ts'
import { exportAll } from './download.ts'
import { FORMATS, type FormatId, fileName, notRun, type ToExport } from './exports.ts'

/** What is exported: the statement that was run last in the tab that is shown, else the one in its editor. */
function statement(): ToExport {
  const tab = activeTab(studio.get())
  if (tab === undefined) return { sql: '' }
  const { asked } = runOf(tab.id).state.get()
  return asked === '' ? notRun(tab.sql, tab.parameters) : { sql: asked }
}

export default function ExportDialog({ close }: DialogProps) {
  const [toExport] = useState(statement)
  const sql = 'sql' in toExport ? toExport.sql : ''
  const [format, choose] = useState<FormatId>('csv')
  const [name, rename] = useState(() => fileName(sql))
  const start = (event: Event): void => {
    event.preventDefault()
    void exportAll(sql, format, name.trim() === '' ? 'result' : name.trim())
    close()
  }
  if ('wrong' in toExport) return <p class="notice">{toExport.wrong}</p>
  if (sql.trim() === '') return <p class="notice">There is no statement to export. Write one, or run one first.</p>
  return (
    <form class="export" onSubmit={start}>
      <p>The server reads the whole result again and streams it into a file, without the limit of rows of this page.</p>
      <pre tabIndex={0}>{sql}</pre>
      <fieldset>
        <legend>Format</legend>
        {FORMATS.map(({ id, title, about }) => (
          <label key={id}>
            <input type="radio" name="format" value={id} checked={id === format} onChange={() => choose(id)} />
            <span>{title}</span>
            <span class="soft">{about}</span>
          </label>
        ))}
      </fieldset>
      <label class="export-name">
        Name of the file
        <input
          type="text"
          name="file"
          maxLength={200}
          value={name}
          onInput={(event) => rename(event.currentTarget.value)}
        />
      </label>
      <div class="export-buttons">
        <button type="submit" class="primary">
          Export
        </button>
        <button type="button" onClick={close}>
          Cancel
        </button>
      </div>
    </form>
  )
}
