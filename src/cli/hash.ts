/**
 * `sluice hash`: the hash of a password or token, as the configuration wants it. Secrets come by standard input, so
 * that they are in no shell history.
 */
import { randomBytes } from 'node:crypto'
import { hashPassword, hashToken } from '../server/access/secrets.ts'
import { readStandardInput } from './terminal.ts'

export async function hash(options: { readonly token?: boolean; readonly newToken?: boolean }): Promise<void> {
  if (options.newToken === true) {
    const token = randomBytes(24).toString('base64url')
    process.stdout.write(`token: ${token}\ntokenHash: ${hashToken(token)}\n`)
    return
  }
  if (process.stdin.isTTY)
    process.stderr.write(
      `Type the ${options.token === true ? 'token' : 'password'}, then Enter and Ctrl-D (it is shown while you type):\n`,
    )
  const secret = (await readStandardInput()).replace(/\r?\n$/, '')
  if (secret === '')
    throw new Error(
      'Nothing came by standard input: give the secret there, such as `printf %s "$SECRET" | sluice hash`.',
    )
  process.stdout.write(`${options.token === true ? hashToken(secret) : await hashPassword(secret)}\n`)
}
