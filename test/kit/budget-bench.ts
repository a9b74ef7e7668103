import { hours, seconds } from '../../src/base/index.ts';
import type { KeyStore, StateStore } from '../../src/ports/index.ts';
import type { Order } from '../../src/protocol/index.ts';
import {
  Budget,
  type BudgetEvent,
  type BudgetOptions,
  type BudgetSigner,
  type Destruction,
  type Keyring,
  signToken,
  type TokenBody,
} from '../../src/security/index.ts';
import { testKey, testKeyring } from './keys.ts';
import { MemoryState } from './memory-state.ts';
import { testOrder } from './orders.ts';

export const TENANT = 'acme';
const SIGNERS: readonly BudgetSigner[] = [
  { name: 'sam', person: 'Sam' },
  { name: 'tess', person: 'Tess' },
];

const ARGS: Readonly<Record<Destruction, Pick<Order, 'verb' | 'args'>>> = {
  lock: { verb: 'machine.disable', args: {} },
  wipe: { verb: 'file.delete', args: { path: '/srv', recursive: true } },
};

/** The budget of the device "host1", over starts and keyrings, and a governor who signs whatever is asked. */
export class BudgetBench {
  readonly governor = testKey();
  readonly store: StateStore;
  readonly events: BudgetEvent[] = [];
  /** Enrolled at any moment. */
  readonly ring: { current: Keyring };
  readonly #options: Partial<BudgetOptions>;
  #budget: Budget | undefined;

  constructor(options: Partial<BudgetOptions> = {}) {
    this.store = options.store ?? new MemoryState();
    this.ring = { current: testKeyring({ gina: [this.governor, 'governor'] }) };
    this.#options = options;
  }

  get budget(): Budget {
    if (this.#budget === undefined) throw new Error('not started');
    return this.#budget;
  }

  /** As after a power cut: nothing is said to the one before. */
  async start(change: Partial<BudgetOptions> = {}): Promise<this> {
    this.#budget = await Budget.open({
      store: this.store,
      tenant: TENANT,
      device: 'host1',
      keyring: this.ring,
      initial: { lock: 3, wipe: 2 },
      raiseDelay: hours(24),
      plain: 20,
      onEvent: (event) => this.events.push(event),
      ...this.#options,
      ...change,
    });
    return this;
  }

  token(change: Partial<TokenBody> = {}, by: KeyStore = this.governor, tenant = TENANT): Promise<Uint8Array> {
    const body: TokenBody = { v: 1, epoch: 1, for: 'lock', n: 1, device: 'host1', at: 0, ...change };
    return signToken(body, by, tenant);
  }

  order(kind: Destruction, token: Uint8Array | undefined, change: Record<string, unknown> = {}): Order {
    return testOrder(testKey(), { ...ARGS[kind], ...(token === undefined ? {} : { token }), ...change });
  }

  /** Judges an order and, where it may be, spends its token. What it was refused with, or undefined. */
  async give(order: Order, signers: readonly BudgetSigner[] = SIGNERS): Promise<string | undefined> {
    const judged = this.budget.judge(order, signers);
    if (!judged.ok) return judged.refusal.code;
    if (judged.value !== undefined) await this.budget.spend(order, judged.value);
    return undefined;
  }

  /** Gives a new order with a token as described. */
  async use(change: Partial<TokenBody> = {}): Promise<string | undefined> {
    return this.give(this.order(change.for ?? 'lock', await this.token(change)));
  }

  /** Running time passes, in steps. */
  async pass(howMany: number, each = seconds(3600)): Promise<void> {
    for (let n = 0; n < howMany; n += 1) await this.budget.pass(each);
  }
}
