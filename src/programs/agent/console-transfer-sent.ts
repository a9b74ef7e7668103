import type { Mark } from '../../console/index.ts';
import type { OfferNote } from './console-orders.ts';

interface Sent {
  /** Bytes from the beginning that went to the line. */
  readonly sent: number;
  /** The file as it was then, at least up to there. */
  readonly mark: Mark;
}

const MOST = 8;

/** What was sent over the line and did not come to its end; until the agent ends. */
export class SentBefore {
  readonly #known = new Map<string, Sent & Pick<OfferNote, 'size' | 'mtime' | 'inode'>>();

  keep(key: string, { size, mtime, inode }: OfferNote, sent: Sent): void {
    this.#known.delete(key);
    this.#known.set(key, { size, mtime, inode, ...sent });
    for (const oldest of this.#known.keys()) if (this.#known.size > MOST) this.#known.delete(oldest);
  }

  forget(key: string): void {
    this.#known.delete(key);
  }

  has(key: string): boolean {
    return this.#known.has(key);
  }

  /** What was sent of this very file. */
  of(key: string, { size, mtime, inode }: OfferNote): Sent | undefined {
    const known = this.#known.get(key);
    const same = known?.size === size && known.mtime === mtime && known.inode === inode;
    return same ? known : undefined;
  }
}
