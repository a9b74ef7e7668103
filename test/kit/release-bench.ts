import { SeededEntropy } from '../../src/adapters/sim/seeded-entropy.ts';
import { VirtualClock } from '../../src/adapters/sim/virtual-clock.ts';
import { milliseconds } from '../../src/base/index.ts';
import type { KeyAgreement, PowerState, StateStore } from '../../src/ports/index.ts';
import {
  Keyring,
  type KeyringEntry,
  publicKeyText,
  type ReleaseAnswer,
  ReleaseDesk,
  type Role,
  readChallengeWords,
  releaseCode,
  writeCode,
} from '../../src/security/index.ts';
import { testAgreement } from './agreement.ts';
import { MemoryState } from './memory-state.ts';

const TENANT = 'acme';
const DEVICE = 'host1';

/** A locked machine without a network, and those who hold keys. What is stored outlives the desk. */
export class ReleaseBench {
  readonly clock = new VirtualClock();
  readonly entropy = new SeededEntropy(5);
  readonly store = new MemoryState();
  readonly device = testAgreement();
  readonly people: Readonly<Record<string, KeyAgreement>> = {
    sam: testAgreement(),
    sam2: testAgreement(),
    tess: testAgreement(),
    olga: testAgreement(),
  };
  readonly audited: string[] = [];
  readonly lock = { state: 'disabled' as 'enabled' | 'disabled', version: 1 };
  keyring = this.ring();
  power: PowerState = 'S5';
  /** Documents that may still be written before the power goes. */
  writes = Number.POSITIVE_INFINITY;
  desk = this.#open();

  ring(change: Readonly<Record<string, Partial<KeyringEntry>>> = {}): Keyring {
    const roles: Readonly<Record<string, Role>> = { olga: 'operator' };
    return new Keyring(
      Object.entries(this.people)
        .filter(([name]) => change[name]?.name !== '')
        .map(([name, { publicKey }]) => ({
          name,
          person: name === 'sam2' ? 'Sam ' : name,
          role: roles[name] ?? 'security',
          key: publicKeyText(publicKey),
          ...change[name],
        })),
    );
  }

  /** Another life of the agent. */
  restart(): void {
    this.writes = Number.POSITIVE_INFINITY;
    this.desk = this.#open();
  }

  #open(): ReleaseDesk {
    const step = (): void => {
      this.writes -= 1;
      if (this.writes < 0) throw new Error('the power is cut');
    };
    const store: Pick<StateStore, 'readDocument' | 'writeDocument'> = {
      readDocument: (name) => this.store.readDocument(name),
      writeDocument: async (name, bytes) => {
        step();
        await this.store.writeDocument(name, bytes);
      },
    };
    return new ReleaseDesk({
      tenant: TENANT,
      device: DEVICE,
      groups: ['rack1'],
      agreement: this.device,
      keyring: { current: this.keyring },
      lock: {
        status: async () => ({ ...this.lock }),
        enable: async ({ onVersion }) => {
          step();
          if (this.lock.state === 'disabled' && this.lock.version === onVersion) {
            this.lock.state = 'enabled';
            this.lock.version += 1;
          }
          return { lock: { ...this.lock } };
        },
      },
      power: async () => this.power,
      store,
      clock: this.clock,
      entropy: this.entropy,
      now: () => this.clock.wallSeconds(),
      audit: async (event, detail) => {
        step();
        this.audited.push(`${event} ${detail}`);
      },
    });
  }

  /** What this person's command answers to the challenge that is shown. */
  async code(name: string): Promise<string> {
    const shown = await this.desk.challenge();
    const subject = { tenant: TENANT, device: DEVICE, deviceKey: this.device.publicKey.keyId };
    const read = readChallengeWords(shown?.words ?? [], subject);
    if (!read.ok) throw new Error(read.refusal.sentence);
    const own = this.people[name]!;
    return writeCode(await releaseCode(own, this.device.publicKey, read.value, subject, own.publicKey.keyId));
  }

  async give(name: string): Promise<ReleaseAnswer> {
    return this.desk.answer(await this.code(name));
  }

  /** A well-formed code of nobody. */
  wrong(): Promise<ReleaseAnswer> {
    return this.desk.answer(writeCode(this.entropy.randomBytes(10)));
  }

  pass(ms: number): Promise<void> {
    return this.clock.advance(milliseconds(ms));
  }
}
