/** The connection between two threads that read one scan together. */
import type { MessagePort } from 'node:worker_threads'

/** One end of the connection between a leader and a helper. */
export type ExchangePort = Pick<MessagePort, 'postMessage' | 'on' | 'close'>
