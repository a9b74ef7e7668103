import { asNsError, seconds, Turns, toHex } from '../../base/index.ts';
import type { Lockout } from '../../bmc/index.ts';
import type { Clock, HostMedia, HostPower, LogSink, StateStore, Stop } from '../../ports/index.ts';
import type { StagedNames } from '../file/staging.ts';
import { decodeOffer, encodeOffer, type MediaOffer, stepOf } from './media-record.ts';

export interface MediaDeskParts {
  readonly port: HostMedia;
  readonly store: StateStore;
  /** Where a file of the store is, for the kernel. */
  readonly pathOf: (name: string) => string;
  readonly power: Pick<HostPower, 'read' | 'onChange'>;
  readonly lockout: Pick<Lockout, 'enabled'>;
  readonly clock: Clock;
  readonly log: LogSink;
  /** An offer ended by itself, and why. */
  readonly onTakenBack: (offer: MediaOffer, why: string) => void;
}

const DOCUMENT = 'media';
const PREFIX = 'media-';
/** However the machine is disabled, or the power is lost sight of, it is seen after this. */
const LOOK = seconds(1);

/**
 * The one image that may be offered to the host: kept over restarts, shown while it stands, and taken back once the host
 * has started with it and is down again, or the machine is disabled.
 */
export class MediaDesk {
  readonly #parts: MediaDeskParts;
  readonly #turns = new Turns();
  readonly #stops: Stop[] = [];
  #offer: MediaOffer | undefined;
  #failed: string | undefined;
  #lookWaits = false;

  private constructor(parts: MediaDeskParts) {
    this.#parts = parts;
  }

  /** A port that fails keeps no device from starting: it is told of, and tried again. */
  static async open(parts: MediaDeskParts): Promise<MediaDesk> {
    const desk = new MediaDesk(parts);
    const bytes = await parts.store.readDocument(DOCUMENT);
    desk.#offer = bytes && decodeOffer(bytes);
    // What is shown and stands nowhere is nobody's.
    if (desk.#offer === undefined) await desk.#quietly(() => parts.port.take());
    await desk.#look();
    desk.#stops.push(
      parts.power.onChange(() => void desk.#look()),
      parts.clock.every(LOOK, () => void desk.#look()),
    );
    return desk;
  }

  get offer(): MediaOffer | undefined {
    return this.#offer;
  }

  async isShown(): Promise<boolean> {
    return this.#offer !== undefined && (await this.#parts.port.shown()) !== undefined;
  }

  /** Where the bytes of an image are kept. */
  namesOf(sha256: Uint8Array): StagedNames {
    const content = `${PREFIX}${toHex(sha256)}`;
    return { content, map: `${content}.map` };
  }

  /** Shows the image, whose bytes are here, from now on. NS_MEDIA: then it is not offered. */
  give(offer: MediaOffer): Promise<void> {
    return this.#turns.take(async () => {
      const { port, store, pathOf } = this.#parts;
      await store.writeDocument(DOCUMENT, encodeOffer(offer));
      this.#offer = offer;
      try {
        await port.show(pathOf(this.namesOf(offer.sha256).content));
      } catch (error) {
        await this.#forget();
        throw error;
      }
    });
  }

  /** Bytes that are kept are those of an image that is about to be offered. NS_MEDIA where what is shown stays: then the offer stands. */
  withdraw(keep?: StagedNames): Promise<void> {
    return this.#turns.take(() => this.#takeAway(keep));
  }

  /** The offer stands over the agent's end: the kernel shows it on. */
  async close(): Promise<void> {
    for (const stop of this.#stops) stop();
    await this.#turns.idle();
  }

  /** One look waits at the most, however long the port takes. */
  async #look(): Promise<void> {
    if (this.#offer === undefined || this.#lookWaits) return;
    this.#lookWaits = true;
    await this.#turns.take(() => {
      this.#lookWaits = false;
      return this.#quietly(() => this.#step());
    });
  }

  async #step(): Promise<void> {
    const { port, store, pathOf, power, lockout, onTakenBack } = this.#parts;
    const offer = this.#offer;
    if (offer === undefined) return;
    const shown = (await port.shown()) !== undefined;
    const now = await power.read().catch(() => undefined);
    switch (stepOf(offer, { enabled: lockout.enabled, shown, power: now })) {
      case 'keep':
        break;
      case 'note-start':
        this.#offer = { ...offer, started: true };
        await store.writeDocument(DOCUMENT, encodeOffer(this.#offer));
        break;
      case 'show':
        await port.show(pathOf(this.namesOf(offer.sha256).content));
        break;
      case 'take-back':
        await this.#takeAway();
        onTakenBack(offer, lockout.enabled ? 'the host has started with it' : 'the machine is disabled');
        break;
    }
    this.#failed = undefined;
  }

  async #takeAway(keep?: StagedNames): Promise<void> {
    await this.#parts.port.take();
    await this.#forget(keep);
  }

  async #forget(keep?: StagedNames): Promise<void> {
    const { store } = this.#parts;
    await store.remove(DOCUMENT);
    this.#offer = undefined;
    for (const name of await store.names(PREFIX))
      if (name !== keep?.content && name !== keep?.map) await store.remove(name);
  }

  async #quietly(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      const { message } = asNsError(error, 'NS_MEDIA');
      if (message !== this.#failed) this.#parts.log.log('warn', 'media.failed', { error: message });
      this.#failed = message;
    }
  }
}
