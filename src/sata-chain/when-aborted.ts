const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls once when the signal is aborted, unless stopped. However many commands wait on one signal, the signal has one
 * listener: Node takes many for a leak.
 */
export function whenAborted(signal: AbortSignal | undefined, call: () => void): () => void {
  if (signal === undefined) return () => {};
  let calls = waiting.get(signal);
  if (calls === undefined) {
    const all = new Set<() => void>();
    waiting.set(signal, all);
    calls = all;
    const abort = (): void => {
      for (const one of [...all]) if (all.delete(one)) one();
    };
    signal.addEventListener('abort', abort, { once: true });
  }
  const own = (): void => call();
  const set = calls;
  set.add(own);
  return () => set.delete(own);
}
