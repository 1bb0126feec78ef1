/** The record panel, which is loaded when a record is opened first. */
import type { Lazy, PanelProps } from '../registry.ts'

export const RECORD: Lazy<PanelProps> = {
  id: 'record',
  title: 'Record',
  load: () => import('../record/record-panel.tsx'),
}
