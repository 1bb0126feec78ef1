/** Runs in a page, as a module: the client library of this project, served as it lies in `src/client` with its types taken out. */
import { connect } from '/src/client/connect.ts'

globalThis.library = {
  /** Values of the rows; a bigint is shown with an n behind it. Or what was thrown. */
  async rows(options, sql) {
    const rows = []
    try {
      for await (const row of connect(options).query(sql).rows()) rows.push(row)
    } catch (error) {
      return { rows, thrown: `${error.name}: ${error.message}` }
    }
    return { rows: JSON.parse(JSON.stringify(rows, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))) }
  },

  /** Types of the messages, and how many rows came before the loop was left. */
  async leave(options, sql, after) {
    const types = []
    for await (const event of connect(options).query(sql)) {
      types.push(event.type)
      if (types.length === after) break
    }
    return types
  },
}
