import type { BootGuard, BootGuarded, PowerState } from '../../ports/index.ts';
import type { SimHost } from './host.ts';

export const RESTORE_POLICIES = ['always-off', 'previous', 'always-on'] as const;
export type SimRestorePolicy = (typeof RESTORE_POLICIES)[number];

/** The simulated board's own BMC: what the host does when its mains come back, and the boot device that somebody chose. */
export class SimBootGuard implements BootGuard {
  policy: SimRestorePolicy;
  /** Undefined: the firmware's own order. */
  device: string | undefined;
  readonly #host: SimHost;
  #before: PowerState;
  /** The host ran when its mains went. */
  #ran = false;

  constructor(host: SimHost, policy: SimRestorePolicy) {
    this.#host = host;
    this.policy = policy;
    this.#before = host.state;
    host.onChange(({ state }) => this.#changed(state));
  }

  async setting(): Promise<string> {
    return this.policy;
  }

  async guard(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.policy = 'always-off';
    this.device = undefined;
  }

  async release(setting: string | undefined, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.policy = RESTORE_POLICIES.find((known) => known === setting) ?? this.policy;
  }

  async guarded(): Promise<BootGuarded> {
    const off = this.policy === 'always-off';
    if (off && this.device === undefined) return 'yes';
    return off || this.device === undefined ? 'partly' : 'no';
  }

  #changed(state: PowerState): void {
    const before = this.#before;
    this.#before = state;
    if (state === 'G3') this.#ran = before === 'S0';
    else if (before === 'G3' && state === 'S5' && this.#wakes()) this.#host.wake('mains are back');
  }

  #wakes(): boolean {
    return this.policy === 'always-on' || (this.policy === 'previous' && this.#ran);
  }
}
