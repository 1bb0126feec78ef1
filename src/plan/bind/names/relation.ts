/** What stands in a FROM as a scope sees it: topics, whose names are paths, and rows, whose names are columns. */
import type { DataType } from '../../../types.ts'
import type { Table } from '../../catalog.ts'

/** One source of a FROM. */
export type Relation = TableRelation | RowRelation

/** A topic: names are paths in its records. */
export interface TableRelation {
  readonly kind: 'table'
  readonly source: number
  readonly table: Table
  readonly names: readonly string[]
  /** The last record of each key only: rows are held, and no record passes through as it is. */
  readonly latest?: boolean
}

/** A derived table, a virtual table, an unnested item (`item`: its alias is the column itself): names are columns. */
export interface RowRelation {
  readonly kind: 'rows'
  readonly source: number
  readonly columns: readonly RelationColumn[]
  readonly names: readonly string[]
  readonly item?: boolean
}

/** `open`: a JSON object of unknown shape whose members can be named as if they were columns. */
export interface RelationColumn {
  readonly name: string
  readonly type: DataType
  readonly open?: boolean
  /** A bare star leaves it out. */
  readonly hidden?: boolean
}
