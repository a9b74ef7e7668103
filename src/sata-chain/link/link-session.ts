import type { ChainFrame } from '../../ports/index.ts';
import type { Nanoseconds, Scheduler } from '../time.ts';
import { decodePacket, encodePacket, type LinkPacket, PACKET_OVERHEAD } from './frame-codec.ts';
import { SlipDecoder, slipEncode } from './slip.ts';

export interface LinkSessionOptions {
  /** Content of a frame, in bytes. */
  readonly largestFrame: number;
  /** Each side says hello this often. */
  readonly keepAlive: Nanoseconds;
  /** Disconnected after hearing nothing for so many of our own hellos: a program held up for long hears before it judges. */
  readonly silentHellos: number;
  /** A number from 1 to 2^32-1 that was not used lately: random, since a restart forgets. */
  readonly newSession: () => number;
}

/** What a session does to the world. */
export interface LinkSessionHands {
  /** Puts bytes on the line; those that find no room there are lost. */
  write(bytes: Uint8Array): void;
  frame(frame: ChainFrame): void;
  connection(connected: boolean): void;
}

const LAST_SEQUENCE = 0xffff_ffff;
/** Hellos that answer hellos, between two of the regular ones: a hostile line buys no more. */
const ANSWERS = 4;
const BURIED = 8;

/**
 * Makes a ChainLink's promises on a line of bytes that may lose, cut, double or mix them. Connected means: the other
 * end has heard our present session, and speaks. Whoever finds itself disconnected takes another session, so that the
 * pair of sessions in a packet belongs to one connection only, and what is still under way from before is dropped.
 */
export class LinkSession {
  readonly #options: LinkSessionOptions;
  readonly #scheduler: Scheduler;
  readonly #hands: LinkSessionHands;
  readonly #decoder: SlipDecoder;
  #mine: number;
  #sent = 0;
  /** The session connected with. */
  #peer: number | undefined;
  /** While not connected: whom we heard last. */
  #candidate = 0;
  /** Last sequence accepted from the peer. */
  #heard = 0;
  /** Hellos of ours since we last heard the peer or the candidate. */
  #quiet = 0;
  #answers = 0;
  #rejected = 0;
  readonly #buried: number[] = [];
  #stopTimer: (() => void) | undefined;

  constructor(options: LinkSessionOptions, scheduler: Scheduler, hands: LinkSessionHands) {
    this.#options = options;
    this.#scheduler = scheduler;
    this.#hands = hands;
    this.#mine = options.newSession();
    this.#decoder = new SlipDecoder(options.largestFrame + PACKET_OVERHEAD, (packet) => this.#packet(packet));
  }

  get connected(): boolean {
    return this.#peer !== undefined;
  }

  /** Packets that were none, and packets of no use here, since the start. */
  get rejected(): number {
    return this.#rejected + this.#decoder.passedOver;
  }

  /** The line can carry bytes from now on. */
  lineUp(): void {
    if (this.#stopTimer !== undefined) return;
    this.#decoder.reset();
    this.#quiet = 0;
    this.#tick();
  }

  /** The line carries nothing any more. */
  lineDown(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#candidate = 0;
    this.#down();
  }

  received(chunk: Uint8Array): void {
    if (this.#stopTimer !== undefined) this.#decoder.feed(chunk);
  }

  /** The bytes for the line, to be written in this order; only while connected. */
  encode(frame: ChainFrame): Uint8Array {
    return this.#encode(frame.channel, frame.bytes);
  }

  #encode(kind: LinkPacket['kind'], bytes: Uint8Array): Uint8Array {
    this.#sent += 1;
    const to = this.#peer ?? this.#candidate;
    return slipEncode(encodePacket({ kind, from: this.#mine, to, sequence: this.#sent, bytes }));
  }

  #tick(): void {
    const { keepAlive, silentHellos } = this.#options;
    this.#quiet += 1;
    if (this.#quiet > silentHellos) {
      this.#candidate = 0;
      this.#down();
    }
    if (this.#sent > LAST_SEQUENCE - 0x1000_0000) this.#down();
    this.#answers = ANSWERS;
    this.#stopTimer = this.#scheduler.after(keepAlive, () => this.#tick());
    this.#hello();
  }

  #hello(): void {
    this.#hands.write(this.#encode('hello', new Uint8Array(0)));
  }

  #answer(): void {
    if (this.#answers === 0) return;
    this.#answers -= 1;
    this.#hello();
  }

  #packet(bytes: Uint8Array): void {
    if (this.#stopTimer === undefined) return;
    const packet = decodePacket(bytes);
    // Our own session comes back where a line is looped.
    if (packet === undefined || packet.from === 0 || packet.from === this.#mine) this.#rejected += 1;
    else if (this.#peer === undefined) this.#whileAlone(packet);
    else if (packet.from === this.#peer) this.#fromPeer(packet);
    else this.#fromStranger(packet);
  }

  #whileAlone(packet: LinkPacket): void {
    if (packet.to !== this.#mine && packet.kind !== 'hello') return;
    this.#quiet = 0;
    if (packet.to !== this.#mine) {
      this.#candidate = packet.from;
      this.#answer();
      return;
    }
    this.#peer = packet.from;
    this.#heard = packet.sequence;
    this.#hello();
    this.#hands.connection(true);
    if (this.#peer === packet.from) this.#deliver(packet);
  }

  #fromPeer(packet: LinkPacket): void {
    if (packet.sequence <= this.#heard) {
      this.#rejected += 1;
    } else if (packet.to === this.#mine) {
      this.#heard = packet.sequence;
      this.#quiet = 0;
      this.#deliver(packet);
    } else if (packet.kind === 'hello') this.#startAnew(packet.from);
  }

  /** Another session speaks: the peer found itself disconnected or was restarted, unless this comes from long ago. */
  #fromStranger(packet: LinkPacket): void {
    const late = packet.to !== this.#mine && (packet.kind !== 'hello' || this.#buried.includes(packet.from));
    if (late) this.#rejected += 1;
    else this.#startAnew(packet.from);
  }

  #startAnew(candidate: number): void {
    this.#down();
    this.#candidate = candidate;
    this.#answer();
  }

  #deliver(packet: LinkPacket): void {
    if (packet.kind !== 'hello') this.#hands.frame({ channel: packet.kind, bytes: packet.bytes });
  }

  #down(): void {
    if (this.#peer === undefined) return;
    this.#buried.push(this.#peer);
    if (this.#buried.length > BURIED) this.#buried.shift();
    this.#peer = undefined;
    this.#mine = this.#options.newSession();
    this.#sent = 0;
    this.#hands.connection(false);
  }
}
