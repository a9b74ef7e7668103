import { milliseconds, NsError } from '../../base/index.ts';
import type { ChannelPlace } from '../../board/index.ts';
import type { Channel, ChannelValue, Clock, IoDevices, Stop } from '../../ports/index.ts';
import type { KernelFiles } from './kernel-files.ts';

/** Places whose values are files. */
export type SysfsPlace = Extract<ChannelPlace, { readonly on: 'hwmon' | 'led' | 'eeprom' }>;

export interface SysfsChannel {
  readonly channel: Channel;
  readonly at: SysfsPlace;
}

const HWMON = '/sys/class/hwmon';
const LEDS = '/sys/class/leds';
const I2C = '/sys/bus/i2c/devices';
const MOST_SENSORS = 256;
const SAMPLE = milliseconds(1000);

/**
 * Sensors, lights and memories that the kernel has drivers for. What is not there today may be there tomorrow: nothing is
 * asked before somebody asks, and what is absent is said by whoever was asked for it.
 */
export class SysfsIo implements IoDevices {
  readonly #files: KernelFiles;
  readonly #clock: Clock;
  readonly #wanted: ReadonlyMap<string, SysfsChannel>;

  constructor(wanted: readonly SysfsChannel[], files: KernelFiles, clock: Clock) {
    this.#wanted = new Map(wanted.map((one) => [one.channel.name, one]));
    this.#files = files;
    this.#clock = clock;
  }

  channels(): readonly Channel[] {
    return [...this.#wanted.values()].map(({ channel }) => channel);
  }

  async read(name: string, signal?: AbortSignal): Promise<ChannelValue> {
    signal?.throwIfAborted();
    const { at } = this.#find(name);
    switch (at.on) {
      case 'hwmon':
        return this.#number(name, `${await this.#hwmon(name, at)}/${at.sensor}_input`);
      case 'led':
        return (await this.#number(name, `${LEDS}/${at.led}/brightness`)) > 0 ? 1 : 0;
      case 'eeprom':
        return this.#files.bytes(eepromPath(at), at.bytes);
    }
  }

  async write(name: string, value: ChannelValue, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const { at, channel } = this.#find(name);
    if (!channel.writable || at.on !== 'led')
      throw new NsError('NS_IO_FAILED', `${name} cannot be written`, { family: 'caller' });
    if (value !== 0 && value !== 1)
      throw new NsError('NS_IO_FAILED', `${name} takes 0 or 1`, { family: 'caller' });
    const led = `${LEDS}/${at.led}`;
    const full = value === 1 ? await this.#number(name, `${led}/max_brightness`) : 0;
    await this.#files.write(`${led}/brightness`, `${full}`);
  }

  /** Calls back with a sample a second; a sample that fails is left out, for whoever asks is told. */
  watch(name: string, listener: (value: ChannelValue) => void): Stop {
    this.#find(name);
    const over = new AbortController();
    let asking = false;
    const stop = this.#clock.every(SAMPLE, () => {
      if (asking) return;
      asking = true;
      this.read(name, over.signal)
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

  #find(name: string): SysfsChannel {
    const found = this.#wanted.get(name);
    if (found !== undefined) return found;
    throw new NsError('NS_IO_UNKNOWN', `there is no channel ${name}`, { family: 'caller' });
  }

  /** Looked for each time: an entry's number changes when its driver is loaded anew. */
  async #hwmon(channel: string, { name, device }: Extract<SysfsPlace, { on: 'hwmon' }>): Promise<string> {
    const entries = (await this.#files.has(HWMON)) ? await this.#files.list(HWMON) : [];
    for (const entry of entries.slice(0, MOST_SENSORS)) {
      const path = `${HWMON}/${entry}`;
      if ((await this.#files.text(`${path}/name`).catch(() => '')) !== name) continue;
      if (device === undefined) return path;
      if ((await this.#files.target(`${path}/device`).catch(() => '')) === device) return path;
    }
    const where = device === undefined ? '' : ` at ${device}`;
    throw new NsError('NS_IO_FAILED', `${channel}: the kernel shows no ${name}${where}`);
  }

  async #number(name: string, path: string): Promise<number> {
    const text = await this.#files.text(path);
    const value = Number(text);
    if (text !== '' && Number.isSafeInteger(value)) return value;
    throw new NsError('NS_IO_FAILED', `${name}: ${path} says no whole number`);
  }
}

function eepromPath({ bus, address }: Extract<SysfsPlace, { on: 'eeprom' }>): string {
  return `${I2C}/${bus}-${address.toString(16).padStart(4, '0')}/eeprom`;
}
