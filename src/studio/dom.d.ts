/** The page runs in a browser: its types hold for the page alone, as the build of everything else leaves them out. */
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
