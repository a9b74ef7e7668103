import { type Duration, milliseconds, NsError } from '../base/index.ts';
import type { Clock, HostControl, IoDevices, PowerAction, Stop } from '../ports/index.ts';
import type { PowerGuard } from './fused-power.ts';

/** Channels of kind gpio, each 1 while the button is down: boards wire their polarity below this. */
export interface HostButtons {
  /** The button that people press: read by us. */
  readonly powerIn?: string;
  /** What the host sees of it: driven by us, so that nothing reaches the host that was not let through. */
  readonly powerOut?: string;
  /** The reset button that people press, where it passes through us too. */
  readonly resetIn?: string;
  readonly resetOut?: string;
  readonly nmiOut?: string;
}

/** How long a board's host wants its buttons pressed. */
export interface ButtonTiming {
  readonly press: Duration;
  /** Longer than ACPI's four seconds, after which it is off whatever the operating system says. */
  readonly hold: Duration;
  readonly reset: Duration;
}

export interface PinHostOptions {
  readonly io: IoDevices;
  readonly buttons: HostButtons;
  readonly clock: Clock;
  readonly timing?: ButtonTiming;
}

interface How {
  /** It is meant to switch the host on: never while masked. */
  readonly wakes?: boolean;
  /** The button stays down while this holds. */
  readonly longer?: () => boolean;
}

const USUAL: ButtonTiming = {
  press: milliseconds(200),
  hold: milliseconds(5000),
  reset: milliseconds(200),
};
const LOOK_EVERY = milliseconds(50);

/**
 * A host behind a power button that passes through us (button in, button out). What comes in goes out once the disks are home,
 * and not at all while masked: mask and interlock are one and the same wire.
 */
export class PinHost implements PowerGuard, HostControl {
  readonly capabilities: PowerGuard['capabilities'];
  readonly actions: HostControl['actions'];
  readonly #options: PinHostOptions;
  readonly #timing: ButtonTiming;
  readonly #listeners = new Set<(reason: string) => void>();
  readonly #stops: readonly Stop[];
  #masked = false;
  #waiting = false;
  /** Somebody's finger is on the button. */
  #down = false;
  #resetDown = false;
  #pressing: Promise<void> = Promise.resolve();
  /** The button is held to switch off, or will be. */
  #off: Promise<void> | undefined;

  constructor(options: PinHostOptions) {
    const { io, buttons } = options;
    const through = buttons.powerIn !== undefined && buttons.powerOut !== undefined;
    this.#options = options;
    this.#timing = options.timing ?? USUAL;
    this.capabilities = { buttonMask: through, wakeInterlock: through };
    this.actions = [
      ...(buttons.powerOut === undefined ? [] : (['on', 'off', 'soft'] as const)),
      ...(buttons.resetOut === undefined ? [] : (['reset'] as const)),
      ...(buttons.nmiOut === undefined ? [] : (['nmi'] as const)),
    ];
    this.#stops = [
      ...watchInput(io, buttons.powerIn, (down) => {
        this.#down = down;
        if (down) this.#pressed();
      }),
      ...watchInput(io, buttons.resetIn, (down) => {
        this.#resetDown = down;
        if (down) this.#resetPressed();
      }),
    ];
  }

  onWakeRequest(listener: (reason: string) => void): Stop {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async allowWake(): Promise<void> {
    if (!this.#waiting || this.#masked) return;
    this.#waiting = false;
    // As long as the finger stays, so that a long press switches off as it always did.
    await this.#press(this.#options.buttons.powerOut, this.#timing.press, {
      wakes: true,
      longer: () => this.#down,
    });
  }

  async maskPowerOn(masked: boolean): Promise<void> {
    if (masked && !this.capabilities.buttonMask) {
      throw new NsError('NS_NOT_SUPPORTED', 'the power button of this board does not pass through us', {
        family: 'caller',
      });
    }
    this.#masked = masked;
    this.#waiting = false;
  }

  async powerOnMasked(signal?: AbortSignal): Promise<boolean> {
    signal?.throwIfAborted();
    return this.#masked;
  }

  async drive(action: Exclude<PowerAction, 'cycle'>): Promise<void> {
    const { powerOut, resetOut, nmiOut } = this.#options.buttons;
    const { press, hold, reset } = this.#timing;
    switch (action) {
      case 'on':
        return this.#press(powerOut, press, { wakes: true });
      case 'soft':
        // On a host that is off by then it would switch on.
        if (this.#off) throw new NsError('NS_POWER', 'the host is being switched off');
        return this.#press(powerOut, press);
      case 'off':
        this.#off ??= this.#press(powerOut, hold).finally(() => {
          this.#off = undefined;
        });
        return this.#off;
      case 'reset':
        return this.#press(resetOut, reset);
      case 'nmi':
        return this.#press(nmiOut, press);
    }
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  #pressed(): void {
    if (!this.#masked) this.#waiting = true;
    for (const listener of [...this.#listeners]) listener('power button');
  }

  /** Passed on as long as the finger stays. A machine that is disabled is not reset into starting. */
  #resetPressed(): void {
    const { resetOut } = this.#options.buttons;
    if (this.#masked || resetOut === undefined) return;
    this.#press(resetOut, this.#timing.reset, { wakes: true, longer: () => this.#resetDown }).catch(
      () => undefined,
    );
  }

  /** One press after another: two at once would be one long one. A button that was pressed is let go, whatever comes. */
  #press(channel: string | undefined, duration: Duration, { wakes, longer }: How = {}): Promise<void> {
    if (channel === undefined) {
      throw new NsError('NS_NOT_SUPPORTED', 'this board has no line for that', { family: 'caller' });
    }
    const { io, clock } = this.#options;
    const never = new AbortController().signal;
    const press = async (): Promise<void> => {
      // Looked at when its turn comes: it may have waited for a long press.
      if (wakes && this.#masked) throw new NsError('NS_POWER', 'the power button is masked');
      try {
        await io.write(channel, 1);
        await clock.sleep(duration, never);
        const end = clock.monotonic() + this.#timing.hold;
        while (longer?.() && clock.monotonic() < end) await clock.sleep(LOOK_EVERY, never);
      } finally {
        await io.write(channel, 0);
      }
    };
    const pressing = this.#pressing.then(press);
    this.#pressing = pressing.catch(() => {});
    return pressing;
  }
}

function watchInput(io: IoDevices, channel: string | undefined, pressed: (down: boolean) => void): Stop[] {
  return channel === undefined ? [] : [io.watch(channel, (value) => pressed(value === 1))];
}
