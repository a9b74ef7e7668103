import type { ChainLink, Stop } from '../../ports/index.ts';
import type { Level, Wire } from '../phy/level.ts';
import type { Plug } from '../plug.ts';
import type { SataTarget } from '../target.ts';
import { millis, type Scheduler } from '../time.ts';
import { FisDevice, type FisDeviceOptions } from '../transport/fis-device.ts';
import { FisHost, type FisHostOptions } from '../transport/fis-host.ts';
import { Listeners } from '../unit/listeners.ts';
import { LinkCable } from './cable.ts';
import type { FisChannelOptions } from './fis-channel.ts';

/** Links with smaller frames are slow ones. In bytes. */
const SLOW_FRAME = 8192;
const SLOW: FisHostOptions = {
  largestCommand: 8192,
  deadline: millis(120_000),
  resetDeadline: millis(30_000),
};

/**
 * The host side of a cable whose device is behind a link: what is plugged into PTO, or into a host's port. Phy waits on
 * it are to be scaled by the link's round trip (unitTimingsFor).
 */
export class RemotePlug implements Plug {
  readonly wire: Wire;
  readonly target: SataTarget;
  readonly #cable: LinkCable;
  readonly #host: FisHost;
  readonly #levels = new Listeners<[Level]>();
  readonly #signatures = new Listeners<[]>();
  readonly #stops: readonly Stop[];
  /** The signature overtook the signals that make this end's phy ready. */
  #early = false;

  constructor(
    link: ChainLink,
    scheduler: Scheduler,
    options: FisChannelOptions & { readonly fis?: FisHostOptions },
  ) {
    this.#cable = new LinkCable(link, scheduler, options);
    const slow = link.capabilities.largestFrame < SLOW_FRAME;
    this.#host = new FisHost(this.#cable.fises, scheduler, { ...(slow ? SLOW : {}), ...options.fis });
    this.target = this.#host;
    this.wire = {
      transmit: (level) => {
        if (level === 'COMINIT') this.#over();
        this.#cable.transmit(level);
      },
      onLevel: (listener) => this.#levels.add(listener),
    };
    this.#stops = [
      this.#cable.onLevel((level) => this.#level(level)),
      this.#host.onSignature(() => this.#signature()),
    ];
  }

  onSignature(listener: () => void): Stop {
    return this.#signatures.add(listener);
  }

  /** The link stays open. */
  close(): void {
    for (const stop of this.#stops) stop();
    this.#host.close();
    this.#cable.close();
  }

  #over(): void {
    this.#early = false;
    this.#host.comreset();
  }

  #level(level: Level): void {
    // Asleep is idle too: commands stay under way until the phy says that the device is lost.
    if (level === 'COMINIT') this.#over();
    this.#levels.call(level);
    if (this.#early && level.startsWith('SYNC')) this.#signature();
  }

  #signature(): void {
    this.#early = !this.#cable.heard.startsWith('SYNC');
    if (!this.#early) this.#signatures.call();
  }
}

/**
 * The device side of a cable whose host is behind a link: serves a unit's PTI, or a drive. Commands are taken from the
 * unit's signature to the next reset.
 */
export function servePlug(
  plug: Plug,
  link: ChainLink,
  scheduler: Scheduler,
  options: FisChannelOptions & { readonly fis?: FisDeviceOptions },
): { close(): void } {
  const cable = new LinkCable(link, scheduler, options);
  const device = new FisDevice(cable.fises, plug.target, scheduler, { ...options.fis, held: true });
  const stops = [
    plug.wire.onLevel((level) => {
      if (level === 'COMINIT') device.hold();
      cable.transmit(level);
    }),
    plug.onSignature(() => {
      device.hold();
      device.release();
    }),
    cable.onLevel((level) => {
      // COMRESET. Silence may be sleep.
      if (level === 'COMINIT') device.hold();
      plug.wire.transmit(level);
    }),
  ];
  return {
    close() {
      for (const stop of stops) stop();
      device.close();
      cable.close();
      plug.wire.transmit('idle');
    },
  };
}
