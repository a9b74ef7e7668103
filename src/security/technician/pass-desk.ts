import * as v from 'valibot';
import {
  allow,
  frameJson,
  NsError,
  type RecordKind,
  refuse,
  toHex,
  unframeJson,
  type Verdict,
} from '../../base/index.ts';
import type { KeyStore, StateStore } from '../../ports/index.ts';
import { readGrant } from '../grant.ts';
import { holderByGrants, linksOf } from '../grant-chain.ts';
import type { Enrolled, KeyringView, Role } from '../keyring.ts';
import { passedWindow } from '../passed-windows.ts';
import { withinGrants } from '../standing.ts';
import { MOST_PASS_MINUTES, unpackPass } from './console-pass.ts';
import type { TechnicianSession } from './login-desk.ts';

/** Name of the document in the state store. */
export const PASSES_DOCUMENT = 'console-passes';

export interface PassDeskOptions {
  readonly store: Pick<StateStore, 'readDocument' | 'writeDocument'>;
  readonly keyring: KeyringView;
  readonly tenant: string;
  readonly device: string;
  readonly groups: readonly string[];
  /** The device's own: passes are for it, and it signs what is ordered by one. */
  readonly deviceKey: KeyStore;
  /** Seconds since 1970: what has surely passed, or the wall clock, whichever is later. */
  readonly now: () => number;
  /** The highest counter of a taken order in this window; 0 where there is none. */
  readonly lastCounter: (window: Uint8Array) => number;
}

/** Who was let in, and by whose pass. */
export interface PassHolder {
  readonly session: TechnicianSession;
  readonly by: Enrolled;
}

/** Whose passes count. */
const GIVERS: readonly Role[] = ['operator', 'security'];
const KEPT = 256;
const KIND: RecordKind = { letters: 'NSPA', largest: 32 * 1024 };

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const record = v.strictObject({
  /** Passes that ended no later are not taken: those that were used may be forgotten. */
  low: count,
  /** Ids and ends of those that were used. */
  used: v.pipe(v.array(v.tuple([v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)), count])), v.maxLength(KEPT)),
});
type PassRecord = v.InferOutput<typeof record>;

/**
 * Lets in who brings a signed pass: each once, also over restarts, and as the keyring of now has it. Asks no network and no clock
 * but the device's own rules of time.
 */
export class PassDesk {
  readonly #o: PassDeskOptions;

  constructor(options: PassDeskOptions) {
    this.#o = options;
  }

  /** Who comes in by it. It is used up, durably, before the answer. Not to be called again before that. */
  async open(packed: Uint8Array): Promise<Verdict<PassHolder>> {
    const { tenant, device, deviceKey, keyring, now } = this.#o;
    const packet = unpackPass(packed, { tenant, device, deviceKey: deviceKey.publicKey });
    const read = packet === undefined ? undefined : readGrant(packet);
    if (packet === undefined || read?.ok !== true) return refuse('DELEGATION_INVALID', 'That is no pass.');
    const { keyId } = deviceKey.publicKey;
    const found = holderByGrants([packet], keyId, keyring.current, tenant);
    // Of what was signed for another device nothing else can be said.
    if (!found.ok && found.refusal.code === 'DELEGATION_INVALID') {
      return refuse(
        'DELEGATION_INVALID',
        `It is not a pass for ${device}, or the key that gave it is revoked.`,
      );
    }
    if (!found.ok) return found;
    const links = linksOf(found.value);
    const giver = links[0]!;
    if (!GIVERS.includes(giver.role)) {
      return refuse(
        'NOT_PERMITTED',
        `${giver.name} is ${giver.role}: passes are for operators and security officers to give.`,
      );
    }
    const { grant } = read.value;
    if (grant.notAfter - grant.at > MOST_PASS_MINUTES * 60)
      return refuse('DELEGATION_INVALID', 'It is a pass for too long.');
    const inTime = withinGrants(
      links.map(timesOf),
      { verb: 'machine.status', args: {} },
      { ...this.#facts, now: now() },
    );
    if (!inTime.ok) return inTime;
    const used = await this.#use(toHex(grant.id), grant.notAfter);
    if (!used.ok) return used;
    return allow({ session: this.#session(grant.name, giver, packet, grant.notAfter), by: giver });
  }

  get #facts() {
    const { device, groups } = this.#o;
    return { device, groups, power: 'later' } as const;
  }

  #session(name: string, giver: Enrolled, packet: Uint8Array, end: number): TechnicianSession {
    const { deviceKey, lastCounter } = this.#o;
    const window = passedWindow(giver.keyId, deviceKey.publicKey.keyId, end);
    let last = 0;
    return {
      name,
      key: deviceKey,
      grants: [packet],
      nextCounter: () => {
        last = Math.max(last, lastCounter(window)) + 1;
        return last;
      },
    };
  }

  /** Stored before anybody is let in: whoever cuts the power in between has used it. */
  async #use(id: string, end: number): Promise<Verdict<void>> {
    const { low, used } = await this.#record();
    if (used.some(([known]) => known === id))
      return refuse('REPLAYED', 'This pass was used before.', USED_REMEDY);
    if (end <= low) {
      return refuse('REPLAYED', 'The device cannot tell any more whether this pass was used.', USED_REMEDY);
    }
    // Those that end first are forgotten first: none that ends no later is taken from then on.
    const all = [...used, [id, end] as [string, number]].sort(([, a], [, b]) => a - b);
    const gone = all.slice(0, Math.max(0, all.length - KEPT));
    const next: PassRecord = {
      low: gone.reduce((most, [, each]) => Math.max(most, each), low),
      used: all.slice(gone.length),
    };
    await this.#o.store.writeDocument(PASSES_DOCUMENT, frameJson(KIND, next));
    return allow(undefined);
  }

  async #record(): Promise<PassRecord> {
    const stored = await this.#o.store.readDocument(PASSES_DOCUMENT);
    if (stored === undefined) return { low: 0, used: [] };
    const whole = unframeJson(KIND, stored, record);
    if (whole !== undefined) return whole;
    throw new NsError(
      'NS_PASSES_DAMAGED',
      'the list of used passes on this device is damaged: none is taken',
    );
  }
}

const USED_REMEDY = 'Ask for another pass: each lets one in, once.';

/** A right with its times alone. */
const timesOf = ({ name, person, role, keyId, publicKey, notBefore, notAfter }: Enrolled): Enrolled => ({
  ...{ name, person, role, keyId, publicKey },
  ...(notBefore === undefined ? {} : { notBefore }),
  ...(notAfter === undefined ? {} : { notAfter }),
});
