import { checkBlockRange, NsError } from '../base/index.ts';
import type { BlockCapabilities, BlockDevice } from '../ports/index.ts';

type State =
  | { readonly is: 'open' }
  /** Only a critical section that is under way may still call. */
  | { readonly is: 'ending'; readonly error: NsError }
  | { readonly is: 'revoked'; readonly error: NsError };

interface Call {
  readonly reject: (error: NsError) => void;
}

/**
 * A device that can be taken away from its holder. From `end` on, calls throw the given error at once, calls under way
 * are rejected with it, and only a critical section goes on; from `revoke` on, nothing does. What was already handed to
 * the real device may still be running there: `quiet` tells when it no longer is.
 */
export class RevocableDevice implements BlockDevice {
  readonly name: string;
  readonly capabilities: BlockCapabilities;
  readonly #device: BlockDevice;
  readonly #calls = new Set<Call>();
  readonly readMedium?: NonNullable<BlockDevice['readMedium']>;
  #state: State = { is: 'open' };
  #critical = 0;
  #inFlight = 0;
  #wrote = false;
  #whenQuiet: (() => void)[] = [];

  constructor(device: BlockDevice, writable: boolean) {
    this.#device = device;
    this.name = device.name;
    this.capabilities = {
      ...device.capabilities,
      writable: writable && device.capabilities.writable,
      trim: writable && device.capabilities.trim,
    };
    const { readMedium } = device;
    if (readMedium !== undefined) {
      this.readMedium = (offset, into, signal) => this.#call(() => readMedium(offset, into, signal));
    }
  }

  /** Whether anything was written or trimmed through this device. */
  get wrote(): boolean {
    return this.#wrote;
  }

  read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.#call(() => this.#device.read(offset, into, signal));
  }

  write(offset: number, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.#change(() => this.#device.write(offset, data, signal));
  }

  flush(signal?: AbortSignal): Promise<void> {
    return this.#call(() => this.#device.flush(signal));
  }

  async trim(offset: number, length: number, signal?: AbortSignal): Promise<void> {
    if (this.capabilities.trim) await this.#change(() => this.#device.trim(offset, length, signal));
    else checkBlockRange(this.name, this.capabilities.size, offset, length);
  }

  /** The holder lets go of its view; the disk itself is given back by releasing the lease. */
  async close(): Promise<void> {}

  /** Runs work that an `end` must wait for. Throws where the lease has ended already. */
  async critical<T>(work: () => Promise<T>): Promise<T> {
    if (this.#state.is !== 'open') throw this.#state.error;
    this.#critical += 1;
    try {
      return await work();
    } finally {
      this.#leaveCritical();
    }
  }

  end(error: NsError): void {
    if (this.#state.is !== 'open') return;
    if (this.#critical === 0) this.revoke(error);
    else this.#state = { is: 'ending', error };
  }

  revoke(error: NsError): void {
    if (this.#state.is === 'revoked') return;
    this.#state = { is: 'revoked', error };
    for (const call of this.#calls) call.reject(error);
    this.#calls.clear();
  }

  /** Resolves when no critical section and no call on the real device is under way. */
  quiet(): Promise<void> {
    if (this.#isQuiet()) return Promise.resolve();
    return new Promise((resolve) => this.#whenQuiet.push(resolve));
  }

  #change(act: () => Promise<void>): Promise<void> {
    return this.#call(() => {
      if (!this.capabilities.writable) {
        throw new NsError('NS_BLOCK_READ_ONLY', `${this.name} was leased for reading`, { family: 'caller' });
      }
      this.#wrote = true;
      return act();
    });
  }

  async #call<T>(act: () => Promise<T>): Promise<T> {
    const state = this.#state;
    if (state.is === 'revoked' || (state.is === 'ending' && this.#critical === 0)) throw state.error;
    let rejectCall: (error: NsError) => void = () => {};
    const revoked = new Promise<never>((_, reject) => {
      rejectCall = reject;
    });
    const call: Call = { reject: rejectCall };
    this.#calls.add(call);
    this.#inFlight += 1;
    const real = this.#settle(call, act);
    return Promise.race([real, revoked]);
  }

  async #settle<T>(call: Call, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } finally {
      this.#calls.delete(call);
      this.#inFlight -= 1;
      this.#tellQuiet();
    }
  }

  #leaveCritical(): void {
    this.#critical -= 1;
    if (this.#critical === 0 && this.#state.is === 'ending') this.revoke(this.#state.error);
    this.#tellQuiet();
  }

  #isQuiet(): boolean {
    return this.#critical === 0 && this.#inFlight === 0;
  }

  #tellQuiet(): void {
    if (!this.#isQuiet()) return;
    const waiting = this.#whenQuiet;
    this.#whenQuiet = [];
    for (const tell of waiting) tell();
  }
}
