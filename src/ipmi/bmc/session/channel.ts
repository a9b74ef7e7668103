import { NsError } from '../../../base/index.ts';
import type { UserKey } from '../../session/rakp.ts';
import { CIPHER_SUITES, type CipherSuite, type CipherSuiteId } from '../../wire/cipher-suite.ts';
import { Accounts, type BmcAccount } from './account.ts';
import { LAN_LIMITS, type LanLimits } from './limits.ts';
import { SessionTable } from './session-table.ts';

export interface LanChannelOptions {
  readonly accounts: readonly BmcAccount[];
  /** 17 alone by default. 3 rests on SHA-1, and has to be allowed by name. */
  readonly suites?: readonly CipherSuiteId[];
  /** Kg: a second secret that every console has to have. */
  readonly bmcKey?: UserKey;
  /** 16 bytes, in the order of the wire: what Get System GUID says. */
  readonly guid: Uint8Array;
  readonly limits?: Partial<LanLimits>;
}

const KEY_SIZE = 20;
const GUID_SIZE = 16;
const MOST_SESSIONS = 63;

/** A BMC's LAN channel: what its responder and its commands both go by. */
export class LanChannel {
  readonly accounts: Accounts;
  /** The preferred one first. */
  readonly suites: readonly CipherSuite[];
  readonly bmcKey: UserKey | undefined;
  readonly guid: Uint8Array;
  readonly limits: LanLimits;
  readonly sessions: SessionTable;

  /** NS_IPMI_ARGUMENT for accounts, keys or limits that cannot be, NS_IPMI_SUITE for a suite that is not spoken here. */
  constructor(options: LanChannelOptions) {
    const { accounts, suites = [17], bmcKey, guid, limits = {} } = options;
    this.accounts = new Accounts(accounts);
    this.suites = suites.toSorted((a, b) => b - a).map(suiteNamed);
    if (suites.length === 0) throw wrong('NS_IPMI_SUITE', 'no cipher suite is allowed');
    if (guid.byteLength !== GUID_SIZE) throw wrong('NS_IPMI_ARGUMENT', 'a GUID has 16 bytes');
    if (bmcKey !== undefined && bmcKey.byteLength !== KEY_SIZE)
      throw wrong('NS_IPMI_ARGUMENT', "a BMC's own key (Kg) has 20 bytes");
    this.bmcKey = bmcKey;
    this.guid = Uint8Array.from(guid);
    this.limits = { ...LAN_LIMITS, ...limits };
    if (this.limits.sessions < 1 || this.limits.sessions > MOST_SESSIONS)
      throw wrong('NS_IPMI_ARGUMENT', `a BMC has from 1 to ${MOST_SESSIONS} sessions`);
    this.sessions = new SessionTable(this.limits);
  }
}

function suiteNamed(id: CipherSuiteId): CipherSuite {
  if (!Object.hasOwn(CIPHER_SUITES, id))
    throw wrong('NS_IPMI_SUITE', `cipher suite ${id} is refused: 17 and 3 are spoken here`);
  return CIPHER_SUITES[id];
}

const wrong = (code: `NS_${string}`, sentence: string): NsError =>
  new NsError(code, sentence, { family: 'caller' });
