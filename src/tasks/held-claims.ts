import type { ClaimMode, ResourceLocks } from './resource-lock.ts';

/** What one task has claimed and not yet released; the rest of it is released at its end. */
export class HeldClaims {
  readonly #locks: ResourceLocks;
  readonly #held = new Set<{ readonly name: string; readonly release: () => void }>();

  constructor(locks: ResourceLocks) {
    this.#locks = locks;
  }

  /** Rejects with the signal's reason where that comes before the resource is free. */
  async claim(name: string, mode: ClaimMode, signal: AbortSignal): Promise<() => void> {
    const release = await this.#locks.claim(name, mode, signal);
    const claim = {
      name,
      release: () => {
        this.#held.delete(claim);
        release();
      },
    };
    this.#held.add(claim);
    return claim.release;
  }

  has(name: string): boolean {
    return [...this.#held].some((claim) => claim.name === name);
  }

  releaseAll(): void {
    for (const { release } of [...this.#held]) release();
  }
}
