import { randomInt } from 'node:crypto';

/** A link session's number: random, since two runs of a program must not choose alike. */
export const newSession = (): number => randomInt(1, 2 ** 32);
