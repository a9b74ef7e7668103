import { NsError } from '../../base/index.ts';

/**
 * What BMCs get wrong, and this client does otherwise for them: never by itself, only where a host's entry says so. Nothing
 * here weakens a check of who the BMC is: a BMC that lets anybody in, answers without protection, or takes any password
 * (cipher suite 0, empty check values, IPMI 1.5) has no quirk to be switched on. None is needed for a BMC that echoes privilege
 * level 0, tells wrong authentication capabilities, or answers no ping: none of these is asked for.
 */
export const QUIRKS = {
  'role-as-opened':
    'computes with the level of Open Session instead of the role of RAKP 1, so that both are made the same and users are looked up by name and level (Sun ILOM, Supermicro X8DTH and X8DTG, Dell C5220, Intel S2600JF, Quanta)',
  'padded-user-name': 'computes with the user name padded to 16 bytes (Intel SE7520AF2)',
  'password-of-16': 'keeps only the first 16 bytes of a password (passwords set in the 16-byte form)',
  'session-id-zero': 'has 0 for session ids (Tyan S2882)',
  'bad-message-checksum':
    'makes wrong checksums in messages; they are protected by the integrity code of their packet all the same (Supermicro X9)',
  'no-set-privilege':
    'refuses Set Session Privilege Level, and gives the level that the session was opened for (Cisco UCS)',
  'slow-answers':
    'answers late and loses what is asked again meanwhile: questions are repeated four times as late',
} as const;

export type Quirk = keyof typeof QUIRKS;

export const isQuirk = (name: string): name is Quirk => Object.hasOwn(QUIRKS, name);

/** The quirks that are switched on for a session, each told when it first makes a difference. */
export class QuirksInUse {
  readonly #on: ReadonlySet<Quirk>;
  readonly #tell: (quirk: Quirk) => void;
  readonly #told = new Set<Quirk>();

  constructor(on: ReadonlySet<Quirk> = new Set(), tell: (quirk: Quirk) => void = () => {}) {
    this.#on = on;
    this.#tell = tell;
  }

  has(quirk: Quirk): boolean {
    return this.#on.has(quirk);
  }

  /** True where it is switched on, and so put to use now. */
  use(quirk: Quirk): boolean {
    if (!this.#on.has(quirk)) return false;
    if (!this.#told.has(quirk)) {
      this.#told.add(quirk);
      this.#tell(quirk);
    }
    return true;
  }

  /** As use; NS_IPMI_QUIRK with the quirk's name where it is not switched on. */
  need(quirk: Quirk, what: string): void {
    if (!this.use(quirk)) throw quirkNeeded(quirk, what);
  }
}

export function quirkNeeded(quirk: Quirk, what: string): NsError {
  return new NsError('NS_IPMI_QUIRK', `${what}: this BMC ${QUIRKS[quirk]}; allow it the quirk "${quirk}"`, {
    family: 'peer',
  });
}
