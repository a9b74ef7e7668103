import { NsError } from '../../base/index.ts';
import type { Channel } from '../../ports/index.ts';

/** The channels that one adapter serves, by their names. */
export class NamedChannels<C extends { readonly channel: Channel }> {
  readonly #wanted: ReadonlyMap<string, C>;

  constructor(wanted: readonly C[]) {
    this.#wanted = new Map(wanted.map((one) => [one.channel.name, one]));
  }

  names(): readonly string[] {
    return [...this.#wanted.keys()];
  }

  channels(): readonly Channel[] {
    return [...this.#wanted.values()].map(({ channel }) => channel);
  }

  has(name: string): boolean {
    return this.#wanted.has(name);
  }

  /** NS_IO_UNKNOWN. */
  find(name: string): C {
    const found = this.#wanted.get(name);
    if (found !== undefined) return found;
    throw new NsError('NS_IO_UNKNOWN', `there is no channel ${name}`, { family: 'caller' });
  }
}

/** Of a channel that is there, and only says something. */
export function notWritable(name: string): NsError {
  return new NsError('NS_IO_FAILED', `${name} cannot be written`, { family: 'caller' });
}
