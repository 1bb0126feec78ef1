/** The manifests fit each other, the configuration that they hold, and the server that reads it. */
import assert from 'node:assert/strict'
import { globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, it } from 'node:test'
import { hashPassword, hashToken } from '../../../src/server/access/secrets.ts'
import { loadConfig, type ServerConfig } from '../../../src/server/config/config.ts'
import { dockerfile, imageProblem, imageVariables, mebibytes, read, root, yaml } from './files.ts'

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
type Labels = Readonly<Record<string, string>>
interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels: Labels }
}
interface Pod {
  readonly metadata: { readonly labels: Labels; readonly annotations: Labels }
  readonly spec: {
    readonly automountServiceAccountToken: boolean
    readonly enableServiceLinks: boolean
    readonly terminationGracePeriodSeconds: number
    readonly securityContext: Readonly<Record<string, unknown>>
    readonly containers: readonly Container[]
    readonly volumes: readonly Volume[]
  }
}
interface Selector {
  readonly matchLabels: Labels
}

const folder = 'deploy/kubernetes'
const files = globSync(`${folder}/**/*.yaml`, { cwd: root }).sort()
const get = <T>(name: string) => yaml<Manifest & T>(`${folder}/${name}.yaml`)

const deployment = get<{
  spec: { replicas: number; strategy: { type: string }; selector: Selector; template: Pod }
}>('deployment')
const configMap = get<{ data: Record<string, string> }>('configmap')
const secret = get<{ stringData: Record<string, string> }>('examples/secret')
const claim = get<{ spec: { accessModes: string[] } }>('persistentvolumeclaim')
const service = get<{ spec: { selector: Labels; ports: { name: string; port: number; targetPort: string }[] } }>(
  'service',
)
const budget = get<{ spec: { maxUnavailable: number; selector: Selector } }>('poddisruptionbudget')
interface Rule {
  readonly ports: readonly { readonly port: string | number; readonly protocol: string }[]
}
const policy = get<{
  spec: {
    podSelector: Selector
    policyTypes: string[]
    ingress: (Rule & { from: object[] })[]
    egress: (Rule & { to: object[] })[]
  }
}>('networkpolicy')

const { template } = deployment.spec
const pod = template.spec
const [container] = pod.containers

/** Whether a selector, which must not be empty, finds the pods. */
function finds(selector: Labels): boolean {
  const wanted = Object.entries(selector)
  return wanted.length > 0 && wanted.every(([label, value]) => template.metadata.labels[label] === value)
}

describe('the manifests', () => {
  it('are of kinds and versions that are served, with the same labels, and none is left out here', () => {
    const kinds = files.map((path) => {
      const { apiVersion, kind, metadata } = yaml<Manifest>(path)
      assert.equal(metadata.name, 'sluice', path)
      assert.deepEqual(metadata.labels, { 'app.kubernetes.io/name': 'sluice' }, path)
      return `${apiVersion} ${kind}`
    })
    assert.deepEqual(kinds.toSorted(), [
      'apps/v1 Deployment',
      'networking.k8s.io/v1 NetworkPolicy',
      'policy/v1 PodDisruptionBudget',
      'v1 ConfigMap',
      'v1 PersistentVolumeClaim',
      'v1 Secret',
      'v1 Service',
    ])
  })

  it('select the pods of the deployment', () => {
    const selectors = [
      deployment.spec.selector.matchLabels,
      service.spec.selector,
      budget.spec.selector.matchLabels,
      policy.spec.podSelector.matchLabels,
    ]
    for (const selector of selectors) assert.ok(finds(selector), JSON.stringify(selector))
    assert.ok(!finds({ 'app.kubernetes.io/name': 'other' }) && !finds({}))
  })

  it('name ports that the container has', () => {
    const ports = container.ports.map(({ name }) => name)
    const used = [
      ...[container.startupProbe, container.readinessProbe, container.livenessProbe].map((probe) => probe.httpGet.port),
      ...service.spec.ports.map(({ targetPort }) => targetPort),
      ...policy.spec.ingress.flatMap((rule) => rule.ports.map(({ port }) => port)),
    ]
    for (const port of used) assert.ok(ports.includes(String(port)), String(port))
    assert.equal(template.metadata.annotations['prometheus.io/port'], String(container.ports[0].containerPort))
  })

  it('ask for readiness where draining counts, and for life where it does not', () => {
    assert.equal(container.readinessProbe.httpGet.path, '/health')
    assert.equal(container.livenessProbe.httpGet.path, '/health/live')
    assert.equal(container.startupProbe.httpGet.path, '/health/live')
  })

  it('mount what exists', () => {
    const names = pod.volumes.map(({ name }) => name)
    assert.deepEqual(container.volumeMounts.map(({ name }) => name).toSorted(), names.toSorted())
    for (const { projected, persistentVolumeClaim } of pod.volumes) {
      if (persistentVolumeClaim !== undefined) assert.equal(persistentVolumeClaim.claimName, claim.metadata.name)
      for (const source of projected?.sources ?? []) {
        const from = source.configMap ?? source.secret
        const content = source.configMap === undefined ? secret.stringData : configMap.data
        assert.equal(from?.name, source.configMap === undefined ? secret.metadata.name : configMap.metadata.name)
        assert.deepEqual(from?.items.map(({ key }) => key).toSorted(), Object.keys(content).toSorted())
      }
      if (projected !== undefined) assert.equal(projected.defaultMode, 0o440)
    }
  })

  it('meet the restricted Pod Security Standard, with a root file system that cannot be written', () => {
    const user = dockerfile().findLast(({ word }) => word === 'USER')?.text
    const { runAsUser, runAsGroup, fsGroup, runAsNonRoot, seccompProfile } = pod.securityContext
    assert.equal(`${runAsUser}:${runAsGroup}`, user)
    assert.equal(fsGroup, runAsGroup)
    assert.equal(runAsNonRoot, true)
    assert.deepEqual(seccompProfile, { type: 'RuntimeDefault' })
    assert.deepEqual(container.securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    assert.equal(pod.automountServiceAccountToken, false)
    assert.equal(pod.enableServiceLinks, false)
    assert.equal(pod.containers.length, 1)
  })

  it('run the image of this version', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string }
    assert.equal(imageProblem(container.image), undefined)
    assert.ok(container.image.endsWith(`/sluice:${version}`), container.image)
    assert.deepEqual(container.args, ['server'])
  })

  it('never have two servers on one data folder, and let nodes be emptied', () => {
    assert.deepEqual(claim.spec.accessModes, ['ReadWriteOnce'])
    assert.deepEqual([deployment.spec.replicas, deployment.spec.strategy.type], [1, 'Recreate'])
    assert.equal(budget.spec.maxUnavailable, 1)
  })

  it('hold no secret', () => {
    for (const value of Object.values(secret.stringData)) assert.match(value, /^<[^<>]+>$/)
  })
})

