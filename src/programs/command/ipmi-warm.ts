import { systemEntropy } from '../../adapters/entropy.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { type Duration, milliseconds, seconds } from '../../base/index.ts';
import { type IpmiTarget, parseCount, parseWait } from '../../fleet/index.ts';
import { type IpmiClient, Sweeper } from '../../ipmi/index.ts';
import { type IpmiAccess, usage } from './ipmi-access.ts';
import { askBmc, rowOf, type SweepRow, type Wanted } from './ipmi-rows.ts';

const KEEP_ALIVE = seconds(30);
/** As many as one command may name, and each with a socket. */
const MOST_BMCS = 4096;

/** Clients that stay open from one sweep to the next. */
export class WarmBmcs {
  readonly #access: IpmiAccess;
  readonly #sweeper: Sweeper;
  readonly #within: Duration;
  readonly #clients = new Map<string, Promise<IpmiClient>>();
  readonly #keepAlive: boolean;

  constructor(
    access: IpmiAccess,
    o: { readonly window: string; readonly within: string },
    keepAlive: boolean,
  ) {
    this.#access = access;
    this.#within = milliseconds(parseWait(o.within));
    this.#keepAlive = keepAlive;
    this.#sweeper = new Sweeper({
      clock: systemClock,
      entropy: systemEntropy,
      window: parseCount(o.window, 'window', 1, 4096),
      within: this.#within,
    });
  }

  /** Makes the clients, so that mistakes of the configuration show before anything is sent. */
  async prepare(targets: readonly IpmiTarget[], prompt: boolean): Promise<void> {
    for (const target of targets) {
      if (this.#clients.has(target.name)) continue;
      if (this.#clients.size >= MOST_BMCS) throw usage(`no more than ${MOST_BMCS} BMCs are kept open`);
      const client = this.#access.client(target, {
        timeout: this.#within,
        prompt,
        ...(this.#keepAlive ? { keepAlive: KEEP_ALIVE } : {}),
      });
      // At once, so that two sweeps that begin together have one client.
      this.#clients.set(target.name, client);
      try {
        await client;
      } catch (error) {
        this.#clients.delete(target.name);
        throw error;
      }
    }
  }

  async sweep(
    targets: readonly IpmiTarget[],
    wanted: Wanted,
    signal: AbortSignal,
    tell: (row: SweepRow) => void = () => {},
  ): Promise<readonly SweepRow[]> {
    const results = await this.#sweeper.sweep(
      targets.map(({ name }) => name),
      async (host, until) => askBmc(await this.#clients.get(host)!, wanted, until),
      signal,
      (result) => tell(rowOf(result)),
    );
    await this.#access.done();
    return results.map(rowOf);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients.values()].map(async (client) => (await client).close()));
    await this.#access.done();
  }
}
