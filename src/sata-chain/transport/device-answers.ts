import { type Fis, type RegisterD2H, STATUS } from '../fis/fis.ts';
import { registersOf } from './fault-registers.ts';
import type { Outbox } from './outbox.ts';

const READY = STATUS.ready | 0x10;

/** A block by programmed input or output; behind the last one towards the host the command is done. */
export const pioSetup = (bytes: number, toHost: boolean, last: boolean): Fis => ({
  type: 'pio-setup',
  port: 0,
  toHost,
  interrupt: true,
  status: READY | STATUS.dataRequest,
  error: 0,
  lba: 0,
  device: 0x40,
  count: 0,
  endStatus: last ? READY : READY | STATUS.busy,
  transferCount: bytes,
});

/** What a device says of its commands. */
export class DeviceAnswers {
  readonly #outbox: Outbox;
  readonly #stuck: () => void;

  /** `stuck` is called where a host does not read what it asked for. */
  constructor(outbox: Outbox, stuck: () => void) {
    this.#outbox = outbox;
    this.#stuck = stuck;
  }

  /** Also the diagnostic code of EXECUTE DEVICE DIAGNOSTIC. `echo`: the auxiliary of the SRST that it answers. */
  signature(echo: number): void {
    this.done({ error: 1, lba: 1, count: 1, device: 0, echo });
  }

  done(registers: Partial<RegisterD2H> = {}): void {
    this.#post({
      type: 'register-d2h',
      port: 0,
      interrupt: true,
      status: READY,
      error: 0,
      lba: 0,
      device: 0x40,
      count: 0,
      echo: 0,
      ...registers,
    });
  }

  failed(error: unknown): void {
    this.done({ status: READY | STATUS.error, ...registersOf(error) });
  }

  /** A queued command is accepted. */
  accepted(): void {
    this.done({ interrupt: false });
  }

  /** A queued command is done. */
  queuedDone(tag: number): void {
    this.#bits(STATUS.ready, 0, (1 << tag) >>> 0);
  }

  /** A queued command failed; the error log says which one. */
  queuedFailed(error: number): void {
    this.#bits(STATUS.ready | STATUS.error, error, 0);
  }

  /** One block by programmed input: a PIO Setup and its data. */
  block(data: Uint8Array): void {
    this.#post(pioSetup(data.byteLength, true, true));
    const { chunk } = this.#outbox;
    for (let at = 0; at < data.byteLength; at += chunk) {
      this.#post({ type: 'data', port: 0, payload: data.subarray(at, at + chunk) });
    }
  }

  #bits(status: number, error: number, active: number): void {
    this.#post({
      type: 'set-device-bits',
      port: 0,
      interrupt: true,
      notification: false,
      status,
      error,
      active,
    });
  }

  #post(fis: Fis): void {
    if (!this.#outbox.post(fis)) this.#stuck();
  }
}
