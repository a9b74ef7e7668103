import { toHex } from '../base/index.ts';
import type { TaskState, Verb } from '../protocol/index.ts';

/** A task that is queued or running, as others may see it. */
export interface TaskRow {
  readonly id: Uint8Array;
  readonly verb: Verb;
  readonly issuer: Uint8Array;
  state: Extract<TaskState, 'accepted' | 'running'>;
  stage?: string;
  done?: number;
  total?: number;
}

/** The tasks that have not ended, and the way to stop one. */
export class TaskTable {
  readonly #rows = new Map<string, { row: TaskRow; stop: (reason: Error) => void }>();

  add(row: TaskRow, stop: (reason: Error) => void): void {
    this.#rows.set(toHex(row.id), { row, stop });
  }

  remove(id: Uint8Array): void {
    this.#rows.delete(toHex(id));
  }

  rows(): readonly TaskRow[] {
    return [...this.#rows.values()].map(({ row }) => row);
  }

  counts(): { readonly running: number; readonly queued: number } {
    const running = this.rows().filter(({ state }) => state === 'running').length;
    return { running, queued: this.#rows.size - running };
  }

  /** The row of the task that was asked to stop, or undefined where there is none. */
  stop(id: Uint8Array, reason: Error): TaskRow | undefined {
    const found = this.#rows.get(toHex(id));
    found?.stop(reason);
    return found?.row;
  }

  /** Stops every task that works on the machine; those that only manage it go on. */
  stopWorking(reason: Error, except: Uint8Array): void {
    const spared = toHex(except);
    for (const [id, { row, stop }] of [...this.#rows]) {
      const manages = /^(machine|task|audit|keyring)\./.test(row.verb);
      if (id !== spared && !manages) stop(reason);
    }
  }
}
