/**
 * Reads the first message of a connection: `{"sql": …, "token"?: …, "live"?: …, "follow"?: …, "batch"?: …, "stats"?: …}`.
 * Pure; it does not check the token and does not look into the SQL. Unknown fields are ignored, null counts as absent
 * (the specification calls the fields optional). Every refusal is one sentence for the user.
 */
import type { QueryRequest } from './frames.ts'

export type ParsedRequest =
  | { readonly request: QueryRequest; readonly problem?: undefined }
  | { readonly request?: undefined; readonly problem: string }

const SHAPE = 'The first message must be a JSON object such as {"sql": "SELECT * FROM payments LIMIT 10"}'

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

function parseObject(text: string): Record<string, unknown> | string {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return text.trim() === '' ? `${SHAPE}; it is empty.` : `${SHAPE}; it is not JSON.`
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return `${SHAPE}; it is ${kindOf(value)}.`
  return value as Record<string, unknown>
}

/** `text` is the whole first text message. Never throws. */
export function parseRequest(text: string): ParsedRequest {
  const message = parseObject(text)
  if (typeof message === 'string') return { problem: message }
  const { sql, token, live, follow, batch, stats } = message
  if (sql === undefined || sql === null) return { problem: `${SHAPE}; the field "sql" is missing.` }
  if (typeof sql !== 'string') return { problem: `The field "sql" must be a string; it is ${kindOf(sql)}.` }
  if (sql.trim() === '')
    return { problem: 'The field "sql" is empty. Send a statement such as SELECT * FROM payments LIMIT 10.' }
  if (token !== undefined && token !== null && typeof token !== 'string')
    return { problem: `The field "token" must be a string; it is ${kindOf(token)}.` }
  if (live !== undefined && live !== null && typeof live !== 'boolean')
    return { problem: `The field "live" must be true or false; it is ${kindOf(live)}.` }
  if (follow !== undefined && follow !== null && typeof follow !== 'boolean')
    return { problem: `The field "follow" must be true or false; it is ${kindOf(follow)}.` }
  if (batch !== undefined && batch !== null && typeof batch !== 'boolean')
    return { problem: `The field "batch" must be true or false; it is ${kindOf(batch)}.` }
  if (stats !== undefined && stats !== null && (typeof stats !== 'number' || !Number.isInteger(stats) || stats < 0)) {
    const given = typeof stats === 'number' ? String(stats) : kindOf(stats)
    return { problem: `The field "stats" must be a whole number of milliseconds, 0 or more; it is ${given}.` }
  }
  return {
    request: {
      sql,
      live: live === true,
      ...(typeof follow === 'boolean' ? { follow } : {}),
      ...(batch === true ? { batch } : {}),
      ...(typeof token === 'string' ? { token } : {}),
      ...(typeof stats === 'number' && stats > 0 ? { statsMs: stats } : {}),
    },
  }
}
