import type { KeyStore } from '../../src/ports/index.ts';
import type { Order } from '../../src/protocol/index.ts';
import { type Destruction, destructionOf, signToken, type TokenBody } from '../../src/security/index.ts';
import { testKey } from './keys.ts';

/** What a device's configuration gives an epoch. */
const AN_EPOCH = 10;

/** Shared by all: what is enrolled in a test's later start goes on counting. */
let given = 0;

/** Who holds the budget: counts, and signs tokens. */
export class TestGovernor {
  readonly key: KeyStore = testKey();
  readonly #tenant: string;

  constructor(tenant: string) {
    this.#tenant = tenant;
  }

  /** A token for the order, as it should be but for these changes. Undefined where it needs none. */
  async tokenFor(
    order: Pick<Order, 'verb' | 'args' | 'aud'>,
    change: Partial<TokenBody> = {},
  ): Promise<Uint8Array | undefined> {
    const kind = destructionOf(order);
    return kind === undefined ? undefined : this.token(kind, order.aud.name, change);
  }

  token(kind: Destruction, device: string, change: Partial<TokenBody> = {}): Promise<Uint8Array> {
    const epoch = 1 + Math.floor(given / AN_EPOCH);
    const n = 1 + (given % AN_EPOCH);
    given += 1;
    return signToken(
      { v: 1, epoch, for: kind, n, device, at: 1_700_000_000, ...change },
      this.key,
      this.#tenant,
    );
  }
}
