/** What the test command passes on to the test files. Read here and nowhere else. */

/** `npm test -- --update`: golden files are written instead of compared. */
export const updating = process.env.SLUICE_UPDATE === '1'

/** `npm test -- --require-all`: nothing may be skipped. */
export const requireAll = process.env.SLUICE_REQUIRE_ALL === '1'

/**
 * Addresses of the Kafka and the registry that the test command started for all files; undefined when a file is run by
 * itself. JSON text.
 */
export const sharedClusterText = process.env.SLUICE_TEST_CLUSTER
