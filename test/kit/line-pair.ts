import type { TransferLine } from '../../src/console/line-bytes.ts';

/** Two ends of one line in memory. */
export interface LinePair {
  readonly left: TransferLine;
  readonly right: TransferLine;
  /** Bytes carried so far, both ways. */
  readonly carried: () => number;
  pull(): void;
}

/** `spoil` sees every byte on its way, with its number: gives another one, "lost", or pulls the line by "pull". */
export function linePair(
  spoil: (byte: number, count: number) => number | 'lost' | 'pull' = (byte) => byte,
): LinePair {
  let carried = 0;
  let gone: string | undefined;
  const hangUps = new Set<(reason: string) => void>();
  const pull = (): void => {
    if (gone !== undefined) return;
    gone = 'pulled';
    for (const listener of hangUps) listener(gone);
  };
  const end = () => {
    const hear = new Set<(bytes: Uint8Array) => void>();
    const early: Uint8Array[] = [];
    return {
      take(bytes: Uint8Array): void {
        if (hear.size === 0) early.push(bytes);
        for (const listener of hear) listener(bytes);
      },
      onData(listener: (bytes: Uint8Array) => void) {
        hear.add(listener);
        for (const bytes of early.splice(0)) listener(bytes);
        return () => hear.delete(listener);
      },
    };
  };
  const ends = [end(), end()] as const;
  const line = (mine: (typeof ends)[number], other: (typeof ends)[number]): TransferLine => ({
    write(bytes) {
      if (gone !== undefined) return false;
      const out: number[] = [];
      for (const byte of bytes) {
        const became = spoil(byte, carried);
        carried += 1;
        if (became === 'pull') {
          // What went before is still on its way.
          queueMicrotask(pull);
          break;
        }
        if (became !== 'lost') out.push(became);
      }
      const piece = Uint8Array.from(out);
      setImmediate(() => {
        if (piece.byteLength > 0) other.take(piece);
      });
      return true;
    },
    room: () => Promise.resolve(),
    onData: (listener) => mine.onData(listener),
    onHangUp(listener) {
      if (gone === undefined) hangUps.add(listener);
      else listener(gone);
      return () => hangUps.delete(listener);
    },
  });
  return { left: line(ends[0], ends[1]), right: line(ends[1], ends[0]), carried: () => carried, pull };
}
