/** The cells that the grid draws: asked of the worker in pieces, one question at a time, the last wish first. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Cell } from '../rows/result.ts'
import type { Run } from '../run/run.ts'

/** Rows are asked for in steps of so many, with as many beyond, so that small moves need no question. */
const STEP = 32

/** Cells that were answered. `places`: where each column stands in a row. */
export interface Cells {
  readonly from: number
  readonly rows: readonly (readonly (Cell | undefined)[])[]
  readonly numbers: readonly number[]
  readonly places: ReadonlyMap<number, number>
  /** By number of a row, the columns whose value is another one than in the answer before. */
  readonly changed: ReadonlyMap<number, ReadonlySet<number>>
}

const NOTHING: Cells = { from: 0, rows: [], numbers: [], places: new Map(), changed: new Map() }

interface Wish {
  readonly first: number
  readonly last: number
  readonly columns: readonly number[]
  readonly arranged: boolean
  /** Another one asks again, although the place is the same. */
  readonly version: string
}

/** Those of before are given until the answer is there. `marks`: whether changes are told. */
export function useCells(run: Run, wish: Wish, marks: boolean): Cells {
  const [cells, set] = useState(NOTHING)
  const from = Math.max(0, Math.floor(wish.first / STEP) * STEP - STEP)
  const to = Math.ceil(wish.last / STEP) * STEP + STEP
  const key = `${from},${to},${wish.arranged},${wish.version},${wish.columns.join()}`
  const latest = useRef({ key, from, to, ...wish, marks })
  latest.current = { key, from, to, ...wish, marks }
  const state = useRef({ asking: false, answered: '', gone: false })
  const ask = (): void => {
    const { current } = state
    const asked = latest.current
    if (current.asking || current.gone || current.answered === asked.key) return
    current.asking = true
    run.ask('window', { from: asked.from, to: asked.to, columns: asked.columns, arranged: asked.arranged }).then(
      (window) => {
        current.asking = false
        current.answered = asked.key
        if (current.gone) return
        const places = new Map(asked.columns.map((column, place) => [column, place]))
        set((before) => {
          const now = { ...window, places }
          return { ...now, changed: asked.marks ? changes(before, now) : NOTHING.changed }
        })
        ask()
      },
      () => {
        current.asking = false
        // Another run has begun: its rows are asked for.
        if (latest.current.key !== asked.key) ask()
      },
    )
  }
  useEffect(ask, [key])
  useEffect(() => {
    state.current.gone = false
    return () => {
      state.current.gone = true
    }
  }, [])
  return useMemo(() => cells, [cells])
}

function changes(before: Cells, now: Omit<Cells, 'changed'>): ReadonlyMap<number, ReadonlySet<number>> {
  const rowsBefore = new Map(before.numbers.map((number, i) => [number, before.rows[i]]))
  const all = new Map<number, ReadonlySet<number>>()
  now.numbers.forEach((number, i) => {
    const old = rowsBefore.get(number)
    if (old === undefined) return
    const columns = new Set<number>()
    for (const [column, place] of now.places) {
      const at = before.places.get(column)
      if (at !== undefined && old[at]?.text !== now.rows[i][place]?.text) columns.add(column)
    }
    if (columns.size > 0) all.set(number, columns)
  })
  return all
}
