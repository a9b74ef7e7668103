import { allow, milliseconds, seconds, type Verdict } from '../../base/index.ts';
import type { ChannelValue, Clock, IoDevices } from '../../ports/index.ts';
import type { ArgsOf, ResultOf } from '../../protocol/index.ts';
import { findReadable } from './channels.ts';

const DEFAULT_SECONDS = 10;
const DEFAULT_SAMPLES = 10_000;
/** Samples closer together than this are dropped and counted: the link is for other things too. */
const SPACING = milliseconds(50);
const LAST = 256;
/** The last samples travel in one receipt with everything else. */
const LAST_BYTES = 32 * 1024;
const VALUE_BYTES = 48 * 1024;

export interface IoWatch {
  readonly io: IoDevices;
  readonly clock: Clock;
  readonly args: ArgsOf<'io.watch'>;
  readonly signal: AbortSignal;
  /** Called for each sample that is passed on, with its number from 1. */
  readonly onSample: (number: number, value: ChannelValue) => void;
}

/** Watches a channel for so many seconds or samples, whichever ends first; 10 s where the order says neither. */
export async function ioWatch(watch: IoWatch): Promise<Verdict<ResultOf<'io.watch'>>> {
  const { io, clock, args, signal } = watch;
  const found = findReadable(io, args.channel);
  if (!found.ok) return found;
  const { name, unit } = found.value;
  const limit = args.samples ?? DEFAULT_SAMPLES;
  const duration = seconds(args.seconds ?? (args.samples === undefined ? DEFAULT_SECONDS : 3600));
  const kept = new LastSamples();
  const start = clock.monotonic();
  const enough = new AbortController();
  let samples = 0;
  let dropped = 0;
  let latest = Number.NEGATIVE_INFINITY;
  if (limit === 0) return allow({ channel: name, unit, samples, last: [], dropped });
  const stop = io.watch(name, (value) => {
    const now = clock.monotonic();
    const tooLarge = typeof value !== 'number' && value.byteLength > VALUE_BYTES;
    if (tooLarge || now - latest < SPACING || samples >= limit) {
      dropped += 1;
      return;
    }
    latest = now;
    samples += 1;
    kept.add({ at: Math.max(0, Math.round(now - start)), value });
    watch.onSample(samples, value);
    if (samples === limit) enough.abort();
  });
  try {
    await clock.sleep(duration, AbortSignal.any([signal, enough.signal]));
  } catch (error) {
    if (!enough.signal.aborted) throw error;
  } finally {
    stop();
  }
  return allow({ channel: name, unit, samples, last: kept.all(), dropped });
}

interface Sample {
  readonly at: number;
  readonly value: ChannelValue;
}

/** The latest samples, bounded in number and in bytes. */
class LastSamples {
  readonly #samples: Sample[] = [];
  #bytes = 0;

  add(sample: Sample): void {
    this.#samples.push(sample);
    this.#bytes += sizeOf(sample);
    while (this.#samples.length > LAST || (this.#bytes > LAST_BYTES && this.#samples.length > 0)) {
      this.#bytes -= sizeOf(this.#samples.shift()!);
    }
  }

  all(): Sample[] {
    return this.#samples;
  }
}

const sizeOf = ({ value }: Sample): number => (typeof value === 'number' ? 8 : value.byteLength);
