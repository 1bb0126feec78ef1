/** How the process of a server is set up for the memory of many threads. This file must run on old versions of Node. */

/**
 * Of glibc, read when a process begins (https://man7.org/linux/man-pages/man3/mallopt.3.html). By default each thread has
 * memory of its own that is not given back: some 20 MiB of an idle server, 40 of a busy one. And once pieces of many
 * megabytes were used (large records), later ones come out of memory that stays with the process: hundreds of MiB.
 */
export const ALLOCATOR = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: String(4 * 1024 * 1024),
  MALLOC_TRIM_THRESHOLD_: String(16 * 1024 * 1024),
}
/** For young objects of the main thread, in MiB: it only passes on what the threads of the queries make. */
export const SEMI_SPACE = '--max-semi-space-size=8'
