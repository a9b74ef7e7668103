import type { Level } from '../../session/set-up.ts';

/** What an audit wants to know of the LAN's users. Names are printable; never a password. */
export type LanEvent =
  | {
      readonly is: 'login';
      readonly user: string;
      readonly peer: string;
      readonly handle: number;
      /** What the session may be raised to. */
      readonly limit: Level;
      readonly suite: number;
    }
  | {
      readonly is: 'logout';
      readonly user: string;
      readonly peer: string;
      readonly handle: number;
      /** By itself, by another user, for a new one of its owner's, by its silence, or because the BMC stopped. */
      readonly why: SessionEnd;
    }
  | {
      readonly is: 'login-failed';
      /** As it was sent: there may be no such account. */
      readonly user: string;
      readonly peer: string;
      /**
       * "wrong-password": the console showed that it does not have it. "gave-up": it asked for the BMC's proof and never came
       * back, as most consoles with a wrong password do, and everybody who collects proofs to guess passwords from.
       * "level": the password was right, the account may not have the level asked for.
       */
      readonly why: 'wrong-password' | 'gave-up' | 'level';
    };

export type SessionEnd = 'closed' | 'closed-by-another' | 'replaced' | 'idle' | 'stopped';
