import { toHex } from '../../src/base/index.ts';
import type { Stop } from '../../src/ports/index.ts';
import type { AdmittedOrder, Submission, TaskDesk, TaskEvent } from '../../src/tasks/index.ts';

/** A desk that takes every order and does nothing until told. */
export class FakeDesk implements TaskDesk {
  readonly submitted: AdmittedOrder[] = [];
  /** What submit answers; by default accepted once, then known. */
  answer: ((order: AdmittedOrder) => Promise<Submission>) | undefined;
  readonly receipts = new Map<string, Uint8Array>();
  /** Receipts of an earlier run. */
  readonly left: { readonly id: Uint8Array; readonly packet: Uint8Array }[] = [];
  /** Orders whose receipt the broker has. */
  readonly delivered: Uint8Array[] = [];
  readonly #listeners = new Set<(event: TaskEvent) => void>();
  readonly #known = new Set<string>();

  async submit(order: AdmittedOrder): Promise<Submission> {
    this.submitted.push(order);
    if (this.answer !== undefined) return this.answer(order);
    const id = toHex(order.order.id);
    if (!this.#known.has(id)) {
      this.#known.add(id);
      return { is: 'accepted', ended: false };
    }
    const receipt = this.receipts.get(id);
    return receipt === undefined ? { is: 'known' } : { is: 'known', receipt };
  }

  onEvent(listener: (event: TaskEvent) => void): Stop {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  untold(): readonly { readonly id: Uint8Array; readonly packet: Uint8Array }[] {
    return this.left;
  }

  told(id: Uint8Array): void {
    this.delivered.push(id);
  }

  emit(event: TaskEvent): void {
    if (event.kind === 'receipt') this.receipts.set(toHex(event.id), event.packet);
    for (const listener of this.#listeners) listener(event);
  }
}
