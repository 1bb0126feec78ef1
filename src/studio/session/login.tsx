/** The login: user and password, or a token, which the server exchanges for the session's cookie. */
import { useState } from 'preact/hooks'
import { enterWith } from './session.ts'

export function Login({ message }: { readonly message: string | undefined }) {
  const [by, choose] = useState<'password' | 'token'>('password')
  const [failure, fail] = useState<string | undefined>(undefined)
  const [isBusy, setBusy] = useState(false)
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    const form = event.currentTarget as HTMLFormElement
    const given = (name: string): string => String(new FormData(form).get(name) ?? '')
    setBusy(true)
    fail(undefined)
    try {
      await enterWith(
        by === 'token'
          ? { token: given('token').trim() }
          : { username: given('username'), password: given('password') },
      )
    } catch (cause) {
      fail(cause instanceof Error ? cause.message : String(cause))
    } finally {
      setBusy(false)
    }
  }
  const shown = failure ?? message
  return (
    <main class="login">
      <form onSubmit={submit} aria-labelledby="login-title">
        <h1 id="login-title">Sluice</h1>
        <p class="soft">SQL for Apache Kafka</p>
        <fieldset class="segments">
          <legend class="unseen">Log in with</legend>
          {(['password', 'token'] as const).map((way) => (
            <label key={way} class={by === way ? 'chosen' : ''}>
              <input type="radio" name="by" class="unseen" checked={by === way} onChange={() => choose(way)} />
              {way === 'password' ? 'Password' : 'Token'}
            </label>
          ))}
        </fieldset>
        {by === 'password' ? (
          <>
            <label>
              User
              <input name="username" autocomplete="username" required spellcheck={false} autocapitalize="none" />
            </label>
            <label>
              Password
              <input name="password" type="password" autocomplete="current-password" required />
            </label>
          </>
        ) : (
          <label>
            Token of a login or a service account
            <input name="token" type="password" autocomplete="off" required spellcheck={false} />
          </label>
        )}
        <p class={failure === undefined ? 'said' : 'failure'} role="alert">
          {shown}
        </p>
        <button type="submit" class="primary" disabled={isBusy}>
          Log in
        </button>
      </form>
    </main>
  )
}
