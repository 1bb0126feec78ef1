/** Questions about a tree of wanted paths that every reader asks before it generates code. */
import type { Name } from '../../codegen/emitter.ts'
import type { Want } from '../format.ts'

/** Whether the value of this very path is asked for, in some form. */
export function hasOwn(want: Want): boolean {
  return want.value !== undefined || want.text !== undefined || want.slice !== undefined
}

/** Whether anything in the tree is asked for. */
export function isWanted(want: Want): boolean {
  return hasOwn(want) || want.exists !== undefined || want.children.some(isWanted)
}

/** The `exists` variables of the tree: all of them start as false. */
export function existsNames(want: Want): Name[] {
  return [...(want.exists === undefined ? [] : [want.exists]), ...want.children.flatMap(existsNames)]
}
