/**
 * JSON text as a tree that is taken apart where one looks: a node is a part of the text, its children are found when it
 * is opened. Nothing is converted, so that digits stay and a value of megabytes costs what is shown of it.
 */
import { skipSpace, skipString, skipValue, stringText, valueStart } from '../../lib/text/json-walk.ts'

export type NodeKind = 'object' | 'array' | 'text' | 'number' | 'boolean' | 'null'

/** Text from `start` to `end`. `name`: its member or its position; undefined for the root. */
export interface JsonNode {
  readonly name: string | number | undefined
  readonly kind: NodeKind
  readonly start: number
  readonly end: number
  /** Whether there is something in it. */
  readonly hasChildren: boolean
}

/** The whole of a text. */
export function rootOf(text: string): JsonNode {
  const start = skipSpace(text, 0)
  return nodeAt(text, undefined, start, skipValue(text, start))
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
  const hasChildren = (kind === 'object' || kind === 'array') && skipSpace(text, start + 1) < end - 1
  return { name, kind, start, end, hasChildren }
}

/** Children of an object or array, `most` at most; `rest`: whether there are more. */
export function childrenOf(
  text: string,
  node: JsonNode,
  most = Number.POSITIVE_INFINITY,
): { readonly children: readonly JsonNode[]; readonly rest: boolean } {
  const children: JsonNode[] = []
  if (!node.hasChildren) return { children, rest: false }
  let at = skipSpace(text, node.start + 1)
  while (at < node.end - 1) {
    if (children.length >= most) return { children, rest: true }
    let name: string | number = children.length
    if (node.kind === 'object') {
      const nameEnd = skipString(text, at)
      name = stringText(text.slice(at, nameEnd))
      at = valueStart(text, nameEnd)
    }
    const end = skipValue(text, at)
    children.push(nodeAt(text, name, at, end))
    // Behind the comma.
    at = skipSpace(text, skipSpace(text, end) + 1)
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
  return kind === 'text' ? stringText(source) : source
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
    if (c === ' ' || c === '\n' || c === '\r' || c === '\t') {
      at = skipSpace(text, at)
      continue
    }
    at++
    if (c === '{' || c === '[') {
      const closeAt = skipSpace(text, at)
      const close = text[closeAt]
      if (close === '}' || close === ']') {
        put(c + close)
        at = closeAt + 1
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

/** The path of a child; names that would read as more than one stand in backticks, so that no two have the same. */
export function childPath(path: string, name: JsonNode['name']): string {
  if (typeof name === 'number') return `${path}[${name}]`
  if (name === undefined) return path
  const step = name === '' || /[.`[]/.test(name) ? `\`${name.replaceAll('`', '``')}\`` : name
  return path === '' ? step : `${path}.${step}`
}
