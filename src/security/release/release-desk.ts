import {
  allow,
  type Duration,
  milliseconds,
  type Refusal,
  refuse,
  Turns,
  toHex,
  type Verdict,
} from '../../base/index.ts';
import type { Clock, Entropy, KeyAgreement, PowerState, StateStore } from '../../ports/index.ts';
import { type Enrolled, foldPerson, type KeyringView } from '../keyring.ts';
import { stillStands } from '../standing.ts';
import {
  challengeHash,
  challengeText,
  challengeWords,
  makeChallenge,
  RANDOM_BYTES,
  type ReleaseSubject,
} from './challenge.ts';
import { readCode } from './code.ts';
import { decodeReleaseRecord, encodeReleaseRecord, type ReleaseRecord } from './release-record.ts';
import { isNoted, pauseAfter, RELEASE_ORDER, TRIES } from './release-rules.ts';
import { whoseCode } from './whose-code.ts';

/** Name in the state store. */
export const RELEASE_DOCUMENT = 'release';

/** What a release asks of the lock. */
export interface ReleasableLock {
  status(): Promise<{ readonly state: 'enabled' | 'disabled'; readonly version: number }>;
  /** Changes nothing where the lock has another version by now. */
  enable(change: {
    readonly by: Uint8Array;
    readonly reason: string;
    readonly onVersion: number;
  }): Promise<{ readonly lock: { readonly state: 'enabled' | 'disabled'; readonly version: number } }>;
}

export interface ReleaseDeskOptions {
  readonly tenant: string;
  readonly device: string;
  readonly groups: readonly string[];
  /** The device's own key. */
  readonly agreement: KeyAgreement;
  readonly keyring: KeyringView;
  readonly lock: ReleasableLock;
  readonly power: () => Promise<PowerState>;
  readonly store: Pick<StateStore, 'readDocument' | 'writeDocument'>;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Seconds since 1970, by which the ends of grants are judged. */
  readonly now: () => number;
  /** Durable on return. */
  readonly audit: (event: string, detail: string, by?: Uint8Array) => Promise<unknown>;
}

export interface ShownChallenge {
  readonly words: readonly string[];
  /** For a QR code. */
  readonly text: string;
  readonly lockVersion: number;
}

export type ReleaseAnswer =
  /** Not judged, and no try: its check letter does not fit. */
  | { readonly is: 'mistyped' }
  /** Not judged, and no try: the last wrong one was too short a while ago. */
  | { readonly is: 'too-soon'; readonly wait: Duration }
  | { readonly is: 'wrong'; readonly wait: Duration; readonly newChallenge: boolean }
  /** Right, and by somebody who may not release this machine now; it counts as a wrong one. */
  | {
      readonly is: 'refused';
      readonly refusal: Refusal;
      readonly wait: Duration;
      readonly newChallenge: boolean;
    }
  | { readonly is: 'one-more'; readonly name: string }
  | { readonly is: 'released'; readonly names: readonly string[]; readonly lockVersion: number }
  /** There is nothing to release, or no challenge was shown. */
  | { readonly is: 'nothing' };

/**
 * Releases the machine by the codes of two people, with no network at either end. A challenge is on stable storage before it is
 * shown, a try is counted before it is judged, and a challenge is used up before the lock is touched: so a power cut at any
 * moment gives no try away, and no code works twice.
 */
export class ReleaseDesk {
  readonly #o: ReleaseDeskOptions;
  readonly #subject: ReleaseSubject;
  readonly #turns = new Turns();
  #record: ReleaseRecord | undefined;
  #notBefore = 0;
  /** Whose code was right, for the challenge that stands. */
  #first: Uint8Array | undefined;

  constructor(options: ReleaseDeskOptions) {
    this.#o = options;
    const { tenant, device, agreement } = options;
    this.#subject = { tenant, device, deviceKey: agreement.publicKey.keyId };
  }

  /** Whether a challenge stands; none is made. */
  pending(): Promise<boolean> {
    return this.#turns.take(async () => (await this.#current())?.challenge !== undefined);
  }

