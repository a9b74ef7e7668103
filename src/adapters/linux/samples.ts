import { milliseconds } from '../../base/index.ts';
import type { ChannelValue, Clock, Stop } from '../../ports/index.ts';

const SAMPLE = milliseconds(1000);

/** Calls back with a sample a second; a sample that fails is left out, for whoever asks is told. */
export function watchBySample(
  clock: Clock,
  read: (signal: AbortSignal) => Promise<ChannelValue>,
  listener: (value: ChannelValue) => void,
): Stop {
  const over = new AbortController();
  let asking = false;
  const stop = clock.every(SAMPLE, () => {
    if (asking) return;
    asking = true;
    read(over.signal)
      .then((value) => {
        if (!over.signal.aborted) listener(value);
      })
      .catch(() => undefined)
      .finally(() => {
        asking = false;
      });
  });
  return () => {
    over.abort();
    stop();
  };
}
