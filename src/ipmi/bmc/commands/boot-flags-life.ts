import { type Duration, seconds } from '../../../base/index.ts';
import type { Clock, LogSink } from '../../../ports/index.ts';
import type { BootFlags } from '../../commands/boot-flags.ts';
import type { ValidBitKept } from '../../commands/boot-option.ts';
import type { BmcChassis, HostChange } from '../machine.ts';
import type { Restarts } from './restarts.ts';

/** A boot that is wanted must be ordered within this time (IPMI 2.0, table 28-14, parameter 3). */
export const ORDER_WITHIN: Duration = seconds(60);
const NEVER_KEPT: ValidBitKept = {
  onPefReset: false,
  after60s: false,
  onWatchdog: false,
  onResetButton: false,
  onPowerButton: false,
};

export interface BootFlagsLifeParts {
  readonly setting: BmcChassis['bootFlags'];
  readonly clock: Clock;
  readonly log: LogSink;
  readonly restarts: Restarts;
  readonly life: AbortSignal;
}

/**
 * How long boot flags hold. Those for the next boot alone hold for the one boot that was ordered after them: they lapse
 * where none is ordered within a minute, where the host starts by itself, and when it goes down or starts once more.
 * Persistent ones hold until they are written anew.
 */
export class BootFlagsLife {
  readonly #parts: BootFlagsLifeParts;
  #kept: ValidBitKept = NEVER_KEPT;
  #lapse: AbortController | undefined;
  #isUsed = false;

  constructor(parts: BootFlagsLifeParts) {
    this.#parts = parts;
    parts.life.addEventListener('abort', () => this.#lapse?.abort(), { once: true });
    this.#awaitOrder();
  }

  get flags(): BmcChassis['bootFlags'] {
    return this.#parts.setting;
  }

  get kept(): ValidBitKept {
    return this.#kept;
  }

  set kept(kept: ValidBitKept) {
    this.#kept = kept;
    if (kept.after60s) this.#lapse?.abort();
  }

  async write(flags: BootFlags): Promise<void> {
    await this.#parts.setting.set(flags);
    this.#isUsed = false;
    this.#awaitOrder();
  }

  /** A boot was ordered by this BMC: the flags are for it. */
  ordered(): void {
    this.#lapse?.abort();
  }

  /** After `restarts` has heard of it. */
  host(change: HostChange): void {
    if (!this.#isOneTime()) return;
    if (change === 'down' ? this.#isUsed : this.#isUsed || !this.#isMeant()) {
      this.#clear();
      return;
    }
    if (change !== 'down') {
      this.#lapse?.abort();
      this.#isUsed = true;
    }
  }

  /** Whether a boot that begins now is one that the flags may serve. */
  #isMeant(): boolean {
    const { cause } = this.#parts.restarts.last;
    if (cause === 'chassis-control') return true;
    if (cause === 'watchdog') return this.#kept.onWatchdog;
    return this.#kept.onPowerButton || this.#kept.onResetButton;
  }

  #isOneTime(): boolean {
    const { valid, persistent } = this.#parts.setting.get();
    return valid && persistent !== true;
  }

  #awaitOrder(): void {
    this.#lapse?.abort();
    if (!this.#isOneTime() || this.#kept.after60s || this.#parts.life.aborted) return;
    const lapse = new AbortController();
    this.#lapse = lapse;
    this.#parts.clock.sleep(ORDER_WITHIN, lapse.signal).then(
      () => this.#clear(),
      () => undefined,
    );
  }

  #clear(): void {
    const { setting, log } = this.#parts;
    this.#isUsed = false;
    setting.set({ ...setting.get(), valid: false }).catch(() => log.log('error', 'boot-flags.not-cleared'));
  }
}
