/** How programs connect: address, command line, curl, any WebSocket client, Python. Tokens are named, not shown. */
import { copyText } from '../clipboard.ts'
import { serverUrl } from '../session/server.ts'
import { studio } from '../store.ts'
import { useStore } from '../use-store.ts'
import { snippets } from './snippets.ts'

export default function Connect() {
  const environment = useStore(studio, (state) => state.environment) ?? 'default'
  return (
    <div class="connect">
      <p>
        Programs send a token: the one of a service account, or of a login. Put it into the environment variable{' '}
        <code>SLUICE_TOKEN</code>.
      </p>
      {snippets(serverUrl(), environment).map(({ title, text }) => (
        <section key={title} aria-label={title}>
          <header>
            <h3>{title}</h3>
            <button type="button" class="quiet" onClick={() => void copyText(text, `${title} copied`)}>
              Copy
            </button>
          </header>
          <pre tabIndex={0}>{text}</pre>
        </section>
      ))}
    </div>
  )
}
