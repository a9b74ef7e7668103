import { type Duration, formatDuration, milliseconds, NsError, seconds, utf8 } from '../../base/index.ts';
import type { Channel, ChannelValue, Clock, IoDevices, SerialLine, Stop } from '../../ports/index.ts';
import { NmeaReader, type Sentence } from './nmea.ts';
import { watchBySample } from './samples.ts';

export interface GnssIoOptions {
  readonly channel: Channel;
  /** Rejects where the receiver is not there. */
  readonly open: () => Promise<SerialLine>;
  readonly clock: Clock;
}

interface Heard {
  readonly at: Duration;
  readonly text: string;
}

/** Receivers say where they are once a second; what is older than this is no answer. */
const STALE = seconds(10);
const PATIENCE = seconds(5);
const LOOK = milliseconds(200);
const NEVER = new AbortController().signal;
const TOLD = ['GGA', 'RMC'] as const;

/**
 * A receiver at a serial line, as a channel: its last sentences of position and time, as they came. Opened by the first
 * who asks, and anew after it was pulled out. What it last said is never given as what it says now.
 */
export class GnssIo implements IoDevices {
  readonly #options: GnssIoOptions;
  readonly #heard = new Map<string, Heard>();
  #line: SerialLine | undefined;
  #opening: Promise<void> | undefined;
  #closed = false;

  constructor(options: GnssIoOptions) {
    this.#options = options;
  }

  channels(): readonly Channel[] {
    return [this.#options.channel];
  }

  async read(name: string, signal?: AbortSignal): Promise<ChannelValue> {
    signal?.throwIfAborted();
    this.#check(name);
    const { clock } = this.#options;
    await this.#listen();
    for (const until = clock.monotonic() + PATIENCE; ; await clock.sleep(LOOK, signal ?? NEVER)) {
      const now = clock.monotonic();
      const fresh = TOLD.flatMap((each) => this.#heard.get(each) ?? []).filter(({ at }) => now - at <= STALE);
      if (fresh.length > 0) return utf8(fresh.map(({ text }) => `${text}\r\n`).join(''));
      if (now >= until || this.#line === undefined) throw this.#silent(name);
    }
  }

  async write(name: string): Promise<void> {
    this.#check(name);
    throw new NsError('NS_IO_FAILED', `${name} cannot be written`, { family: 'caller' });
  }

  watch(name: string, listener: (value: ChannelValue) => void): Stop {
    this.#check(name);
    return watchBySample(this.#options.clock, (signal) => this.read(name, signal), listener);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening?.catch(() => undefined);
    await this.#line?.close();
  }

  async #listen(): Promise<void> {
    if (this.#line !== undefined || this.#closed) return;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    await this.#opening;
  }

  async #open(): Promise<void> {
    const line = await this.#options.open();
    const reader = new NmeaReader();
    this.#line = line;
    line.onData((bytes) => {
      for (const sentence of reader.take(bytes)) this.#keep(sentence);
    });
    line.onHangUp(() => {
      if (this.#line === line) this.#line = undefined;
    });
  }

  #keep({ name, text }: Sentence): void {
    if (TOLD.some((each) => each === name))
      this.#heard.set(name, { at: this.#options.clock.monotonic(), text });
  }

  #silent(name: string): NsError {
    const last = Math.max(...[...this.#heard.values()].map(({ at }) => at));
    const since = milliseconds(this.#options.clock.monotonic() - last);
    const said = Number.isFinite(last)
      ? `has said nothing of its position for ${formatDuration(since)}`
      : 'has said nothing of its position yet';
    return new NsError('NS_IO_FAILED', `${name}: the receiver ${said}`, { retryable: true });
  }

  #check(name: string): void {
    if (name === this.#options.channel.name) return;
    throw new NsError('NS_IO_UNKNOWN', `there is no channel ${name}`, { family: 'caller' });
  }
}
