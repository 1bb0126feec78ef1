/** What stands in the Connect dialog. */
import { pythonSnippet } from './python-snippet.ts'

export interface Snippet {
  readonly title: string
  readonly text: string
}

/** `url`: the server's address with a slash at its end. */
export function snippets(url: string, environment: string): readonly Snippet[] {
  const address = url.replace(/\/$/, '')
  const path = `/api/v1/environments/${encodeURIComponent(environment)}/proxy/api/ws/v2/sql/execute`
  const socket = `${address.replace(/^http/, 'ws')}${path}`
  const python = pythonSnippet({
    host: address.replace(/^https?:\/\//, ''),
    secure: address.startsWith('https:'),
    environment,
    sql: 'SHOW TABLES',
  })
  return [
    { title: 'Address', text: `${address}\nenvironment ${environment}` },
    {
      title: 'Command line',
      text: `sluice query --url ${address} --environment ${environment} "SHOW TABLES"`,
    },
    { title: 'curl: the topics', text: `curl -H "Authorization: Bearer $SLUICE_TOKEN" \\\n  ${address}/api/topics` },
    {
      title: 'Any WebSocket client',
      text: `wscat -H "Authorization: Bearer $SLUICE_TOKEN" \\\n  -c ${socket}\n> {"sql": "SHOW TABLES"}`,
    },
    { title: 'Python (pip install websockets)', text: python },
  ]
}
