import { NsError } from '../../../base/index.ts';
import type { GpioLine } from '../../../board/index.ts';
import type { Channel, ChannelValue, IoDevices, Stop } from '../../../ports/index.ts';
import type { GpioLines, HeldLine } from './lines.ts';

/** A channel of kind gpio, and its line. */
export interface LineChannel {
  readonly channel: Channel;
  readonly line: GpioLine;
}

/** Lines as channels: 1 where they are active. All are taken when it is opened, and held until the lines are closed. */
export class GpioIo implements IoDevices {
  readonly #channels: readonly Channel[];
  readonly #lines: ReadonlyMap<string, HeldLine>;

  private constructor(channels: readonly Channel[], lines: ReadonlyMap<string, HeldLine>) {
    this.#channels = channels;
    this.#lines = lines;
  }

  /** NS_GPIO where a line cannot be had. */
  static async open(lines: GpioLines, wanted: readonly LineChannel[]): Promise<GpioIo> {
    const held = new Map<string, HeldLine>();
    for (const { channel, line } of wanted)
      held.set(channel.name, await lines.hold(line, channel.writable ? 'output' : 'input'));
    return new GpioIo(
      wanted.map(({ channel }) => channel),
      held,
    );
  }

  channels(): readonly Channel[] {
    return this.#channels;
  }

  async read(name: string, signal?: AbortSignal): Promise<ChannelValue> {
    signal?.throwIfAborted();
    return this.#line(name).read();
  }

  async write(name: string, value: ChannelValue, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const line = this.#line(name);
    if (value !== 0 && value !== 1)
      throw new NsError('NS_IO_FAILED', `${name} takes 0 or 1`, { family: 'caller' });
    await line.write(value);
  }

  watch(name: string, listener: (value: ChannelValue) => void): Stop {
    return this.#line(name).onChange(listener);
  }

  #line(name: string): HeldLine {
    const line = this.#lines.get(name);
    if (line !== undefined) return line;
    throw new NsError('NS_IO_UNKNOWN', `there is no channel ${name}`, { family: 'caller' });
  }
}
