import { NsError } from '../../base/index.ts';
import type { ChannelPlace } from '../../board/index.ts';
import type { Channel, ChannelValue, Clock, IoDevices, Stop } from '../../ports/index.ts';
import { findHwmon, numberIn } from './hwmon.ts';
import type { KernelFiles } from './kernel-files.ts';
import { NamedChannels, notWritable } from './named-channels.ts';
import { watchBySample } from './samples.ts';

/** Places whose values are files. */
export type SysfsPlace = Extract<ChannelPlace, { readonly on: 'hwmon' | 'led' | 'eeprom' }>;

export interface SysfsChannel {
  readonly channel: Channel;
  readonly at: SysfsPlace;
}

const LEDS = '/sys/class/leds';
const I2C = '/sys/bus/i2c/devices';

/**
 * Sensors, lights and memories that the kernel has drivers for. What is not there today may be there tomorrow: nothing is
 * asked before somebody asks, and what is absent is said by whoever was asked for it.
 */
export class SysfsIo implements IoDevices {
  readonly #files: KernelFiles;
  readonly #clock: Clock;
  readonly #wanted: NamedChannels<SysfsChannel>;

  constructor(wanted: readonly SysfsChannel[], files: KernelFiles, clock: Clock) {
    this.#wanted = new NamedChannels(wanted);
    this.#files = files;
    this.#clock = clock;
  }

  channels(): readonly Channel[] {
    return this.#wanted.channels();
  }

  async read(name: string, signal?: AbortSignal): Promise<ChannelValue> {
    signal?.throwIfAborted();
    const { at } = this.#wanted.find(name);
    switch (at.on) {
      case 'hwmon':
        return numberIn(this.#files, name, `${await findHwmon(this.#files, name, at)}/${at.sensor}_input`);
      case 'led':
        return (await numberIn(this.#files, name, `${LEDS}/${at.led}/brightness`)) > 0 ? 1 : 0;
      case 'eeprom':
        return this.#files.bytes(eepromPath(at), at.bytes);
    }
  }

  async write(name: string, value: ChannelValue, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const { at, channel } = this.#wanted.find(name);
    if (!channel.writable || at.on !== 'led') throw notWritable(name);
    if (value !== 0 && value !== 1)
      throw new NsError('NS_IO_FAILED', `${name} takes 0 or 1`, { family: 'caller' });
    const led = `${LEDS}/${at.led}`;
    const full = value === 1 ? await numberIn(this.#files, name, `${led}/max_brightness`) : 0;
    await this.#files.write(`${led}/brightness`, `${full}`);
  }

  watch(name: string, listener: (value: ChannelValue) => void): Stop {
    this.#wanted.find(name);
    return watchBySample(this.#clock, (signal) => this.read(name, signal), listener);
  }
}

function eepromPath({ bus, address }: Extract<SysfsPlace, { on: 'eeprom' }>): string {
  return `${I2C}/${bus}-${address.toString(16).padStart(4, '0')}/eeprom`;
}
