import { silentLog } from '../../src/adapters/log.ts';
import { SeededEntropy } from '../../src/adapters/sim/seeded-entropy.ts';
import { VirtualClock } from '../../src/adapters/sim/virtual-clock.ts';
import { Gossip, type TokenBook } from '../../src/agent/gossip.ts';
import { type Duration, hours } from '../../src/base/index.ts';
import type { KeyStore, MessageBus } from '../../src/ports/index.ts';
import { decodeSeen, deviceTopics, encodeSeen, seenTeller } from '../../src/protocol/index.ts';
import { Budget, type Destruction, type Keyring, signToken } from '../../src/security/index.ts';
import { FakeBroker } from './fake-bus.ts';
import { testKey, testKeyring } from './keys.ts';
import { MemoryState } from './memory-state.ts';

export const TENANT = 'acme';

export interface Citizen {
  readonly name: string;
  readonly bus: MessageBus;
  readonly budget: Budget;
  readonly gossip: Gossip;
  /** May be replaced: a keyring that is put in force. */
  readonly ring: { current: Keyring };
}

/** Devices of one tenant that gossip on one broker in memory, on virtual time, and somebody who signs tokens. */
export class GossipTown {
  readonly clock = new VirtualClock();
  readonly broker = new FakeBroker();
  readonly governor = testKey();
  readonly keyring = testKeyring({ gail: [this.governor, 'governor'] });
  readonly #citizens: Citizen[] = [];
  #seed = 0;

  token(
    device: string,
    n: number,
    change: { readonly epoch?: number; readonly for?: Destruction } = {},
    governor: KeyStore = this.governor,
    tenant = TENANT,
  ): Promise<Uint8Array> {
    const body = { v: 1 as const, epoch: 1, for: 'lock' as const, n, device, at: 1_790_000_000, ...change };
    return signToken(body, governor, tenant);
  }

  async budget(device: string, ring: { readonly current: Keyring } = this.keyring): Promise<Budget> {
    return Budget.open({
      store: new MemoryState(),
      tenant: TENANT,
      device,
      keyring: ring,
      initial: { lock: 10, wipe: 10 },
      raiseDelay: hours(24),
      plain: 256,
    });
  }

  /** A device that gossips; by the broker where no other bus is given. */
  async add(name: string, bus: MessageBus = this.broker.bus(name), book?: TokenBook): Promise<Citizen> {
    const ring = { current: this.keyring };
    const budget = await this.budget(name, ring);
    this.#seed += 1;
    const gossip = new Gossip({
      bus,
      clock: this.clock,
      entropy: new SeededEntropy(this.#seed),
      identity: { tenant: TENANT, device: name },
      log: silentLog,
      tokens: book ?? budget,
      keyring: ring,
      topic: deviceTopics(TENANT, name).seen,
    });
    bus.onMessage(async (message) => gossip.receive(message));
    await gossip.start();
    bus.start().catch(() => undefined);
    const citizen = { name, bus, budget, gossip, ring };
    this.#citizens.push(citizen);
    return citizen;
  }

  /** Says something on a device's topic, as whoever holds the broker or that device's account can. */
  say(name: string, payload: Uint8Array, retained = false): void {
    this.broker.publish({ topic: deviceTopics(TENANT, name).seen, payload, retained });
  }

  tell(name: string, ...tokens: readonly Uint8Array[]): void {
    this.say(name, encodeSeen(tokens));
  }

  /** What these devices said so far, as numbers of tokens a message. */
  said(...names: readonly string[]): number[] {
    return this.broker.published.flatMap(({ topic, payload }) => {
      const teller = seenTeller(TENANT, topic);
      if (teller === undefined || !names.includes(teller)) return [];
      const message = decodeSeen(payload);
      if (!message.ok) throw new Error(message.refusal.sentence);
      return [message.value.tokens.length];
    });
  }

  pass(time: Duration): Promise<void> {
    return this.clock.advance(time);
  }

  async close(): Promise<void> {
    for (const { gossip, bus } of this.#citizens) {
      gossip.stop();
      await bus.close();
    }
  }
}
