/**
 * JSON text as a tree that is taken apart where one looks: a node is a part of the text, its children are found when it
 * is opened. Nothing is converted, so that digits stay and a value of megabytes costs what is shown of it.
 */
import { skipString, skipValue } from '../rows/columns.ts'

export type NodeKind = 'object' | 'array' | 'text' | 'number' | 'boolean' | 'null'

/** Text from `start` to `end`. `name`: its member or its position; undefined for the root. */
export interface JsonNode {
  readonly name: string | number | undefined
  readonly kind: NodeKind
  readonly start: number
  readonly end: number
}

/** The whole of a text. */
export function rootOf(text: string): JsonNode {
  return nodeAt(text, undefined, 0, text.length)
}

function nodeAt(text: string, name: JsonNode['name'], start: number, end: number): JsonNode {
  const first = text[start]
  const kind =
    first === '{'
      ? 'object'
      : first === '['
        ? 'array'
        : first === '"'
          ? 'text'
          : first === 'n'
            ? 'null'
            : first === 't' || first === 'f'
              ? 'boolean'
              : 'number'
  return { name, kind, start, end }
}

/** Children of an object or array, `most` at most; `rest`: whether there are more. */
export function childrenOf(
  text: string,
  node: JsonNode,
  most = Number.POSITIVE_INFINITY,
): { readonly children: readonly JsonNode[]; readonly rest: boolean } {
  const children: JsonNode[] = []
  if (node.kind !== 'object' && node.kind !== 'array') return { children, rest: false }
  let at = node.start + 1
  while (at < node.end - 1) {
    if (children.length >= most) return { children, rest: true }
    let name: string | number = children.length
    if (node.kind === 'object') {
      const nameEnd = skipString(text, at)
      name = JSON.parse(text.slice(at, nameEnd)) as string
      at = nameEnd + 1
    }
    const end = skipValue(text, at)
    children.push(nodeAt(text, name, at, end))
    at = end + 1
  }
  return { children, rest: false }
}

/** A member of an object by its name. */
export function memberOf(text: string, node: JsonNode, name: string): JsonNode | undefined {
  return childrenOf(text, node).children.find((child) => child.name === name)
}

/** What a leaf says: of a text its characters, of everything else its JSON. */
export function leafText(text: string, { kind, start, end }: JsonNode): string {
  const source = text.slice(start, end)
  return kind === 'text' ? (JSON.parse(source) as string) : source
}

/** The JSON with line breaks, every value as it stands. `most`: characters of the outcome. */
export function indented(text: string, most = Number.POSITIVE_INFINITY): string {
  const pieces: string[] = []
  let [depth, length] = [0, 0]
  const put = (piece: string): void => {
    pieces.push(piece)
    length += piece.length
  }
  const line = (): string => `\n${'  '.repeat(depth)}`
  for (let at = 0; at < text.length && length < most; ) {
    const c = text[at]
    if (c === '"') {
      const end = skipString(text, at)
      put(text.slice(at, end))
      at = end
      continue
    }
    at++
    if (c === '{' || c === '[') {
      const close = text[at]
      if (close === '}' || close === ']') {
        put(c + close)
        at++
      } else {
        depth++
        put(c + line())
      }
    } else if (c === '}' || c === ']') {
      depth--
      put(line() + c)
    } else if (c === ',') put(c + line())
    else put(c === ':' ? ': ' : c)
  }
  return pieces.join('')
}

/** A leaf with its path, `a.b[0].c`. */
export interface Leaf {
  readonly path: string
  readonly json: string
}

/** All leaves; `most` of them, the rest is left out. */
export function leavesOf(text: string, most: number): { readonly leaves: readonly Leaf[]; readonly rest: boolean } {
  const leaves: Leaf[] = []
  let rest = false
  const visit = (node: JsonNode, path: string): void => {
    if (leaves.length >= most) {
      rest = true
      return
    }
    const { children } = childrenOf(text, node, most)
    if (children.length === 0) leaves.push({ path, json: text.slice(node.start, node.end) })
    for (const child of children) visit(child, childPath(path, child.name))
  }
  visit(rootOf(text), '')
  return { leaves, rest }
}

/** The path of a child. */
export function childPath(path: string, name: JsonNode['name']): string {
  if (typeof name === 'number') return `${path}[${name}]`
  return path === '' ? (name ?? '') : `${path}.${name}`
}
