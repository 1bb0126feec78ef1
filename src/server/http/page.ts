/**
 * The page at `/`: what runs here and how to ask it. Plain HTML with its own style, no script, nothing loaded from
 * anywhere, no secret in it. The address shown is the one that the reader's browser asked for.
 */
import { createHash } from 'node:crypto'

/** What the page shows. All of it is escaped. */
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

const STYLE = `
:root { color-scheme: light dark; --ink: #16202a; --soft: #51606d; --paper: #fbfcfd; --panel: #f0f4f7; --line: #d5dde4; --accent: #0b6b8a; --shade: #b9c5cf; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf2; --soft: #9db0be; --paper: #0f161c; --panel: #18222b; --line: #2b3945; --accent: #6cc7e4; --shade: #05080b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.6 system-ui, sans-serif; }
main { max-width: 52rem; margin: 0 auto; padding: clamp(1.25rem, 5vw, 4rem) clamp(1rem, 4vw, 2rem); }
h1 { font-size: clamp(1.7rem, 6vw, 2.4rem); line-height: 1.15; margin: 0; letter-spacing: -0.02em; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 0.5rem; }
p { margin: 0.5rem 0; max-width: 65ch; }
.lead { color: var(--soft); font-size: 1.1rem; }
.version { color: var(--soft); font-size: 0.95rem; font-weight: normal; letter-spacing: 0; white-space: nowrap; }
ul { padding: 0; margin: 0.75rem 0; list-style: none; display: flex; flex-wrap: wrap; gap: 0.5rem; }
li { border: 1px solid var(--line); border-radius: 999px; padding: 0.1rem 0.8rem; overflow-wrap: anywhere; }
pre { border: 1px solid var(--line); border-radius: 0.5rem; padding: 0.9rem 1rem; margin: 0.75rem 0; overflow-x: auto; font-size: 0.875rem; line-height: 1.5; }
/* A shade at the side where there is more; the cover moves with the text and lies over it at the ends. */
pre { background:
  linear-gradient(to right, var(--panel) 40%, transparent) left / 2rem 100% local no-repeat,
  linear-gradient(to left, var(--panel) 40%, transparent) right / 2rem 100% local no-repeat,
  linear-gradient(to right, var(--shade), transparent) left / 0.75rem 100% no-repeat,
  linear-gradient(to left, var(--shade), transparent) right / 0.75rem 100% no-repeat,
  var(--panel); }
pre:focus-visible, a:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
code, pre { font-family: ui-monospace, 'SF Mono', Menlo, Consolas, monospace; }
a { color: var(--accent); }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.95rem; }
`

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

/** Headers of the page: no scripts, no frames, nothing from elsewhere. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
}

/** An example that can be scrolled by keyboard. */
function example(label: string, text: string): string {
  return `<pre tabindex="0" role="region" aria-label="${escapeHtml(label)}"><code>${escapeHtml(text)}</code></pre>`
}

function python(url: string): string {
  return `import asyncio, json, os, websockets

async def main():
    url = "${url}"
    headers = {"Authorization": "Bearer " + os.environ["SLUICE_TOKEN"]}
    async with websockets.connect(url, additional_headers=headers) as socket:
        await socket.send(json.dumps({"sql": "SHOW TABLES"}))
        async for message in socket:
            frame = json.loads(message)
            if frame["type"] == "RECORD":
                print(frame["data"]["value"])
            elif frame["type"] == "SENTINEL":
                print("incomplete:", frame["data"]["reason"])
            elif frame["type"] == "ERROR":
                print(frame["data"])

asyncio.run(main())`
}

/** The whole document. */
export function page(content: PageContent): string {
  const host = /^[\w.:[\]-]{1,255}$/.test(content.host) ? content.host : 'localhost'
  const environment = content.environments[0] ?? 'demo'
  const path = escapeHtml(content.basePath)
  const origin = `http${content.secure ? 's' : ''}://${host}${path}`
  const socket = `ws${content.secure ? 's' : ''}://${host}${path}/api/v1/environments/${encodeURIComponent(environment)}/proxy/api/ws/v2/sql/execute`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sluice: SQL for Apache Kafka</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header>
<h1>Sluice <span class="version">${escapeHtml(content.version)}</span></h1>
<p class="lead">This server answers SQL over Apache Kafka topics, on a WebSocket.</p>
</header>
<section aria-labelledby="environments">
<h2 id="environments">Environments</h2>
<ul>${content.environments.map((name) => `<li>${escapeHtml(name)}</li>`).join('')}</ul>
</section>
<section aria-labelledby="ask">
<h2 id="ask">Ask it something</h2>
<p>You need the token of a service account. Put it into the environment variable <code>SLUICE_TOKEN</code>, then, with this project’s own command:</p>
${example('Command line', `sluice query --url ${origin} --environment ${environment} "SHOW TABLES"`)}
<p>With any WebSocket client: connect, send one JSON message, read until the server closes.</p>
${example('WebSocket client', `wscat -H "Authorization: Bearer $SLUICE_TOKEN" \\\n  -c ${socket}\n> {"sql": "SHOW TABLES"}`)}
<p>From Python, with the <code>websockets</code> package:</p>
${example('Python', python(socket))}
</section>
<footer>
<p>Is it well? <a href="${path}/health">Health</a> and <a href="${path}/metrics">metrics</a>. What it answers beside SQL: <a href="${path}/api/v1/openapi.json">OpenAPI</a>.</p>
</footer>
</main>
</body>
</html>
`
}
