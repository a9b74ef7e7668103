import type { FrameDevice } from '../../src/adapters/local-ipmi/frame-device.ts';
import { NsError } from '../../src/base/index.ts';

export interface HostAnswer {
  readonly netFnLun: number;
  readonly command: number;
  readonly completion: number;
  readonly data: Uint8Array;
}

/** A device of the kernel between a host and its BMC, and the host behind it. */
export interface HostDevice {
  readonly kind: string;
  /** How often the BMC has opened it. */
  readonly opened: number;
  readonly answers: readonly HostAnswer[];
  /** What the BMC opens; undefined while there is none. */
  open(): Promise<FrameDevice | undefined>;
  ask(netFnLun: number, command: number, data: Uint8Array): void;
  askRaw(frame: Uint8Array): void;
  /** The host begins anew: what it asked is forgotten. */
  reset(): void;
  /** What the BMC told the host of: that something waits for it, or nothing does any more. */
  readonly attention: readonly boolean[];
  /** The host does not come for its answers. */
  deaf: boolean;
  absent: boolean;
  /** Every call fails from now on, until it is opened anew. */
  fail(): void;
}

abstract class FakeDevice implements HostDevice {
  abstract readonly kind: string;
  readonly answers: HostAnswer[] = [];
  readonly attention: boolean[] = [];
  opened = 0;
  deaf = false;
  absent = false;
  #broken = false;
  protected waiting: Uint8Array | undefined;

  async open(): Promise<FrameDevice | undefined> {
    if (this.absent) return undefined;
    this.opened += 1;
    this.#broken = false;
    const whole = <T>(value: () => T): T => {
      if (this.#broken) throw new NsError('NS_IPMI_DEVICE', 'the device is gone');
      return value();
    };
    return {
      read: () => whole(() => this.take()),
      write: (frame) => whole(() => this.hear(frame)),
      attention: (raised) => void this.attention.push(raised),
      close: () => {},
    };
  }

  fail(): void {
    this.#broken = true;
  }

  askRaw(frame: Uint8Array): void {
    this.waiting = frame;
  }

  protected take(): Uint8Array | undefined {
    const frame = this.waiting;
    this.waiting = undefined;
    return frame;
  }

  abstract ask(netFnLun: number, command: number, data: Uint8Array): void;
  abstract reset(): void;
  protected abstract hear(frame: Uint8Array): 'taken' | 'later' | 'refused';
}

/** As kcs_bmc_cdev_ipmi: an answer is taken only where a request was read, and the host has not begun anew. */
export class FakeKcs extends FakeDevice {
  readonly kind = 'KCS';
  #due = false;

  ask(netFnLun: number, command: number, data: Uint8Array): void {
    this.askRaw(Uint8Array.of(netFnLun, command, ...data));
  }

  override askRaw(frame: Uint8Array): void {
    this.#due = false;
    super.askRaw(frame);
  }

  reset(): void {
    this.#due = false;
    this.waiting = undefined;
  }

  protected override take(): Uint8Array | undefined {
    const frame = super.take();
    if (frame !== undefined) this.#due = true;
    return frame;
  }

  protected hear(frame: Uint8Array): 'taken' | 'later' | 'refused' {
    if (this.deaf) return 'later';
    if (!this.#due || frame.byteLength < 3) return 'refused';
    this.#due = false;
    const [netFnLun, command, completion] = frame;
    this.answers.push({
      netFnLun: netFnLun!,
      command: command!,
      completion: completion!,
      data: frame.slice(3),
    });
    return 'taken';
  }
}

/** As bt-bmc: an answer is taken when the host has taken the last one; the host knows its own by their number. */
export class FakeBt extends FakeDevice {
  readonly kind = 'BT';
  #sequence = 0;
  #due: number | undefined;

  ask(netFnLun: number, command: number, data: Uint8Array): void {
    this.#sequence = (this.#sequence + 1) % 256;
    this.askRaw(Uint8Array.of(data.byteLength + 3, netFnLun, this.#sequence, command, ...data));
  }

  override askRaw(frame: Uint8Array): void {
    this.#due = frame[2];
    super.askRaw(frame);
  }

  reset(): void {
    this.#due = undefined;
    this.waiting = undefined;
  }

  protected hear(frame: Uint8Array): 'taken' | 'later' | 'refused' {
    if (this.deaf) return 'later';
    const [length, netFnLun, sequence, command, completion] = frame;
    if (frame.byteLength < 5 || length !== frame.byteLength - 1) return 'refused';
    if (sequence === this.#due) {
      this.answers.push({
        netFnLun: netFnLun!,
        command: command!,
        completion: completion!,
        data: frame.slice(5),
      });
    }
    return 'taken';
  }
}