describe('the configuration in the manifests', () => {
  const place = mkdtempSync(join(tmpdir(), 'sluice-manifests-'))
  after(() => rmSync(place, { recursive: true }))

  /** The folder of the configuration as the pod sees it, at another place. */
  async function configured(): Promise<ServerConfig> {
    const secrets: Record<string, string> = {
      'kafka-ca.pem': 'not looked at before it is used',
      'kafka-password': 'secret',
      'admin-password-hash': await hashPassword('secret'),
      'dashboard-token-hash': hashToken('token-0123456789'),
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
    return await loadConfig({ file, env: { ...imageVariables(), ...env, SLUICE_SERVICE_PORT: '9991' } })
  }

  it('is taken, and fits the pod: port, data folder, memory, time to stop', async () => {
    const { server, limits, users, serviceAccounts, environments } = await configured()
    assert.deepEqual([users.length, serviceAccounts.length, environments.length], [1, 1, 1])
    assert.equal(server.host, '0.0.0.0')
    assert.equal(server.port, container.ports[0].containerPort)
    const data = pod.volumes.find(({ persistentVolumeClaim }) => persistentVolumeClaim !== undefined)
    assert.equal(server.dataFolder, container.volumeMounts.find(({ name }) => name === data?.name)?.mountPath)
    assert.ok(mebibytes(container.resources.limits.memory) > limits['server.max.memory'])
    assert.ok(limits['shutdown.delay'] > 0)
    assert.ok(pod.terminationGracePeriodSeconds * 1000 >= limits['shutdown.delay'] + limits['shutdown.grace'] + 2000)
  })

  it('reaches Kafka and the registry by what the policy lets out', async () => {
    const { environments } = await configured()
    const [{ kafka, registry }] = environments
    const wanted = [...kafka.brokers, new URL(registry?.url ?? '').host]
    const out = JSON.stringify(policy.spec.egress.flatMap(({ to }) => to))
    const ports = policy.spec.egress.flatMap((rule) => rule.ports.map(({ port }) => String(port)))
    for (const address of wanted) {
      const [, namespace, port] = /^[\w-]+\.([\w-]+)\.svc:(\d+)$/.exec(address) ?? assert.fail(address)
      assert.ok(out.includes(`"kubernetes.io/metadata.name":"${namespace}"`), address)
      assert.ok(ports.includes(port), address)
    }
    assert.deepEqual(policy.spec.policyTypes, ['Ingress', 'Egress'])
    assert.ok(ports.includes('53'))
  })
})
