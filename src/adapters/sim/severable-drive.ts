import { NsError } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';

/** A drive as long as it answers: cut off, it fails what comes and what is under way, as behind a cable that was pulled. */
export class SeverableDrive implements BlockDevice {
  readonly #drive: BlockDevice;
  #severed: string | undefined;

  readonly readMedium?: NonNullable<BlockDevice['readMedium']>;

  constructor(drive: BlockDevice) {
    this.#drive = drive;
    const { readMedium } = drive;
    if (readMedium !== undefined) {
      this.readMedium = (offset, into, signal) => this.#whileWhole(() => readMedium(offset, into, signal));
    }
  }

  get name() {
    return this.#drive.name;
  }

  get capabilities() {
    return this.#drive.capabilities;
  }

  /** What is wrong with it, for errors: "is dead". */
  sever(how: string): void {
    this.#severed = how;
  }

  mend(): void {
    this.#severed = undefined;
  }

  read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.#whileWhole(() => this.#drive.read(offset, into, signal));
  }

  write(offset: number, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.#whileWhole(() => this.#drive.write(offset, data, signal));
  }

  flush(signal?: AbortSignal): Promise<void> {
    return this.#whileWhole(() => this.#drive.flush(signal));
  }

  trim(offset: number, length: number, signal?: AbortSignal): Promise<void> {
    return this.#whileWhole(() => this.#drive.trim(offset, length, signal));
  }

  /** Nothing: whoever opened the drive closes it. */
  async close(): Promise<void> {}

  async #whileWhole(act: () => Promise<void>): Promise<void> {
    if (this.#severed === undefined) await act();
    if (this.#severed !== undefined) throw new NsError('NS_BLOCK_IO', `${this.name} ${this.#severed}`);
  }
}
