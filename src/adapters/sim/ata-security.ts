import { equalBytes } from '../../base/index.ts';

/**
 * A drive's Security feature set as far as passwords go: states SEC1 to SEC6 of ATA8-ACS. SEC0 and SEC3 are the same drives
 * without power, in which nothing happens but `power-on`.
 */
export interface AtaSecurity {
  /** The user password; absent where none is set. */
  readonly user: Uint8Array | undefined;
  readonly maximum: boolean;
  /** As the factory set it, and everybody may know it. */
  readonly master: Uint8Array;
  readonly locked: boolean;
  readonly frozen: boolean;
  /** Wrong passwords that it takes until the next power-on. */
  readonly attempts: number;
}

export type AtaSecurityCommand =
  | { readonly is: 'set-password'; readonly password: Uint8Array; readonly maximum: boolean }
  | { readonly is: 'unlock' | 'disable-password'; readonly password: Uint8Array; readonly master?: boolean }
  | { readonly is: 'freeze-lock' | 'power-on' };

export const SECURITY_ATTEMPTS = 5;

export const newSecurity = (): AtaSecurity => ({
  user: undefined,
  maximum: false,
  master: new Uint8Array(32).fill(0x20),
  locked: false,
  frozen: false,
  attempts: SECURITY_ATTEMPTS,
});

export interface AtaSecurityStep {
  readonly state: AtaSecurity;
  /** False: command aborted. */
  readonly done: boolean;
}

/** What a drive makes of a command. */
export function stepSecurity(state: AtaSecurity, command: AtaSecurityCommand): AtaSecurityStep {
  const aborted = { state, done: false };
  switch (command.is) {
    case 'power-on':
      return {
        state: { ...state, locked: state.user !== undefined, frozen: false, attempts: SECURITY_ATTEMPTS },
        done: true,
      };
    case 'freeze-lock':
      return state.locked ? aborted : { state: { ...state, frozen: true }, done: true };
    case 'set-password':
      if (state.frozen || state.locked) return aborted;
      return { state: { ...state, user: command.password.slice(), maximum: command.maximum }, done: true };
    case 'unlock': {
      if (state.frozen || state.attempts === 0) return aborted;
      if (!isRight(state, command)) return { state: wrong(state, command), done: false };
      return { state: { ...state, locked: false, attempts: SECURITY_ATTEMPTS }, done: true };
    }
    case 'disable-password':
      if (state.frozen || state.locked) return aborted;
      if (!isRight(state, command)) return aborted;
      return { state: { ...state, user: undefined, maximum: false }, done: true };
  }
}

type WithPassword = Extract<AtaSecurityCommand, { readonly is: 'unlock' | 'disable-password' }>;

function isRight({ user, master, maximum }: AtaSecurity, { password, ...command }: WithPassword): boolean {
  if (user === undefined) return true;
  if (command.master === true) return !maximum && equalBytes(password, master);
  return equalBytes(password, user);
}

/** At level maximum the master password is not even compared. */
function wrong(state: AtaSecurity, { master }: WithPassword): AtaSecurity {
  if (master === true && state.maximum) return state;
  return { ...state, attempts: state.attempts - 1 };
}
