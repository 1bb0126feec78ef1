/**
 * Writing to and reading from the terminal or a pipe: in large pieces, no faster than the reader, and without harm when
 * the reader goes away.
 */
import { readFileSync } from 'node:fs'

/** Characters collected before they are written. */
const PIECE = 64 * 1024

export async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('utf8')
}

/** A secret as given, or what stands in the file of `@file`. */
export function secretText(value: string): string {
  if (!value.startsWith('@')) return value
  const path = value.slice(1)
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    throw new Error(`The file ${JSON.stringify(path)} cannot be read.`)
  }
}

/**
 * Stays as it is when whoever reads standard output or standard error is gone (`| head`): a server runs on. Another
 * fault of writing, such as a full disk, is said where it can be, and is the exit code 1.
 */
export function guardStreams(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EPIPE') return
      if (process.exitCode !== 1 && stream === process.stdout)
        process.stderr.write(`sluice: cannot write: ${cause.message}\n`)
      process.exitCode = 1
    })
}

/** Text of others for the terminal: line ends stay, nothing in it commands the terminal. */
export function harmless(text: string): string {
  return text.replace(/\r\n/g, '\n').replace(CONTROL, (c) => (c === '\n' ? c : escaped(c)))
}

/** The same on one line. */
export function harmlessLine(text: string): string {
  return text.replace(CONTROL, (c) => (c === '\n' ? '⏎' : escaped(c)))
}

/** What commands a terminal, or turns the direction of what stands behind it. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

function escaped(c: string): string {
  const code = c.charCodeAt(0)
  return c === '\t' ? ' ' : code > 0xff ? `\\u${code.toString(16)}` : `\\x${code.toString(16).padStart(2, '0')}`
}

/** Standard output. */
export class Output {
  /** The reader has gone (`| head`): there is nothing to write for. */
  gone = false
  #text = ''
  #scheduled = false
  readonly #whenGone: () => void

  constructor(whenGone: () => void) {
    this.#whenGone = whenGone
    process.stdout.on('error', () => {
      if (this.gone) return
      this.gone = true
      this.#whenGone()
    })
  }

  /** A promise when the reader is slower than the writer. */
  line(text: string): Promise<void> | undefined {
    this.#text += `${text}\n`
    if (this.#text.length >= PIECE) return this.flush()
    if (!this.#scheduled) {
      this.#scheduled = true
      setImmediate(() => {
        this.#scheduled = false
        void this.flush()
      })
    }
    return undefined
  }

  flush(): Promise<void> | undefined {
    if (this.#text === '' || this.gone) return undefined
    const text = this.#text
    this.#text = ''
    return new Promise((resolve) => process.stdout.write(text, () => resolve()))
  }
}

/** Signals this close together are one: a terminal and a parent process (npm) may both pass on the same Ctrl-C. */
const SAME_KEY_MS = 500

/** Runs `stop` on the first Ctrl-C or SIGTERM, `hurry` on every later one. */
export function onEnd(stop: () => void, hurry: () => void): void {
  let firstMs: number | undefined
  const heard = () => {
    if (firstMs === undefined) {
      firstMs = performance.now()
      stop()
    } else if (performance.now() - firstMs > SAME_KEY_MS) hurry()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, heard)
}

/** Runs `act` on every SIGHUP, which then does not end the process. */
export function onHangUp(act: () => void): void {
  process.on('SIGHUP', act)
}
