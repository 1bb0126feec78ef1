/**
 * Functions that generated readers share: one family of them for each program and way to render, however many facets of
 * the program one schema wrote.
 */
import type { Emitter } from '../../codegen/emitter.ts'
import type { RenderOptions } from '../format.ts'

/**
 * Gives the family for a program and its options; `make` is called when there is none yet. A family goes when its
 * program does.
 */
export function families<Family>(
  make: (e: Emitter, render: RenderOptions) => Family,
): (e: Emitter, render: RenderOptions) => Family {
  const programs = new WeakMap<Emitter, Map<string, Family>>()
  return (e, render) => {
    let perRender = programs.get(e)
    if (perRender === undefined) programs.set(e, (perRender = new Map()))
    const key = `${render.timestamp} ${render.decimal} ${render.uuid}`
    let family = perRender.get(key)
    if (family === undefined) perRender.set(key, (family = make(e, render)))
    return family
  }
}
