/** Exit codes every command keeps to; scripts rely on them. */
export const EXIT_DONE = 0;
export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;
