import type { SimFleetHost } from '../kit/sim-fleet.ts';
import type { Answers, Attacker } from './attacker.ts';

/** Something an attacker does, and why it should come to nothing. */
export interface Move {
  /** What is tried, in words. */
  readonly words: string;
  /** Every answer must be one of these: a move that fails for another reason than it should proves nothing. */
  readonly fails: readonly string[];
  /** Against these hosts, of whom none may be harmed. */
  readonly run: (attacker: Attacker, hosts: readonly SimFleetHost[]) => Promise<Answers>;
  /** Tried at so many hosts and not at all: it takes a disk's or a processor's time at each, and is the same at all. */
  readonly at?: number;
  /**
   * The same with what the attacker lacks, at a host that is not counted: it must do the harm. Without it, it could be that
   * the move fails because it was made badly.
   */
  readonly control?: (everything: Attacker, host: SimFleetHost) => Promise<Answers>;
  /** What the control does to its host; locked where absent. */
  readonly harm?: 'locked' | 'wiped';
}

let epoch = 0;

/** Newer than every epoch so far, so that no host has reason to refuse it. */
export function nextEpoch(): number {
  epoch += 1;
  return epoch;
}

/** A token that would do, where the governor's key is held. */
export const goodToken = (attacker: Attacker, host: SimFleetHost, kind: 'lock' | 'wipe' = 'lock') =>
  attacker.token({ epoch: nextEpoch(), n: 1, device: host.name, for: kind });
