/**
 * What clients and people of Lenses look for, and Sluice leaves out on purpose: addresses and configuration keys, each
 * with a sentence that says so and what there is instead. It answers nothing itself.
 */

interface Absent {
  readonly addresses: RegExp
  readonly text: string
}

const SINGLE_SIGN_ON =
  'Single sign-on (OIDC, SAML) is not offered: log in with user and password (POST /api/login), or use the key of a service account.'
const POLICIES =
  'Data policies are not offered: nothing is masked on its own. Write ANONYMIZE(x), EMAIL(x) or FIRST2(x) into the query, and give an account only the topics that it may read in full.'

/** Paths of the agent, with or without a proxy or a version in front. */
const ABSENT: readonly Absent[] = [
  {
    addresses: /^\/api\/(?:kafka\/ws|ws\/v1)(?:\/|$)/,
    text: 'The protocols of Lenses 1.x to 3.x (/api/kafka/ws, /api/ws/v1) are not offered: connect to /api/ws/v2/sql/execute and send {"sql": "…", "token": "…"}.',
  },
  { addresses: /^\/api\/(?:v\d+\/)?protection(?:\/|$)/, text: POLICIES },
  { addresses: /^(?:\/api)?(?:\/v\d+)?(?:\/auth|\/login)?\/(?:saml2?|oidc|oauth2?|sso)(?:\/|$)/, text: SINGLE_SIGN_ON },
  {
    addresses:
      /^\/api\/(?:v\d+\/)?(?:acls?|quotas?|streams?|processors?|proxy-kafka-connect|kafka-connect|connectors?|topology|alerts?|audits?)(?:\/|$)/,
    text: 'Sluice answers SQL over topics; it manages no ACLs, quotas, processors, connectors, topology, alerts or audits.',
  },
]

const EVENT_STREAM = 'Server-sent events are not offered: connect to /api/ws/v2/sql/execute with a WebSocket.'

/**
 * Why nothing is at an address where another server has something; undefined for any other. `accept`: the header of
 * that name.
 */
export function notOfferedAt(url: string, accept?: string): string | undefined {
  const path = url.replace(/[?#].*/s, '').replace(/^\/(?:api\/v1\/environments|environment)\/[^/]+\/proxy(?=\/)/, '')
  const found = ABSENT.find((a) => a.addresses.test(path))
  return found?.text ?? (accept?.includes('text/event-stream') === true ? EVENT_STREAM : undefined)
}

/** Why a key of the configuration is not known, where it names something that is left out on purpose. */
export function notOfferedKey(key: string): string | undefined {
  if (/^(?:oidc|saml|sso|oauth2?|ldap|kerberos)$/i.test(key)) return SINGLE_SIGN_ON
  return /^(?:data\W?policies|policies|masking|redaction|protection)$/i.test(key) ? POLICIES : undefined
}
