/** Generates the choice of a union's branch, which everything that reads a union begins with. */
import { type Code, js } from '../../codegen/emitter.ts'
import { type Lines, readInt } from './lines.ts'
import type { AvroNode, UnionNode } from './schema.ts'

/** One case per branch of a union. Branch numbers are one byte, except in unions of more than 64 branches. */
export function branches(
  out: Lines,
  node: UnionNode,
  branch: (inner: Lines, node: AvroNode, index: number) => void,
): void {
  const { p, bad } = out.frame
  const small = node.branches.length <= 64
  const cases: Code[] = []
  const index = small ? out.frame.e.name('branch') : readInt(out)
  if (small) out.add(js`const ${index} = b[${p}++]`)
  for (let i = 0; i < node.branches.length; i++) {
    const test = js`if (${index} === ${small ? i * 2 : i}) `
    cases.push(js`${test}${out.block((inner) => branch(inner, node.branches[i], i))} else`)
  }
  out.add(js`${cases} ${bad}`)
}
