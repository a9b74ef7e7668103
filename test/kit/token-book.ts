import type { TokenBook } from '../../src/agent/index.ts';

/** The book of a device that has seen no token and believes none. */
export const emptyBook: TokenBook = {
  hear: async () => 'refused',
  told: () => [],
  onNews: () => () => undefined,
};
