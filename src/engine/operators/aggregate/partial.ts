/** stub */
export type PartialGroups = unknown
