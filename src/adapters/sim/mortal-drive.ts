import { NsError } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';

/** A drive that can be made to fail every command. */
export class MortalDrive implements BlockDevice {
  readonly #drive: BlockDevice;
  dead = false;

  constructor(drive: BlockDevice) {
    this.#drive = drive;
  }

  get name() {
    return this.#drive.name;
  }

  get capabilities() {
    return this.#drive.capabilities;
  }

  read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.#whileAlive(() => this.#drive.read(offset, into, signal));
  }

  write(offset: number, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.#whileAlive(() => this.#drive.write(offset, data, signal));
  }

  flush(signal?: AbortSignal): Promise<void> {
    return this.#whileAlive(() => this.#drive.flush(signal));
  }

  trim(offset: number, length: number, signal?: AbortSignal): Promise<void> {
    return this.#whileAlive(() => this.#drive.trim(offset, length, signal));
  }

  close(): Promise<void> {
    return this.#drive.close();
  }

  async #whileAlive(act: () => Promise<void>): Promise<void> {
    if (this.dead) throw new NsError('NS_BLOCK_IO', `${this.name} is dead`);
    await act();
  }
}
