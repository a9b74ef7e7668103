import { millis } from '../time.ts';
import type { ArrayCore } from './array-core.ts';
import { flushAll } from './mirror-flush.ts';

const LAZINESS = millis(5000);

/**
 * Clears write-intent bits some time after their regions came to rest, so that a region that is written again and
 * again costs no write of the map each time. Its timer runs only while bits are set.
 */
export class IntentTidy {
  readonly #core: ArrayCore;
  #cancel: (() => void) | undefined;
  #busy: Promise<void> | undefined;
  #closed = false;

  constructor(core: ArrayCore) {
    this.#core = core;
    core.wrote = () => this.#arm();
    this.#arm();
  }

  /** Clears all that can be cleared now; the rest stays for the next opening to find. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    await this.#busy;
    await flushAll(this.#core, undefined);
    await this.#core.intent.clear(this.#core.holds);
  }

  #arm(): void {
    if (this.#closed || this.#cancel !== undefined || this.#core.intent.size === 0) return;
    this.#cancel = this.#core.scheduler.after(LAZINESS, () => {
      this.#cancel = undefined;
      this.#busy = this.#tick();
    });
  }

  async #tick(): Promise<void> {
    const core = this.#core;
    try {
      await core.intent.clear(core.holds);
      if (core.intent.wantsFlush(core.holds)) {
        await flushAll(core, undefined);
        await core.intent.clear(core.holds);
      }
    } catch {
      // Bits that stay set cost a resync at worst; a drive or a store that failed shows itself elsewhere.
    }
    this.#arm();
  }
}
