import type { ChainLink, Stop } from '../../ports/index.ts';
import type { Level, Wire } from '../phy/level.ts';
import type { Scheduler } from '../time.ts';
import { Listeners } from '../unit/listeners.ts';
import { type FisChannel, type FisChannelOptions, fisChannel } from './fis-channel.ts';
import { SignalChannel } from './signal-channel.ts';

/**
 * A SATA cable over a link: signals and FISes. Where the FIS channel is lost there is no signal either, so that both
 * ends begin their link anew together.
 */
export class LinkCable implements Wire {
  readonly fises: FisChannel;
  readonly #signals: SignalChannel;
  readonly #levels = new Listeners<[Level]>();
  readonly #stops: readonly Stop[];
  #whole = false;
  #heard: Level = 'idle';

  constructor(link: ChainLink, scheduler: Scheduler, options: FisChannelOptions) {
    this.#signals = new SignalChannel(link, scheduler);
    this.fises = fisChannel(link, scheduler, options);
    this.#stops = [
      this.#signals.onLevel(() => this.#look()),
      this.fises.onConnection((connected) => {
        this.#whole = connected;
        this.#look();
      }),
    ];
  }

  /** What the other end is heard to transmit. */
  get heard(): Level {
    return this.#heard;
  }

  transmit(level: Level): void {
    this.#signals.transmit(level);
  }

  onLevel(listener: (level: Level) => void): Stop {
    return this.#levels.add(listener);
  }

  close(): void {
    for (const stop of this.#stops) stop();
    this.#signals.close();
    this.fises.close();
    this.#whole = false;
    this.#look();
  }

  #look(): void {
    const level = this.#whole ? this.#signals.heard : 'idle';
    if (level === this.#heard) return;
    this.#heard = level;
    this.#levels.call(level);
  }
}
