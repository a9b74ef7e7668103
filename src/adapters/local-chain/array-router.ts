import { asNsError, type NsError } from '../../base/index.ts';
import {
  AtaFault,
  type DeviceIdentity,
  type Lba,
  type OpenArray,
  type SataTarget,
  type SectorRange,
  type UnitRouter,
} from '../../sata-chain/index.ts';

/**
 * The head's router where mirrors and spares stand between the host and the raw chain: what the host, or the management
 * controller, sees is the array. It is opened at the first IDENTIFY, when all members are known; where it cannot be, there
 * is no disk, and the next IDENTIFY tries again.
 */
export class ArrayRouter implements UnitRouter {
  readonly #raw: UnitRouter;
  readonly #openArray: () => Promise<OpenArray>;
  readonly #onTrouble: (error: NsError) => void;
  #opening: Promise<OpenArray> | undefined;
  #array: OpenArray | undefined;

  constructor(raw: UnitRouter, openArray: () => Promise<OpenArray>, onTrouble: (error: NsError) => void) {
    this.#raw = raw;
    this.#openArray = openArray;
    this.#onTrouble = onTrouble;
  }

  get array(): OpenArray | undefined {
    return this.#array;
  }

  setMembers: UnitRouter['setMembers'] = (local, below) => this.#raw.setMembers(local, below);
  describe: UnitRouter['describe'] = (options) => this.#raw.describe(options);

  async identify(signal?: AbortSignal): Promise<DeviceIdentity> {
    const raw = await this.#raw.identify(signal);
    this.#opening ??= this.#open();
    const identity = await (await this.#opening).target.identify(signal);
    // The words about the chain stay those of the raw one: a unit above, and whoever asks about it, needs them.
    return raw.chain === undefined ? identity : { ...identity, chain: raw.chain };
  }

  async read(lba: Lba, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    await this.#target().read(lba, into, signal);
  }

  async write(lba: Lba, data: Uint8Array, fua: boolean, signal?: AbortSignal): Promise<void> {
    await this.#target().write(lba, data, fua, signal);
  }

  async verify(lba: Lba, count: number, signal?: AbortSignal): Promise<void> {
    await this.#target().verify(lba, count, signal);
  }

  async trim(ranges: readonly SectorRange[], signal?: AbortSignal): Promise<void> {
    await this.#target().trim(ranges, signal);
  }

  /** Before the array was ever open there is nothing to flush but the raw chain. */
  async flush(signal?: AbortSignal): Promise<void> {
    await (this.#array?.target ?? this.#raw).flush(signal);
  }

  async smartStatus(signal?: AbortSignal): Promise<'good' | 'failing'> {
    return (this.#array?.target ?? this.#raw).smartStatus(signal);
  }

  async close(): Promise<void> {
    await this.#opening?.catch(() => undefined);
    await this.#array?.close();
  }

  async #open(): Promise<OpenArray> {
    try {
      this.#array = await this.#openArray();
      return this.#array;
    } catch (error) {
      this.#opening = undefined;
      const trouble = asNsError(error, 'NS_ARRAY_LAYOUT');
      this.#onTrouble(trouble);
      throw new AtaFault('ABORTED', `the array cannot be opened: ${trouble.sentence}`, undefined, error);
    }
  }

  #target(): SataTarget {
    if (this.#array === undefined) throw new AtaFault('ABORTED', 'the array is not open yet');
    return this.#array.target;
  }
}
