import { NsError } from '../base/index.ts';
import type { Channel, ChannelValue, IoDevices, Stop } from '../ports/index.ts';

/** Several sets of channels as one. Their names differ: a board's description sees to that. */
export class JoinedIo implements IoDevices {
  readonly #channels: readonly Channel[];
  readonly #homes: ReadonlyMap<string, IoDevices>;

  constructor(parts: readonly IoDevices[]) {
    this.#channels = parts.flatMap((part) => part.channels());
    this.#homes = new Map(parts.flatMap((part) => part.channels().map(({ name }) => [name, part] as const)));
  }

  channels(): readonly Channel[] {
    return this.#channels;
  }

  async read(name: string, signal?: AbortSignal): Promise<ChannelValue> {
    return this.#home(name).read(name, signal);
  }

  async write(name: string, value: ChannelValue, signal?: AbortSignal): Promise<void> {
    await this.#home(name).write(name, value, signal);
  }

  watch(name: string, listener: (value: ChannelValue) => void): Stop {
    return this.#home(name).watch(name, listener);
  }

  #home(name: string): IoDevices {
    const home = this.#homes.get(name);
    if (home !== undefined) return home;
    throw new NsError('NS_IO_UNKNOWN', `there is no channel ${name}`, { family: 'caller' });
  }
}
