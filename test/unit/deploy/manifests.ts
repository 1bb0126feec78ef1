/** The manifests of Kubernetes as tests read them: those of one server, and those of several. Not a test itself. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { hashPassword, hashToken } from '../../../src/server/access/secrets.ts'
import { loadConfig, type ServerConfig } from '../../../src/server/config/config.ts'
import { imageVariables, yaml } from './files.ts'

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string }
}
interface Source {
  readonly name: string
  readonly items: readonly { readonly key: string; readonly path: string }[]
}
interface Volume {
  readonly name: string
  readonly projected?: {
    readonly defaultMode: number
    readonly sources: readonly { readonly configMap?: Source; readonly secret?: Source }[]
  }
  readonly persistentVolumeClaim?: { readonly claimName: string }
  readonly emptyDir?: object
}
interface Container {
  readonly image: string
  readonly args: readonly string[]
  readonly env: readonly { readonly name: string; readonly value: string }[]
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
  readonly startupProbe: Probe
  readonly readinessProbe: Probe
  readonly livenessProbe: Probe
  readonly resources: {
    readonly requests: Readonly<Record<string, string>>
    readonly limits: Readonly<Record<string, string>>
  }
  readonly securityContext: object
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[]
}
export type Labels = Readonly<Record<string, string>>
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels: Labels }
}
export interface Pod {
  readonly metadata: { readonly labels: Labels; readonly annotations: Labels }
  readonly spec: {
    readonly automountServiceAccountToken: boolean
    readonly enableServiceLinks: boolean
    readonly terminationGracePeriodSeconds: number
    readonly topologySpreadConstraints?: readonly Spread[]
    readonly securityContext: Readonly<Record<string, unknown>>
    readonly containers: readonly Container[]
    readonly volumes: readonly Volume[]
  }
}
interface Selector {
  readonly matchLabels: Labels
}

interface Rule {
  readonly ports: readonly { readonly port: string | number; readonly protocol: string }[]
}
interface Spread {
  readonly topologyKey: string
  readonly labelSelector: Selector
}

export const FOLDER = 'deploy/kubernetes'

/** `budget` and so on: the file of each kind, without its ending. */
export interface Files {
  readonly deployment: string
  readonly configMap: string
  readonly secret: string
  readonly budget: string
}
/** One server with a claim for its data, and several that share a topic; service and policy are the same for both. */
export const SETS = {
  'one server': {
    deployment: 'deployment',
    configMap: 'configmap',
    secret: 'examples/secret',
    budget: 'poddisruptionbudget',
  },
  'several servers': {
    deployment: 'several/deployment',
    configMap: 'several/configmap',
    secret: 'examples/secret-several',
    budget: 'several/poddisruptionbudget',
  },
} as const satisfies Record<string, Files>

/** Reads a set of manifests. */
export function manifests(files: Files) {
  const get = <T>(name: string) => yaml<Manifest & T>(`${FOLDER}/${name}.yaml`)
  const deployment = get<{
    spec: {
      replicas: number
      strategy: { type: string; rollingUpdate?: { maxUnavailable: number; maxSurge: number } }
      selector: Selector
      template: Pod
    }
  }>(files.deployment)
  const { template } = deployment.spec
  const [container] = template.spec.containers
  return {
    deployment,
    template,
    pod: template.spec,
    container,
    configMap: get<{ data: Record<string, string> }>(files.configMap),
    secret: get<{ stringData: Record<string, string> }>(files.secret),
    budget: get<{ spec: { maxUnavailable?: number; minAvailable?: number; selector: Selector } }>(files.budget),
    service: get<{ spec: { selector: Labels; ports: { name: string; port: number; targetPort: string }[] } }>(
      'service',
    ),
    policy: get<{
      spec: {
        podSelector: Selector
        policyTypes: string[]
        ingress: (Rule & { from: object[] })[]
        egress: (Rule & { to: object[] })[]
      }
    }>('networkpolicy'),
  }
}

/** The configuration that the pod reads, from a folder like its own at `place`. */
export async function configured({ pod, container, configMap }: ReturnType<typeof manifests>, place: string) {
  const secrets: Record<string, string> = {
    'kafka-ca.pem': 'not looked at before it is used',
    'kafka-password': 'secret',
    'admin-password-hash': await hashPassword('secret'),
    'dashboard-token-hash': hashToken('token-0123456789'),
    'session-key': 'k'.repeat(64),
  }
  const volume = pod.volumes.find(({ projected }) => projected !== undefined)
  const path = container.volumeMounts.find(({ name }) => name === volume?.name)?.mountPath ?? ''
  for (const { configMap: fromMap, secret: fromSecret } of volume?.projected?.sources ?? [])
    for (const item of [...(fromMap?.items ?? []), ...(fromSecret?.items ?? [])]) {
      const content = fromMap === undefined ? secrets[item.key] : configMap.data[item.key]
      mkdirSync(dirname(join(place, item.path)), { recursive: true })
      writeFileSync(join(place, item.path), content.replaceAll(`${path}/`, `${place}/`))
    }
  const env = Object.fromEntries(container.env.map(({ name, value }) => [name, value]))
  const file = env.SLUICE_CONFIG.replace(path, place)
  // What a cluster would set for the service, were it not switched off.
  const config: ServerConfig = await loadConfig({
    file,
    env: { ...imageVariables(), ...env, SLUICE_SERVICE_PORT: '9991' },
  })
  return config
}
