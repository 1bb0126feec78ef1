/** The dashboard and the alerts use metrics and labels that the server has. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it, test } from 'node:test'
import { parse } from 'yaml'
import { Metrics } from '../../../src/server/metrics.ts'

const read = (path: string) => readFileSync(new URL(`../../../deploy/${path}`, import.meta.url), 'utf8')

interface Known {
  readonly help: string
  readonly labels: readonly string[]
}

/** By the names of their series: what `/metrics` prints, and what Prometheus adds. */
async function knownMetrics(): Promise<Map<string, Known>> {
  const { registry } = someMetrics(() => 0)
  const printed = [...(await registry.metrics()).matchAll(/^# TYPE (\S+) (\S+)$/gm)]
  const known = new Map<string, Known>([['up', { help: '', labels: [] }]])
  for (const [, name, type] of printed) {
    const metric = registry.getSingleMetric(name) as unknown as { help: string; labelNames: string[] }
    const { help, labelNames } = metric
    for (const ending of type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''])
      known.set(name + ending, { help, labels: [...labelNames, ...(ending === '_bucket' ? ['le'] : [])] })
  }
  return known
}

function someMetrics(openSockets: () => number): Metrics {
  return new Metrics({
    openSockets,
    runningQueries: () => 0,
    connections: () => ({ all: 0, unauthenticated: 0, cut: 0 }),
    workers: () => undefined,
    kafkaRequests: () => [],
    traces: () => undefined,
    store: {
      condition: 'up',
      figures: {
        objects: 0,
        records: { counts: 0, same: 0, late: 0, full: 0, other: 0 },
        changes: { made: 0, conflict: 0, refused: 0 },
        offset: 0,
        lag: 0,
        requests: new Map(),
      },
    },
    servers: { count: 1, condition: 'up', passedOver: 0 },
  })
}

const known = await knownMetrics()
/** Of every series: Prometheus sets them. */
const TARGET = ['instance', 'job']
const FUNCTIONS = new Set(
  'sum min max avg count rate increase changes histogram_quantile min_over_time label_values'.split(' '),
)
const WORDS = new Set(['and', 'or', 'unless'])

/** What is wrong with an expression of PromQL: names of metrics, labels, functions; values of labels. */
function problems(expression: string): string[] {
  const found: string[] = []
  const labels = new Set(TARGET)
  const grouping: string[] = []
  const bare = expression
    .replace(/\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g, (_, names: string) => {
      grouping.push(...names.split(',').map((name) => name.trim()))
      return ' '
    })
    .replace(/\[[^\]]*\]/g, ' ')
    // Of label_values the second argument is a label.
    .replace(/,\s*([a-z]+)\)$/, (_, name: string) => {
      grouping.push(name)
      return ')'
    })
  for (const [, name, inBraces, call] of bare.matchAll(/([a-zA-Z_:][\w:]*)(?:\{([^}]*)\})?(\s*\()?/g)) {
    if (call !== undefined && inBraces === undefined) {
      if (!FUNCTIONS.has(name) && !WORDS.has(name)) found.push(`no function ${name}`)
      continue
    }
    if (WORDS.has(name)) continue
    const metric = known.get(name)
    if (metric === undefined) {
      found.push(`no metric ${name}`)
      continue
    }
    for (const label of metric.labels) labels.add(label)
    found.push(...wrongLabels(name, metric, inBraces ?? ''))
  }
  for (const label of grouping) if (!labels.has(label)) found.push(`nothing has the label ${label}`)
  return found
}

function wrongLabels(name: string, { labels, help }: Known, matchers: string): string[] {
  return [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"/g)].flatMap(([, label, value]) => {
    if (TARGET.includes(label)) return []
    if (!labels.includes(label)) return [`${name} has no label ${label}`]
    // The help of a metric lists the values of its label, unless they are statuses or names of the configuration.
    const values = value.split('|').filter((one) => !one.startsWith('$') && !/^\d{3}$/.test(one))
    return values.filter((one) => !help.includes(one)).map((one) => `${name} is never ${label}="${one}"`)
  })
}

/** Labels in the text of a legend or an annotation. */
const shown = (text: string) => [...text.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g)].map(([, label]) => label)

const allLabels = new Set([...TARGET, ...[...known.values()].flatMap(({ labels }) => labels)])

describe('what finds a wrong name', () => {
  it('metrics, functions, labels, values', () => {
    assert.deepEqual(problems('rate(sluice_querys_total[5m])'), ['no metric sluice_querys_total'])
    assert.deepEqual(problems('sums(sluice_connections)'), ['no function sums'])
    assert.deepEqual(problems('sluice_logins_total{user="a"}'), ['sluice_logins_total has no label user'])
    assert.deepEqual(problems('sluice_logins_total{outcome=~"good|bad"}'), [
      'sluice_logins_total is never outcome="bad"',
    ])
    assert.deepEqual(problems('sum by (topic) (sluice_rows_total)'), ['nothing has the label topic'])
    assert.deepEqual(problems('sum by (le) (rate(sluice_query_seconds_bucket[5m]))'), [])
    assert.deepEqual(problems('sluice_query_seconds'), ['no metric sluice_query_seconds'])
  })
})

