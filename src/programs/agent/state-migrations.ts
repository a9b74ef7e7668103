import type { Migration } from '../../firmware/index.ts';

/**
 * What has changed in the documents of the state directory, a step for each format after the first. A firmware that adds one
 * still reads and writes the format before it: while it is on trial there is no other.
 */
export const MIGRATIONS: readonly Migration[] = [];
