import { appendFileSync } from 'node:fs';
import { BoundedQueue, milliseconds, NsError, utf8 } from '../../base/index.ts';
import type { Channel, ChannelValue, Clock, IoDevices, Stop } from '../../ports/index.ts';
import { greyJpeg } from './jpeg.ts';

const SAMPLE = milliseconds(500);
const UART_BYTES = 4096;

/**
 * Simulated channels. Sensors follow the clock by fixed curves, so the same moment gives the same values; outputs keep
 * what was written; the UART answers what it is sent, line by line; the camera sees a light going round.
 */
export class SimIo implements IoDevices {
  readonly #clock: Clock;
  readonly #uartLog: string | undefined;
  readonly #channels: ReadonlyMap<string, Channel>;
  readonly #set = new Map<string, number>();
  readonly #setAt = new Map<string, number>();
  readonly #uarts = new Map<string, BoundedQueue<number>>();
  readonly #taps = new Map<string, Set<(bytes: Uint8Array) => void>>();
  readonly #failing = new Set<string>();
  readonly #listeners = new Map<string, Set<(value: ChannelValue) => void>>();

  /** `uartLog`: a file that is at the host's end of the wires, and has a byte as soon as it was written. */
  constructor(clock: Clock, channels: readonly Channel[], uartLog?: string) {
    this.#clock = clock;
    this.#uartLog = uartLog;
    this.#channels = new Map(channels.map((channel) => [channel.name, channel]));
    // Outputs come up at their safe values, as after a reset of the board.
    for (const { name, writable, safe } of channels)
      if (writable && safe !== undefined) this.#set.set(name, safe);
  }

  channels(): readonly Channel[] {
    return [...this.#channels.values()];
  }

  async read(name: string, signal?: AbortSignal): Promise<ChannelValue> {
    signal?.throwIfAborted();
    const channel = this.#channel(name);
    if (this.#failing.has(name)) throw new NsError('NS_IO_FAILED', `${name} does not answer`);
    return this.#value(channel);
  }

  async write(name: string, value: ChannelValue, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const channel = this.#channel(name);
    if (this.#failing.has(name)) throw new NsError('NS_IO_FAILED', `${name} does not answer`);
    if (typeof value === 'number') this.force(name, value);
    else if (channel.kind === 'uart') this.#echo(name, value);
    else throw new NsError('NS_IO_FAILED', `${name} takes a number`, { family: 'caller' });
  }

  watch(name: string, listener: (value: ChannelValue) => void): Stop {
    const channel = this.#channel(name);
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    const sampled = channel.kind !== 'gpio' && channel.kind !== 'led' && channel.kind !== 'uart';
    const stop = sampled ? this.#clock.every(SAMPLE, () => listener(this.#value(channel))) : () => {};
    return () => {
      listeners.delete(listener);
      stop();
    };
  }

  /** Hears what a UART's host says, and takes none of it away from whoever reads or watches the channel. */
  tap(name: string, listener: (bytes: Uint8Array) => void): Stop {
    const taps = this.#taps.get(this.#channel(name).name) ?? new Set();
    this.#taps.set(name, taps);
    taps.add(listener);
    return () => taps.delete(listener);
  }

  /** The host says something on a UART by itself. */
  say(name: string, data: Uint8Array): void {
    this.#channel(name);
    for (const tap of [...(this.#taps.get(name) ?? [])]) tap(data);
    const queue = this.#uarts.get(name) ?? new BoundedQueue<number>(UART_BYTES);
    this.#uarts.set(name, queue);
    for (const byte of data.subarray(-UART_BYTES)) queue.pushDroppingOldest(byte);
    const listeners = this.#listeners.get(name);
    if (!listeners || listeners.size === 0) return;
    const heard = this.#drain(name);
    for (const listener of [...listeners]) listener(heard);
  }

  /** Puts a channel to a value from outside: a finger on a switch, a hot day. Sensors stay there. */
  force(name: string, value: number): void {
    const channel = this.#channel(name);
    const before = this.#set.get(name);
    this.#set.set(name, value);
    this.#setAt.set(name, this.#clock.monotonic());
    if (before !== value) this.#tell(channel);
  }

  /** Makes a channel fail, or work again. */
  setFailing(name: string, failing: boolean): void {
    this.#channel(name);
    if (failing) this.#failing.add(name);
    else this.#failing.delete(name);
  }

  #channel(name: string): Channel {
    const channel = this.#channels.get(name);
    if (channel) return channel;
    throw new NsError('NS_IO_UNKNOWN', `there is no channel ${name}`, { family: 'caller' });
  }

  #value({ name, kind }: Channel): ChannelValue {
    const set = this.#set.get(name);
    const ms = this.#clock.monotonic();
    switch (kind) {
      case 'gpio':
      case 'led':
        return set ?? 0;
      case 'temperature':
        return set ?? Math.round(31_000 + 4000 * Math.sin(ms / 60_000));
      case 'voltage':
        return set ?? Math.round(3300 + 15 * Math.sin(ms / 7000));
      case 'pwm':
        return set ?? 0;
      case 'i2c':
        return new Uint8Array(1);
      case 'fan':
        return set ?? 1500;
      case 'watchdog':
        return Math.max(0, (set ?? 0) - Math.round(ms - (this.#setAt.get(name) ?? 0)));
      case 'eeprom':
        return new Uint8Array(256).fill(0xff);
      case 'uart':
        return this.#drain(name);
      case 'camera':
        return frame(Math.floor(ms / 250));
      case 'gnss':
        return utf8(position(this.#clock.wallSeconds()));
    }
  }

  #echo(name: string, data: Uint8Array): void {
    if (this.#uartLog !== undefined) appendFileSync(this.#uartLog, data);
    const said: number[] = [];
    for (const byte of data) {
      said.push(byte);
      if (byte === 0x0d) said.push(...utf8('\nsim-host> '));
    }
    this.say(name, Uint8Array.from(said));
  }

  #drain(name: string): Uint8Array {
    const queue = this.#uarts.get(name);
    const bytes = queue ? Uint8Array.from(queue) : new Uint8Array();
    this.#uarts.delete(name);
    return bytes;
  }

  #tell(channel: Channel): void {
    for (const listener of [...(this.#listeners.get(channel.name) ?? [])]) listener(this.#value(channel));
  }
}

/** A bright block going round the edge of a dim room of 64 by 48 pixels. */
function frame(step: number): Uint8Array {
  const edge = 24;
  const at = step % edge;
  const column = at < 8 ? at : at < 12 ? 7 : at < 20 ? 19 - at : 0;
  const row = at < 8 ? 0 : at < 12 ? at - 7 : at < 20 ? 5 : 24 - at;
  return greyJpeg(8, 6, (x, y) => (x === column && y === row ? 240 : 40 + 4 * x + 3 * y));
}

/** An NMEA 0183 GGA sentence for this second of the day, at the Royal Observatory in Greenwich. */
function position(wallSeconds: number): string {
  const second = ((wallSeconds % 86_400) + 86_400) % 86_400;
  const two = (n: number) => String(Math.floor(n)).padStart(2, '0');
  const time = `${two(second / 3600)}${two((second / 60) % 60)}${two(second % 60)}.00`;
  const body = `GPGGA,${time},5128.6700,N,00000.0000,E,1,08,0.9,47.0,M,45.7,M,,`;
  const sum = [...utf8(body)].reduce((a, b) => a ^ b, 0);
  return `$${body}*${sum.toString(16).toUpperCase().padStart(2, '0')}\r\n`;
}
