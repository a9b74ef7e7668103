export interface EitherSignal {
  readonly signal: AbortSignal;
  /** Once it is needed no longer. */
  release(): void;
}

/**
 * Aborted with the first of these. AbortSignal.any keeps something of each of its results for as long as a source lives: where a
 * source outlives what waits for it, and new ones come without end, that never stops growing.
 */
export function eitherSignal(...sources: readonly AbortSignal[]): EitherSignal {
  const either = new AbortController();
  const stops = sources.map((source) => {
    const onAbort = (): void => either.abort(source.reason);
    if (source.aborted) onAbort();
    else source.addEventListener('abort', onAbort, { once: true });
    return () => source.removeEventListener('abort', onAbort);
  });
  return {
    signal: either.signal,
    release: () => {
      for (const stop of stops) stop();
    },
  };
}
