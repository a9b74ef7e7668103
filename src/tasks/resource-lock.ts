/** Shared by readers, alone for a writer. */
export type ClaimMode = 'read' | 'write';

interface Claimant {
  readonly mode: ClaimMode;
  readonly grant: () => void;
}

/**
 * Named resources, each held by any number of readers or by one writer. First come, first served: a reader that comes
 * after a waiting writer waits behind it, so that nobody starves.
 */
export class ResourceLocks {
  readonly #resources = new Map<string, { readers: number; writer: boolean; waiting: Claimant[] }>();

  /** Resolves to the release when the claim holds; rejects with the signal's reason where that comes first. */
  async claim(name: string, mode: ClaimMode, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const resource = this.#resources.get(name) ?? { readers: 0, writer: false, waiting: [] };
    this.#resources.set(name, resource);
    await new Promise<void>((resolve, reject) => {
      const claimant: Claimant = {
        mode,
        grant: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      const onAbort = () => {
        resource.waiting = resource.waiting.filter((other) => other !== claimant);
        this.#serve(name);
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      resource.waiting.push(claimant);
      this.#serve(name);
    });
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      if (mode === 'write') resource.writer = false;
      else resource.readers -= 1;
      this.#serve(name);
    };
  }

  /** Takes a resource for writing that nobody holds or waits for; undefined otherwise. Never waits. */
  tryClaim(name: string): (() => void) | undefined {
    if (this.#resources.has(name)) return undefined;
    const resource = { readers: 0, writer: true, waiting: [] };
    this.#resources.set(name, resource);
    return () => {
      if (!resource.writer) return;
      resource.writer = false;
      this.#serve(name);
    };
  }

  #serve(name: string): void {
    const resource = this.#resources.get(name);
    if (resource === undefined) return;
    for (;;) {
      const next = resource.waiting[0];
      const free = next?.mode === 'write' ? !resource.writer && resource.readers === 0 : !resource.writer;
      if (next === undefined || !free) break;
      resource.waiting.shift();
      if (next.mode === 'write') resource.writer = true;
      else resource.readers += 1;
      next.grant();
    }
    if (!resource.writer && resource.readers === 0 && resource.waiting.length === 0)
      this.#resources.delete(name);
  }
}
