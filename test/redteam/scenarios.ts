import type { Move } from './move.ts';
import { DECEPTION_MOVES } from './moves/deceptions.ts';
import { ASKED_MOVES, FOUND_MOVES, LIMIT, UNUSED } from './moves/governed.ts';
import { KEYRING_MOVES } from './moves/keyrings.ts';
import { GOSSIP_MOVES, GRANT_MOVES, OPERATOR_MOVES } from './moves/others.ts';
import { REPLAY_MOVES } from './moves/replays.ts';
import { SIGNATURE_MOVES } from './moves/signatures.ts';
import { TOKEN_MOVES } from './moves/tokens.ts';
import { WIPE_MOVES } from './moves/wipes.ts';
import type { KeyName, Person } from './site.ts';

export interface Scenario {
  /** What the attacker holds, in words. */
  readonly words: string;
  /** Whose keys are missing. */
  readonly lacks?: Person;
  /** Only these are held. */
  readonly only?: readonly KeyName[];
  readonly moves: readonly Move[];
  /** So many hosts come to harm, and no other number: as many as were agreed to by all whose agreement it takes. */
  readonly harm: number;
}

const LACKING_AN_OFFICER: readonly Move[] = [
  ...SIGNATURE_MOVES,
  ...REPLAY_MOVES,
  ...KEYRING_MOVES,
  ...GRANT_MOVES,
  ...GOSSIP_MOVES,
];

export const SCENARIOS: readonly Scenario[] = [
  {
    words: "broker, fleet server, and all keys but the officer tess's",
    lacks: 'tess',
    moves: LACKING_AN_OFFICER,
    harm: 0,
  },
  {
    words: "broker, fleet server, and all keys but the officer sam's",
    lacks: 'sam',
    moves: LACKING_AN_OFFICER,
    harm: 0,
  },
  {
    words: "broker, fleet server, and all keys but the governor gus's",
    lacks: 'gus',
    moves: [
      ...TOKEN_MOVES,
      ...WIPE_MOVES,
      ...KEYRING_MOVES,
      ...REPLAY_MOVES,
      ...GRANT_MOVES,
      ...GOSSIP_MOVES,
      ...DECEPTION_MOVES,
    ],
    harm: 0,
  },
  {
    words: 'broker, fleet server, and the keys of all operators and technicians',
    only: ['olga', 'tom'],
    moves: [...WIPE_MOVES, ...OPERATOR_MOVES],
    harm: 0,
  },
  {
    words: 'broker, fleet server with unused tokens on it, and the keys of both officers',
    only: ['sam', 'sam-2', 'tess', 'tess-2'],
    moves: FOUND_MOVES,
    harm: UNUSED,
  },
  {
    words:
      'broker, fleet server, the keys of both officers, and a governor who signs whatever the budget allows',
    only: ['sam', 'sam-2', 'tess', 'tess-2'],
    moves: ASKED_MOVES,
    harm: LIMIT,
  },
];
