import { setMaxListeners } from 'node:events';
import type { BlockDevice } from '../../ports/index.ts';

/** A device on offer, until it is withdrawn. Each connection listens to that; their number has its own bound. */
export interface Offer {
  readonly device: BlockDevice;
  /** Once aborted, every connection to it is cut at once and what was under way on it fails. */
  readonly withdrawn: AbortSignal;
}

/** Says what stands behind an export at this moment. */
export interface ExportGate {
  /**
   * The offer; undefined where nothing is offered; pending while nobody knows yet. The signal ends the waiting, and then
   * the promise rejects.
   */
  offered(signal: AbortSignal): Promise<Offer | undefined>;
}

type DoorState =
  | { readonly is: 'held' }
  | { readonly is: 'absent' }
  | { readonly is: 'open'; readonly offer: Offer; readonly withdraw: AbortController };

/** A gate that its owner opens and closes. At first it holds back whoever comes. */
export class ExportDoor implements ExportGate {
  #state: DoorState = { is: 'held' };
  readonly #waiting = new Set<() => void>();

  /** Offers this device from now on. What was offered before is withdrawn. */
  open(device: BlockDevice): void {
    const withdraw = new AbortController();
    setMaxListeners(0, withdraw.signal);
    this.#become({ is: 'open', offer: { device, withdrawn: withdraw.signal }, withdraw });
  }

  /** Withdraws what is offered; whoever comes waits. */
  hold(): void {
    this.#become({ is: 'held' });
  }

  /** Withdraws what is offered; whoever comes finds nothing. */
  close(): void {
    this.#become({ is: 'absent' });
  }

  async offered(signal: AbortSignal): Promise<Offer | undefined> {
    for (;;) {
      signal.throwIfAborted();
      const state = this.#state;
      if (state.is === 'open') return state.offer;
      if (state.is === 'absent') return undefined;
      await this.#change(signal);
    }
  }

  #become(next: DoorState): void {
    const before = this.#state;
    this.#state = next;
    if (before.is === 'open') before.withdraw.abort();
    for (const wake of [...this.#waiting]) wake();
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}

/** A device that is always on offer. */
export function alwaysOffered(device: BlockDevice): ExportGate {
  const offer: Offer = { device, withdrawn: new AbortController().signal };
  setMaxListeners(0, offer.withdrawn);
  return { offered: () => Promise.resolve(offer) };
}
