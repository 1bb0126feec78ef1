/**
 * How to reach a cluster: addresses, TLS and SASL, time limits. Plain data; nothing is read from files or the
 * environment here.
 */
import type { TlsConfig } from '../lib/tls-config.ts'

/** How one cluster is reached, and for how long to wait for it. */
export interface ClusterConfig {
  /** `host:port` each; `[::1]:9092` for IPv6. Tried in order until one answers. */
  readonly brokers: readonly string[]
  /** Shown in the broker's logs and quotas. Default `sluice`. */
  readonly clientId?: string
  /** true: TLS with the system's certificate authorities. */
  readonly tls?: TlsConfig | boolean
  readonly sasl?: SaslConfig
  /** `kafka.connect.timeout`: TCP, TLS, version and SASL exchange together. Default 10 s. */
  readonly connectTimeoutMs?: number
  /** `kafka.request.timeout`: time without a byte from the broker while an answer is due. Default 30 s. */
  readonly requestTimeoutMs?: number
  /**
   * `kafka.retry.timeout`: how long a scan keeps trying without any progress (leader moves, lost connections). Default
   * 30 s.
   */
  readonly retryTimeoutMs?: number
  /**
   * `kafka.gap.timeout`: how long a broker may answer without records below the end that was captured, before
   * compaction is taken to have removed all up to it. Slow remote (tiered) storage looks the same for a while. Default
   * 5 s.
   */
  readonly gapTimeoutMs?: number
  /** `kafka.follow.partitions`: how often a scan that goes on with what comes looks for new partitions. Default 5 s. */
  readonly newPartitionsMs?: number
  /** `kafka.idle.timeout`: an unused connection is closed after this long. Default 60 s. */
  readonly idleTimeoutMs?: number
  /** `kafka.response.max.bytes`: largest answer accepted. Default 256 MiB. */
  readonly responseMaxBytes?: number
  /** Called with the name of each request as it is sent (`Fetch`, `ListOffsets`, …). */
  readonly onRequest?: (name: string) => void
}

/** How to authenticate. */
export type SaslConfig =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
      readonly username: string
      readonly password: string
    }
  /** A token, or a function that gives a fresh one for each new connection. */
  | { readonly mechanism: 'OAUTHBEARER'; readonly token: string | (() => Promise<string>) }
  /** A file that holds the token; read again for each new connection. */
  | { readonly mechanism: 'OAUTHBEARER'; readonly tokenFile: string }

/**
 * Limit `kafka.connect.timeout` (ms): TCP, TLS, version and SASL exchange together; `connectTimeout` of the
 * configuration changes it. Beyond it: the next address is tried, then an error.
 */
export const CONNECT_TIMEOUT_MS = 10_000
/**
 * Limit `kafka.request.timeout` (ms): time without a byte from the broker while an answer is due; `requestTimeout` of
 * the configuration changes it. Beyond it: the connection is closed, and the request is tried again or an error.
 */
export const REQUEST_TIMEOUT_MS = 30_000
/**
 * Limit `kafka.retry.timeout` (ms): how long a scan keeps trying without any progress; `retryTimeout` of the
 * configuration changes it. Beyond it: an error.
 */
export const RETRY_TIMEOUT_MS = 30_000
/**
 * Limit `kafka.gap.timeout` (ms): how long a broker answers without records below the end that was captured. Beyond it:
 * the rest of the range counts as removed by compaction.
 */
export const GAP_TIMEOUT_MS = 5_000
/**
 * Limit `kafka.idle.timeout` (ms): how long an unused connection stays open; `idleTimeout` of the configuration changes
 * it. Beyond it: the connection is closed.
 */
export const IDLE_TIMEOUT_MS = 60_000

/**
 * Not a limit: `kafka.follow.partitions`: milliseconds after which a scan that goes on with what comes looks whether the
 * topic has got further partitions.
 */
export const NEW_PARTITIONS_MS = 5000

/** Where a broker listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** Reads `host:port` or `[v6]:port`; a missing port is 9092. undefined when it is neither. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:[A-Z_]+:\/\/)?(?:\[([0-9a-fA-F:.%]+)\]|([^:\s/[\]]+))(?::(\d{1,5}))?$/.exec(text.trim())
  if (match === null) return undefined
  const port = match[3] === undefined ? 9092 : Number(match[3])
  return port > 0 && port < 65536 ? { host: match[1] ?? match[2], port } : undefined
}

/** Whether it can be connected to: metadata may say anything. Without a host Node takes its own machine. */
export function isAddress({ host, port }: Address): boolean {
  return host !== '' && !/[\s\0]/.test(host) && port > 0 && port < 65_536
}

/** `host:port`, or `[v6]:port`. */
export function showAddress(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}