describe('the alerts', () => {
  interface Rule {
    readonly alert: string
    readonly expr: string
    readonly for?: string
    readonly labels: { readonly severity: string }
    readonly annotations: { readonly summary: string; readonly remedy: string }
  }
  const { groups } = parse(read('prometheus/alerts.yaml')) as { groups: { name: string; rules: Rule[] }[] }
  const rules = groups.flatMap((group) => group.rules)

  it('ask for what there is', () => {
    assert.ok(rules.length >= 10)
    assert.deepEqual(
      rules.flatMap(({ alert, expr }) => problems(expr).map((text) => `${alert}: ${text}`)),
      [],
    )
  })

  it('have what Prometheus reads, a severity and a remedy', () => {
    assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length)
    for (const rule of rules) {
      const { alert, labels, annotations } = rule
      const strange = Object.keys(rule).filter(
        (key) => !['alert', 'expr', 'for', 'labels', 'annotations'].includes(key),
      )
      assert.deepEqual(strange, [], alert)
      assert.match(alert, /^Sluice[A-Z]\w+$/)
      assert.match(rule.for ?? '1m', /^\d+[smh]$/)
      assert.ok(['info', 'warning', 'critical'].includes(labels.severity), alert)
      assert.ok(annotations.remedy.length > 10, alert)
      for (const label of shown(annotations.summary)) assert.ok(allLabels.has(label), `${alert}: ${label}`)
    }
  })

  it('keep the labels that they show', () => {
    for (const { alert, expr, annotations } of rules) {
      const by = /^\s*\w+ by \(([^)]*)\)/.exec(expr)?.[1]?.split(/,\s*/)
      if (by !== undefined)
        for (const label of shown(annotations.summary)) assert.ok(by.includes(label), `${alert}: ${label}`)
    }
  })
})

describe('the dashboard', () => {
  interface Panel {
    readonly id: number
    readonly title: string
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
    readonly targets: readonly { readonly refId: string; readonly expr: string; readonly legendFormat: string }[]
  }
  interface Variable {
    readonly name: string
    readonly type: string
    readonly definition?: string
  }
  const dashboard = JSON.parse(read('grafana/sluice.json')) as {
    panels: Panel[]
    templating: { list: Variable[] }
  }
  const { panels, templating } = dashboard

  it('asks for what there is', () => {
    assert.ok(panels.length >= 15)
    assert.deepEqual(
      panels.flatMap(({ title, targets }) =>
        targets.flatMap(({ expr }) => problems(expr).map((text) => `${title}: ${text}`)),
      ),
      [],
    )
  })

  it('has the variables that it uses, and they ask for what there is', () => {
    const names = templating.list.map(({ name }) => name)
    const used = [...JSON.stringify(dashboard).matchAll(/\$\{?([a-z]\w*)/g)].map(([, name]) => name)
    assert.deepEqual([...new Set(used)].sort(), [...names].sort())
    for (const { definition } of templating.list) assert.deepEqual(problems(definition ?? 'up'), [])
  })

  it('names only labels in legends that the expression keeps', () => {
    for (const { title, targets } of panels)
      for (const { expr, legendFormat } of targets) {
        const by = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(/,\s*/)
        for (const label of shown(legendFormat)) assert.ok((by ?? TARGET).includes(label), `${title}: ${label}`)
      }
  })

  it('shows most of what the server counts itself', () => {
    const text = JSON.stringify(panels)
    const own = [...known.keys()].filter((name) => name.startsWith('sluice_') && !/_(?:sum|count)$/.test(name))
    assert.deepEqual(
      own.filter((name) => !text.includes(name)),
      ['sluice_queries_started_total'],
    )
  })

  it('has panels that do not lie upon each other', () => {
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
    const taken = new Map<string, string>()
    for (const { title, gridPos } of panels)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.equal(taken.get(`${x} ${y}`), undefined, title)
          assert.ok(x < 24, title)
          taken.set(`${x} ${y}`, title)
        }
  })
})

test('a scrape is made once for all who ask in the same turn, and anew for whoever asks later', async () => {
  let asked = 0
  const metrics = someMetrics(() => ++asked)
  const texts = await Promise.all(Array.from({ length: 50 }, () => metrics.text()))
  assert.equal(asked, 1)
  assert.equal(new Set(texts).size, 1)
  assert.match(await metrics.text(), /^sluice_open_sockets 2$/m)
})
