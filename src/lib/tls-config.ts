/** How a TLS connection is made: to brokers and to registries. A type only. */

/** PEM text or bytes. */
export interface TlsConfig {
  readonly ca?: string | Buffer | readonly (string | Buffer)[]
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  readonly passphrase?: string
  /** Name to check the certificate against, when it is not the host of the address. */
  readonly servername?: string
  /** false: accept any certificate. Default true. */
  readonly rejectUnauthorized?: boolean
}
