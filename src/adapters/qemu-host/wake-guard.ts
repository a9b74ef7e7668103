import { asNsError, milliseconds, NsError } from '../../base/index.ts';
import type { HostPower, LogSink, Stop } from '../../ports/index.ts';
import { cutPower, type PowerParts, switchOff, switchOn } from './power-steps.ts';
import { isDown } from './run-state.ts';

export type QemuGuard = Pick<
  HostPower,
  'capabilities' | 'onWakeRequest' | 'allowWake' | 'maskPowerOn' | 'powerOnMasked'
>;

/** For all steps of one movement of the host's power. */
const LIMIT = milliseconds(5000);

const STRANGER = "somebody else at QEMU's monitor, or the host's own wake event";

/**
 * Keeps the host down until it may run. Our own button asks before anything happens. Whoever else lets the host run, by
 * another monitor or by a wake event, has its processors stopped again within milliseconds, before firmware has got to a
 * disk; then it waits like one that asked, or loses its power at once where it is masked.
 */
export class WakeGuard implements QemuGuard {
  readonly capabilities = { buttonMask: true, wakeInterlock: true };
  readonly #parts: PowerParts;
  readonly #log: LogSink;
  readonly #listeners = new Set<(reason: string) => void>();
  readonly #stops: readonly Stop[];
  /** The host runs by right. As it was found when we came, then by our own hand alone. */
  #allowed: boolean;
  #masked = false;
  #pending: string | undefined;
  /** Movements by our own hand that are under way: what is seen meanwhile is their doing. */
  #driving = 0;
  #bringing = false;
  #down: 'wanted' | 'under way' = 'under way';
  #turn: Promise<unknown> = Promise.resolve();

  /** Make it when the monitor's first try is over: a host that is found running then runs by right. */
  constructor(parts: PowerParts, log: LogSink) {
    this.#parts = parts;
    this.#log = log;
    this.#allowed = parts.qmp.state !== 'gone';
    this.#stops = [
      parts.qmp.onEvent(({ event }) => this.#onEvent(event)),
      parts.runState.onLook((seen) => this.#onLook(seen)),
    ];
  }

  /** Looks at how the host is found. Call it before anything else. */
  async start(): Promise<void> {
    this.#onLook(await this.#parts.runState.read().catch(() => 'mute'));
  }

  /** Asks to switch the host on, as a button or a network packet does. False where nothing comes of it. */
  async ask(reason: string): Promise<boolean> {
    const found = await this.#parts.runState.read();
    if (!isDown(found) && !this.#masked) return false;
    if (isDown(found) && !this.#masked) this.#pending = reason;
    // A masked button is heard all the same: somebody tried.
    if (isDown(found)) this.#tell(reason);
    return !this.#masked;
  }

  onWakeRequest(listener: (reason: string) => void): Stop {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async allowWake(): Promise<void> {
    if (this.#pending === undefined || this.#masked) return;
    await this.switchOn();
  }

  /** Ends with the host let run, or NS_POWER. */
  switchOn(signal?: AbortSignal): Promise<void> {
    return this.#drive(async (limit) => {
      this.#mayRun();
      this.#pending = undefined;
      this.#allowed = true;
      try {
        await switchOn(this.#parts, () => this.#mayRun(), limit);
      } catch (error) {
        this.#allowed = false;
        throw asNsError(error, 'NS_POWER');
      }
      if (this.#masked) await this.#revert(limit);
    }, signal);
  }

  switchOff(signal?: AbortSignal): Promise<void> {
    return this.#drive(async (limit) => {
      this.#pending = undefined;
      await switchOff(this.#parts, limit);
      this.#allowed = false;
    }, signal);
  }

  async maskPowerOn(masked: boolean): Promise<void> {
    this.#masked = masked;
    if (!masked) return;
    const waited = this.#pending !== undefined;
    this.#pending = undefined;
    // One that waits with its processors stopped has no right to run any more; one that is running is left alone.
    if (!waited) return;
    await this.#drive(async (limit) => {
      if ((await this.#parts.runState.read(limit)) === 'paused') await this.#revert(limit);
    });
  }

  /** As far as it can be enforced: a QEMU that does not answer cannot be kept down. */
  async powerOnMasked(signal?: AbortSignal): Promise<boolean> {
    signal?.throwIfAborted();
    return this.#masked && this.#parts.qmp.state !== 'mute';
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  #onEvent(event: string): void {
    switch (event) {
      case 'RESUME':
      case 'WAKEUP':
        if (!this.#allowed) this.#freeze();
        return;
      case 'SHUTDOWN':
      case 'SUSPEND':
      case 'SUSPEND_DISK':
        if (this.#driving === 0) this.#allowed = false;
        return;
    }
  }

  #onLook(seen: string): void {
    if (this.#driving > 0) return;
    if (isDown(seen)) this.#allowed = false;
    else if (seen === 'gone') {
      this.#allowed = false;
      this.#pending = undefined;
    } else if (seen === 'running' && !this.#allowed) this.#freeze();
    else if (seen === 'paused' && !this.#allowed && this.#masked) this.#bringDown();
  }

  #freeze(): void {
    this.#parts.qmp.execute('stop').catch((error: unknown) => this.#failed(error));
    const isNew = this.#pending === undefined;
    if (this.#masked) this.#bringDown();
    else this.#pending ??= STRANGER;
    if (!isNew) return;
    this.#log.log('warn', 'qemu-host.woken-unasked', { masked: this.#masked });
    this.#tell(STRANGER);
  }

  /** Again and again, where somebody lets it run again and again. */
  #bringDown(): void {
    this.#down = 'wanted';
    if (this.#bringing) return;
    this.#bringing = true;
    const work = async (): Promise<void> => {
      while (this.#down === 'wanted') {
        this.#down = 'under way';
        await this.#drive((limit) => this.#revert(limit));
      }
    };
    work()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#bringing = false;
      });
  }

  #failed(error: unknown): void {
    this.#log.log('error', 'qemu-host.not-kept-down', { error: asNsError(error, 'NS_POWER').message });
  }

  async #revert(limit: AbortSignal): Promise<void> {
    this.#allowed = false;
    await cutPower(this.#parts, limit);
    this.#log.log('warn', 'qemu-host.masked-host-switched-off');
  }

  #mayRun(): void {
    if (!this.#masked) return;
    throw new NsError('NS_POWER', 'the power button is masked', { family: 'caller' });
  }

  /** One after another, each within its limit. */
  #drive(act: (limit: AbortSignal) => Promise<void>, signal?: AbortSignal): Promise<void> {
    const done = this.#turn.then(async () => {
      const deadline = this.#parts.clock.deadline(LIMIT, "moving the host's power");
      this.#driving += 1;
      try {
        await act(signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, signal]));
      } catch (error) {
        throw asNsError(error, 'NS_POWER');
      } finally {
        this.#driving -= 1;
        deadline.release();
      }
    });
    this.#turn = done.catch(() => {});
    return done;
  }

  #tell(reason: string): void {
    for (const listener of [...this.#listeners]) listener(reason);
  }
}
