/** How much of a result a typed file holds back before it is written: the size of its row groups, or record batches. */

/**
 * Limit `export.row.group.bytes` (bytes): values of a result that are held until they are written as a row group of
 * Parquet. Beyond it: the row group is written.
 */
export const ROW_GROUP_BYTES = 2 * 1024 * 1024
/**
 * Limit `export.row.group.rows` (rows): rows of one row group, or of a record batch of Arrow. Beyond it: it is written.
 */
export const ROW_GROUP_ROWS = 100_000
/**
 * Limit `export.batch.bytes` (bytes): values of a result that are held until they are written as a record batch of
 * Arrow. Beyond it: the batch is written.
 */
export const BATCH_BYTES = 1 * 1024 * 1024
