/** The manifests fit each other, the configuration that they hold, and the server that reads it. */
import assert from 'node:assert/strict'
import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { dockerfile, imageProblem, mebibytes, read, root, yaml } from './files.ts'
import { configured, FOLDER, type Labels, type Manifest, manifests, SETS } from './manifests.ts'

const files = globSync(`${FOLDER}/**/*.yaml`, { cwd: root }).sort()

describe('all manifests', () => {
  it('are of kinds and versions that are served, with the same labels, and none is left out here', () => {
    const kinds = files.map((path) => {
      const { apiVersion, kind, metadata } = yaml<Manifest>(path)
      assert.equal(metadata.name, 'sluice', path)
      assert.deepEqual(metadata.labels, { 'app.kubernetes.io/name': 'sluice' }, path)
      return `${path.slice(FOLDER.length + 1)}: ${apiVersion} ${kind}`
    })
    assert.deepEqual(kinds, [
      'configmap.yaml: v1 ConfigMap',
      'deployment.yaml: apps/v1 Deployment',
      'examples/secret-several.yaml: v1 Secret',
      'examples/secret.yaml: v1 Secret',
      'networkpolicy.yaml: networking.k8s.io/v1 NetworkPolicy',
      'persistentvolumeclaim.yaml: v1 PersistentVolumeClaim',
      'poddisruptionbudget.yaml: policy/v1 PodDisruptionBudget',
      'service.yaml: v1 Service',
      'several/configmap.yaml: v1 ConfigMap',
      'several/deployment.yaml: apps/v1 Deployment',
      'several/poddisruptionbudget.yaml: policy/v1 PodDisruptionBudget',
    ])
  })
})

const claim = yaml<Manifest & { spec: { accessModes: string[] } }>(`${FOLDER}/persistentvolumeclaim.yaml`)

for (const [title, names] of Object.entries(SETS)) {
  const set = manifests(names)
  const { deployment, template, pod, container, configMap, secret, budget, service, policy } = set

  /** Whether a selector, which must not be empty, finds the pods. */
  const finds = (selector: Labels): boolean => {
    const wanted = Object.entries(selector)
    return wanted.length > 0 && wanted.every(([label, value]) => template.metadata.labels[label] === value)
  }

  describe(`the manifests of ${title}`, () => {
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
        ...[container.startupProbe, container.readinessProbe, container.livenessProbe].map(
          (probe) => probe.httpGet.port,
        ),
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

    it('hold no secret', () => {
      for (const value of Object.values(secret.stringData)) assert.match(value, /^<[^<>]+>$/)
    })
  })

  describe(`the configuration of ${title}`, () => {
    const place = mkdtempSync(join(tmpdir(), 'sluice-manifests-'))
    after(() => rmSync(place, { recursive: true }))

    it('is taken, and fits the pod: port, data folder, memory, time to stop', async () => {
      const { server, limits, users, serviceAccounts, environments } = await configured(set, place)
      assert.deepEqual([users.length, serviceAccounts.length, environments.length], [1, 1, 1])
      assert.equal(server.host, '0.0.0.0')
      assert.equal(server.port, container.ports[0].containerPort)
      assert.ok(mebibytes(container.resources.limits.memory) > limits['server.max.memory'])
      assert.ok(limits['shutdown.delay'] > 0)
      assert.ok(pod.terminationGracePeriodSeconds * 1000 >= limits['shutdown.delay'] + limits['shutdown.grace'] + 2000)
    })

    it('reaches Kafka and the registry by what the policy lets out', async () => {
      const { environments } = await configured(set, place)
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
}

describe('one server', () => {
  const { deployment, budget, pod, container } = manifests(SETS['one server'])

  it('is never two on one data folder, and lets nodes be emptied', () => {
    assert.deepEqual(claim.spec.accessModes, ['ReadWriteOnce'])
    assert.deepEqual([deployment.spec.replicas, deployment.spec.strategy.type], [1, 'Recreate'])
    assert.equal(budget.spec.maxUnavailable, 1)
  })

  it('has its data folder on the claim', async () => {
    const place = mkdtempSync(join(tmpdir(), 'sluice-manifests-'))
    try {
      const { server } = await configured(manifests(SETS['one server']), place)
      const data = pod.volumes.find(({ persistentVolumeClaim }) => persistentVolumeClaim !== undefined)
      assert.equal(server.dataFolder, container.volumeMounts.find(({ name }) => name === data?.name)?.mountPath)
    } finally {
      rmSync(place, { recursive: true })
    }
  })
})

describe('several servers', () => {
  const set = manifests(SETS['several servers'])
  const { deployment, budget, pod } = set
  const { replicas, strategy } = deployment.spec

  it('are replaced one by one, with all of them there all the time', () => {
    assert.ok(replicas >= 3)
    assert.deepEqual(strategy, { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } })
  })

  it('lose one at most to the emptying of nodes, and are spread over nodes and zones', () => {
    assert.equal(budget.spec.minAvailable, replicas - 1)
    const spread = pod.topologySpreadConstraints ?? []
    assert.deepEqual(
      spread.map(({ topologyKey }) => topologyKey),
      ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'],
    )
    for (const { labelSelector } of spread)
      assert.deepEqual(labelSelector.matchLabels, deployment.spec.selector.matchLabels)
  })

  it('share a topic and a key, and keep nothing on disk', async () => {
    const place = mkdtempSync(join(tmpdir(), 'sluice-manifests-'))
    try {
      const { state, server } = await configured(set, place)
      assert.deepEqual(state, { topic: '_sluice_state', environment: 'production', replication: 3 })
      assert.equal(server.dataFolder, undefined)
      assert.deepEqual(server.session?.key, ['k'.repeat(64)])
      assert.deepEqual(
        pod.volumes.filter(({ persistentVolumeClaim }) => persistentVolumeClaim !== undefined),
        [],
      )
    } finally {
      rmSync(place, { recursive: true })
    }
  })
})
