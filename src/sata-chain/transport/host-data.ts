import type { DmaSetup } from '../fis/fis.ts';
import type { HostCommand } from './host-command.ts';

/** The bytes that the device moves next. */
interface Phase {
  readonly command: HostCommand;
  readonly toHost: boolean;
  left: number;
}

/**
 * The data phase of a host. Each method is false where the device does what no device may: name a tag that is not in use,
 * data out of their order, more of them than asked for.
 */
export class HostData {
  #phase: Phase | undefined;

  clear(): void {
    this.#phase = undefined;
  }

  /** Begins the only phase of an unqueued command. */
  begin(command: HostCommand): void {
    const data = command.request.data;
    this.#phase = data && { command, toHost: data.toHost, left: command.total };
  }

  setup(fis: DmaSetup, command: HostCommand | undefined): boolean {
    const data = command?.request.data;
    const sane =
      this.#phase === undefined &&
      command !== undefined &&
      data !== undefined &&
      data.toHost === fis.toHost &&
      fis.bufferHigh === 0 &&
      fis.offset === command.moved &&
      fis.count > 0 &&
      fis.count <= command.total - command.moved;
    if (sane) this.#phase = { command, toHost: fis.toHost, left: fis.count };
    return sane;
  }

  /** Takes what a Data FIS brings. */
  receive(payload: Uint8Array): boolean {
    const phase = this.#phase;
    if (phase === undefined || !phase.toHost || payload.byteLength > phase.left) return false;
    phase.command.buffer?.set(payload, phase.command.moved);
    this.#moved(phase, payload.byteLength);
    return true;
  }

  /** The next bytes for the device, at most `most`; undefined where none may go. */
  next(most: number): Uint8Array | undefined {
    const phase = this.#phase;
    if (phase === undefined || phase.toHost) return undefined;
    const { command } = phase;
    const count = Math.min(most, phase.left);
    const bytes = command.buffer?.subarray(command.moved, command.moved + count) ?? new Uint8Array(count);
    this.#moved(phase, count);
    return bytes;
  }

  #moved(phase: Phase, count: number): void {
    phase.command.moved += count;
    phase.left -= count;
    if (phase.left === 0) this.#phase = undefined;
  }
}
