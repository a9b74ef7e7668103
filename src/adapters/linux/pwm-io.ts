import { asNsError, NsError } from '../../base/index.ts';
import type { ChannelPlace } from '../../board/index.ts';
import type { Channel, ChannelValue, Clock, IoDevices, LogSink, Stop } from '../../ports/index.ts';
import { findHwmon, numberIn } from './hwmon.ts';
import type { KernelFiles } from './kernel-files.ts';
import { NamedChannels } from './named-channels.ts';
import { watchBySample } from './samples.ts';

type PwmPlace = Extract<ChannelPlace, { readonly on: 'pwm' }>;

export interface PwmChannel {
  readonly channel: Channel;
  readonly at: PwmPlace;
}

export interface PwmIoOptions {
  readonly wanted: readonly PwmChannel[];
  readonly files: KernelFiles;
  readonly clock: Clock;
  readonly log: LogSink;
  /** Where it is noted that a fan is driven by us: gone when the machine starts anew, and not when the agent does. */
  readonly notes?: string;
}

/** On a filesystem in memory. */
const NOTES = '/run/nightshift-fans';
const FULL = 255;
/** Documentation/hwmon/sysfs-interface: what "pwm1_enable" says while the fan is not controlled at all, and while "pwm1" holds. */
const FULL_SPEED = 0;
const MANUAL = 1;

/**
 * What drives fans, in percent. A speed that was ordered holds while the agent lives, and no longer: at its end a fan
 * goes back to its automatic control, or to the safe speed of its board where there is none. After an end without one
 * (a power cut of the process) the next start does it. 0 gives it back at once.
 */
export class PwmIo implements IoDevices {
  readonly #options: PwmIoOptions;
  readonly #wanted: NamedChannels<PwmChannel>;
  readonly #driven = new Set<string>();
  readonly #notes: string;
  #noting: Promise<void> = Promise.resolve();

  constructor(options: PwmIoOptions) {
    this.#options = options;
    this.#wanted = new NamedChannels(options.wanted);
    this.#notes = options.notes ?? NOTES;
  }

  /** Gives back what an agent before this one drove and did not give back: for whoever starts in its place. */
  async takeOver(): Promise<void> {
    const { files } = this.#options;
    if (!(await files.has(this.#notes))) return;
    // Notes that cannot be read may name any of them.
    const left = await files.text(this.#notes).then(
      (text) => text.split('\n'),
      () => this.#wanted.names(),
    );
    for (const name of left) if (this.#wanted.has(name)) this.#driven.add(name);
    await this.close();
  }

  channels(): readonly Channel[] {
    return this.#wanted.channels();
  }

  async read(name: string, signal?: AbortSignal): Promise<ChannelValue> {
    signal?.throwIfAborted();
    const { at } = this.#wanted.find(name);
    const path = await findHwmon(this.#options.files, name, at);
    if (at.automatic !== undefined) {
      const mode = await this.#number(name, `${path}/${at.pwm}_enable`);
      if (mode !== MANUAL) return mode === FULL_SPEED ? 100 : 0;
    }
    return Math.round(((await this.#number(name, `${path}/${at.pwm}`)) * 100) / FULL);
  }

  async write(name: string, value: ChannelValue, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const { at } = this.#wanted.find(name);
    if (value === 0 && at.automatic !== undefined) return this.#giveBack(name);
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < at.slowest || value > 100)
      throw new NsError('NS_IO_FAILED', `${name} takes ${at.slowest} to 100 %`, { family: 'caller' });
    await this.#drive(name, value);
  }

  watch(name: string, listener: (value: ChannelValue) => void): Stop {
    this.#wanted.find(name);
    return watchBySample(this.#options.clock, (signal) => this.read(name, signal), listener);
  }

  /** Gives every fan back that we drive. One that fails is told of, and keeps no other from it. */
  async close(): Promise<void> {
    const { log } = this.#options;
    for (const name of [...this.#driven]) {
      await this.#giveBack(name).catch((error: unknown) => {
        log.log('error', 'linux.fan-not-given-back', { channel: name, error: asNsError(error).message });
      });
    }
  }

  async #giveBack(name: string): Promise<void> {
    const { channel, at } = this.#wanted.find(name);
    if (at.automatic === undefined) await this.#set(name, channel.safe ?? 100);
    else {
      const path = await findHwmon(this.#options.files, name, at);
      await this.#options.files.write(`${path}/${at.pwm}_enable`, `${at.automatic}`);
    }
    this.#driven.delete(name);
    await this.#note().catch((error: unknown) => {
      this.#options.log.log('warn', 'linux.fans-not-noted', { error: asNsError(error).message });
    });
  }

  /** Noted first, or not at all: a fan that nobody knows of would keep its speed for good. */
  async #drive(name: string, percent: number): Promise<void> {
    if (!this.#driven.has(name)) {
      this.#driven.add(name);
      try {
        await this.#note();
      } catch (error) {
        this.#driven.delete(name);
        throw error;
      }
    }
    await this.#set(name, percent);
  }

  async #set(name: string, percent: number): Promise<void> {
    const { files } = this.#options;
    const { at } = this.#wanted.find(name);
    const path = `${await findHwmon(files, name, at)}/${at.pwm}`;
    // Chips that are driven by themselves take no value before they are told to hold one.
    const isSwitch = await files.has(`${path}_enable`);
    if (isSwitch && (await this.#number(name, `${path}_enable`)) !== MANUAL)
      await files.write(`${path}_enable`, `${MANUAL}`);
    await files.write(path, `${Math.round((percent * FULL) / 100)}`);
  }

  /** One after another, so that the last one says what is true. */
  #note(): Promise<void> {
    const { files } = this.#options;
    const noted = this.#noting.then(() => files.write(this.#notes, [...this.#driven].join('\n')));
    this.#noting = noted.catch(() => undefined);
    return noted;
  }

  #number(name: string, path: string): Promise<number> {
    return numberIn(this.#options.files, name, path);
  }
}
