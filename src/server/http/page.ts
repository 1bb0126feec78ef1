/**
 * The document at `/`: it loads the page (src/studio), and holds in words what runs here and how to ask it, for readers
 * without scripts. No script or style in the text, nothing loaded from elsewhere, no secret in it. The address shown is
 * the one that the reader's browser asked for.
 */
import { randomBytes } from 'node:crypto'
import type { StudioFiles } from './studio-files.ts'

/** What the document shows. All of it is escaped. */
export interface PageContent {
  readonly name: string
  readonly version: string
  readonly environments: readonly string[]
  /** The Host header of the request. */
  readonly host: string
  readonly secure: boolean
  /** What stands in front of all paths. */
  readonly basePath: string
}

/** The names of the files that the document loads. */
export type PageParts = Pick<StudioFiles, 'entry' | 'worker' | 'style'>

/** Headers of the files that the page loads: the worker's own policy is the one of its answer. */
export const FILE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'public, max-age=31536000, immutable',
}

/** A number for one answer: the editor's own style elements bear it, so that no other inline style counts. */
export function pageNonce(): string {
  return randomBytes(16).toString('base64')
}

/** Headers of the document. */
export function pageHeaders(nonce: string): Readonly<Record<string, string>> {
  return {
    'content-security-policy': [
      "default-src 'none'",
      "script-src 'self'",
      `style-src 'self' 'nonce-${nonce}'`,
      "connect-src 'self'",
      "img-src 'self' data: blob:",
      "font-src 'self'",
      "worker-src 'self'",
      "form-action 'self'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      'trusted-types sluice-worker',
    ].join('; '),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'permissions-policy': 'camera=(), microphone=(), geolocation=()',
    'cache-control': 'no-cache',
  }
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
}

/** What a reader without scripts sees. */
function instructions(content: PageContent): string {
  const host = /^[\w.:[\]-]{1,255}$/.test(content.host) ? content.host : 'localhost'
  const environment = content.environments[0] ?? 'demo'
  const path = escapeHtml(content.basePath)
  const origin = `http${content.secure ? 's' : ''}://${host}${content.basePath}`
  const agent = `/api/v1/environments/${encodeURIComponent(environment)}/proxy/api/ws/v2/sql/execute`
  const command = `sluice query --url ${origin} --environment ${environment} "SHOW TABLES"`
  const client = `wscat -H "Authorization: Bearer $SLUICE_TOKEN" -c ${origin.replace('http', 'ws')}${agent}`
  return `<h1>${escapeHtml(content.name === 'sluice' ? 'Sluice' : content.name)} ${escapeHtml(content.version)}</h1>
<p>This server answers SQL over Apache Kafka topics, on a WebSocket. Its page needs JavaScript; programs do not.</p>
<h2>Environments</h2>
<ul>${content.environments.map((name) => `<li>${escapeHtml(name)}</li>`).join('')}</ul>
<h2>Ask it something</h2>
<p>Put the token of a service account into the environment variable <code>SLUICE_TOKEN</code>. With the project’s own command:</p>
<pre><code>${escapeHtml(command)}</code></pre>
<p>With any WebSocket client: connect, send one JSON message, read until the server closes.</p>
<pre><code>${escapeHtml(client)}
&gt; {"sql": "SHOW TABLES"}</code></pre>
<p>Is it well? <a href="${path}/health">Health</a> and <a href="${path}/metrics">metrics</a>. What it answers beside SQL: <a href="${path}/api/v1/openapi.json">OpenAPI</a>.</p>`
}

/**
 * The whole document. Its files are named relative to the document, whatever stands in front of it; below a known path
 * by that path, as proxies ask for it with and without a slash at its end.
 */
export function page(content: PageContent, parts: PageParts, nonce: string): string {
  const folder = content.basePath === '' ? 'studio' : `${escapeHtml(content.basePath)}/studio`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Sluice: SQL for Apache Kafka</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${folder}/${parts.style}">
<script type="module" src="${folder}/${parts.entry}" id="studio-entry" data-worker="${folder}/${parts.worker}" data-version="${escapeHtml(content.version)}" nonce="${nonce}"></script>
</head>
<body>
<div id="studio"></div>
<noscript>
${instructions(content)}
</noscript>
</body>
</html>
`
}
