/**
 * Loaded into a server by `--import`: measures how long the event loop was kept busy at a stretch, and answers
 * questions about it over IPC. A stretch is counted in processor time of the main thread, so that other processes on
 * the machine do not count; wall-clock time and `monitorEventLoopDelay` are told beside it.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** What `loop()` of a Sluice process tells since the last time it was asked; milliseconds, bytes. */
export interface LoopFigures {
  /** Longest stretch of processor time between two turns of the event loop. */
  readonly busyMs: number
  /** The ten longest stretches. */
  readonly longest: readonly number[]
  /** Largest value of `perf_hooks.monitorEventLoopDelay` (1 ms resolution), less that resolution. */
  readonly delayMs: number
  readonly rssBytes: number
  /** Largest resident size seen. */
  readonly rssPeakBytes: number
}

const delays = monitorEventLoopDelay({ resolution: 1 })
delays.enable()
let longest: number[] = []
let rssPeakBytes = 0
let before = cpuMs()
let ticks = 0

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

setInterval(() => {
  const now = cpuMs()
  const stretch = now - before
  before = now
  if (longest.length < 10 || stretch > longest[9]) longest = [...longest, stretch].sort((a, b) => b - a).slice(0, 10)
  if (ticks++ % 20 === 0) rssPeakBytes = Math.max(rssPeakBytes, process.memoryUsage.rss())
}, 1).unref()

process.on('message', () => {
  const rssBytes = process.memoryUsage.rss()
  const figures: LoopFigures = {
    busyMs: longest[0] ?? 0,
    longest,
    delayMs: delays.max / 1e6 - 1,
    rssBytes,
    rssPeakBytes: Math.max(rssPeakBytes, rssBytes),
  }
  process.send?.(figures)
  longest = []
  delays.reset()
  rssPeakBytes = 0
  before = cpuMs()
})
process.channel?.unref()
