/**
 * Finds the first sector of a command that failed as a whole, by trying ever smaller parts of it: at most one try for
 * each halving, together no more sectors than the command has. Where none fails any more, the last one suspected is named.
 * Rejects with the signal's reason where that comes first.
 */
export async function firstFailing(
  count: number,
  attempt: (from: number, count: number) => Promise<void>,
  signal?: AbortSignal,
): Promise<number> {
  let from = 0;
  let left = count;
  while (left > 1) {
    signal?.throwIfAborted();
    const half = Math.floor(left / 2);
    const sound = await attempt(from, half).then(
      () => true,
      () => false,
    );
    if (sound) {
      from += half;
      left -= half;
    } else left = half;
  }
  signal?.throwIfAborted();
  return from;
}