  /** The challenge to be answered, the same until it is used up. Undefined where the machine is enabled. */
  challenge(): Promise<ShownChallenge | undefined> {
    return this.#turns.take(async () => {
      const record = await this.#current();
      if (record === undefined) return undefined;
      const challenge = record.challenge ?? (await this.#draw(record));
      return {
        words: challengeWords(challenge, this.#subject),
        text: challengeText(challenge, this.#subject),
        lockVersion: record.lockVersion,
      };
    });
  }

  /** One person's code. The second right one, of another person, releases. */
  answer(typed: string): Promise<ReleaseAnswer> {
    return this.#turns.take(() => this.#answer(typed));
  }

  /** Whoever gave the first code has left. */
  forget(): void {
    this.#first = undefined;
  }

  async #answer(typed: string): Promise<ReleaseAnswer> {
    const record = await this.#current();
    if (record?.challenge === undefined) return { is: 'nothing' };
    const code = readCode(typed);
    if (code === undefined) return { is: 'mistyped' };
    const wait = this.#notBefore - this.#o.clock.monotonic();
    if (wait > 0) return { is: 'too-soon', wait: milliseconds(wait) };
    const { wrong, wrongSoFar } = record;
    // Counted first: whoever pulls the plug at the answer has had a try.
    const counted = await this.#save({ ...record, wrong: wrong + 1, wrongSoFar: wrongSoFar + 1 });
    const officer = await whoseCode(code, record.challenge, this.#subject, this.#o);
    if (officer === undefined) {
      const wait = await this.#failed(counted, record.challenge, 'a code of nobody');
      return { is: 'wrong', wait, newChallenge: counted.wrong >= TRIES };
    }
    const judged = await this.#judge([...(this.#first === undefined ? [] : [this.#first]), officer.keyId]);
    if (!judged.ok) {
      const { refusal } = judged;
      const wait = await this.#failed(counted, record.challenge, refusal.code, officer.keyId);
      return { is: 'refused', refusal, wait, newChallenge: counted.wrong >= TRIES };
    }
    const [first, second] = judged.value;
    if (first === undefined || second === undefined) {
      await this.#save(record);
      this.#first = officer.keyId;
      return { is: 'one-more', name: officer.name };
    }
    return this.#release([first, second], record.challenge, record.lockVersion);
  }

  /** Makes the next one wait, and says how long. */
  async #failed(
    record: ReleaseRecord,
    challenge: Uint8Array,
    why: string,
    by?: Uint8Array,
  ): Promise<Duration> {
    const { wrong, wrongSoFar } = record;
    const wait = pauseAfter(wrongSoFar);
    this.#notBefore = this.#o.clock.monotonic() + wait;
    const over = wrong >= TRIES;
    if (over) {
      this.#first = undefined;
      await this.#save({ ...record, challenge: undefined, wrong: 0 });
    }
    if (isNoted(wrongSoFar)) {
      const detail = `${why}, try ${wrongSoFar}, challenge ${toHex(challengeHash(challenge))}`;
      await this.#o.audit('release.refused', over ? `${detail}, which is given up` : detail, by);
    }
    return wait;
  }

  async #release(
    [first, second]: readonly [Enrolled, Enrolled],
    challenge: Uint8Array,
    lockVersion: number,
  ): Promise<ReleaseAnswer> {
    const hash = toHex(challengeHash(challenge));
    const detail = `lock version ${lockVersion}, challenge ${hash} (with key ${toHex(second.keyId)})`;
    await this.#o.audit('release.granted', detail, first.keyId);
    this.#first = undefined;
    await this.#save({ lockVersion, wrong: 0, wrongSoFar: 0 });
    const reason = 'released at the console';
    const { lock } = await this.#o.lock.enable({ by: first.keyId, reason, onVersion: lockVersion });
    if (lock.state === 'enabled') {
      return { is: 'released', names: [first.name, second.name], lockVersion: lock.version };
    }
    const { refusal } = refuse('DISABLED', 'The lock has changed meanwhile, and the machine stays disabled.');
    return { is: 'refused', refusal, wait: milliseconds(0), newChallenge: false };
  }

  /** Whether these people may release the machine now; one alone is judged as far as it goes. NEEDS_TWO_PEOPLE for one twice. */
  async #judge(keyIds: readonly Uint8Array[]): Promise<Verdict<readonly Enrolled[]>> {
    const { keyring, tenant, device, groups, now } = this.#o;
    const ring = keyring.current;
    const signers = keyIds.flatMap((keyId) => ring.lookup(keyId) ?? []);
    const [first, second] = signers;
    if (
      first !== undefined &&
      second !== undefined &&
      foldPerson(first.person) === foldPerson(second.person)
    ) {
      return refuse(
        'NEEDS_TWO_PEOPLE',
        `Both codes are of ${first.person}.`,
        'The second must be of another person.',
      );
    }
    const power = await this.#o.power();
    const facts = { tenant, device, groups, power, now: now(), via: 'console' } as const;
    const stands = stillStands(ring, keyIds, RELEASE_ORDER, facts);
    return stands.ok ? allow(signers) : stands;
  }

  /** What is stored, where it is about the lock as it is now; undefined where the machine is enabled. */
  async #current(): Promise<ReleaseRecord | undefined> {
    const { state, version } = await this.#o.lock.status();
    if (state === 'enabled') {
      this.#first = undefined;
      return undefined;
    }
    this.#record ??= await this.#load(version);
    if (this.#record.lockVersion !== version) {
      this.#first = undefined;
      this.#notBefore = 0;
      this.#record = { lockVersion: version, wrong: 0, wrongSoFar: 0 };
    }
    return this.#record;
  }

  async #load(lockVersion: number): Promise<ReleaseRecord> {
    const bytes = await this.#o.store.readDocument(RELEASE_DOCUMENT);
    const none = { lockVersion, wrong: 0, wrongSoFar: 0 };
    if (bytes === undefined) return none;
    // What is damaged may have counted any number of tries.
    const record = decodeReleaseRecord(bytes) ?? { ...none, wrongSoFar: 2 ** TRIES };
    // How long ago the last try was nobody knows after a restart.
    this.#notBefore = this.#o.clock.monotonic() + pauseAfter(record.wrongSoFar);
    return record;
  }

  async #save(record: ReleaseRecord): Promise<ReleaseRecord> {
    await this.#o.store.writeDocument(RELEASE_DOCUMENT, encodeReleaseRecord(record));
    this.#record = record;
    return record;
  }

  async #draw(record: ReleaseRecord): Promise<Uint8Array> {
    const { lockVersion, wrongSoFar } = record;
    const challenge = makeChallenge(this.#o.entropy.randomBytes(RANDOM_BYTES), lockVersion);
    await this.#save({ ...record, challenge, wrong: 0 });
    // One that follows wrong answers is told of by these.
    if (wrongSoFar === 0) {
      const detail = `challenge ${toHex(challengeHash(challenge))}, lock version ${lockVersion}`;
      await this.#o.audit('release.challenged', detail);
    }
    return challenge;
  }
}
