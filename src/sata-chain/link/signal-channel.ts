import type { ChainLink, Stop } from '../../ports/index.ts';
import type { Level, Wire } from '../phy/level.ts';
import { millis, type Nanoseconds, nanoseconds, type Scheduler } from '../time.ts';
import { Listeners } from '../unit/listeners.ts';
import { Timer } from './timer.ts';

const LEVELS: readonly Level[] = [
  'idle',
  'COMINIT',
  'COMWAKE',
  'D10.2',
  'ALIGN1',
  'ALIGN2',
  'ALIGN3',
  'SYNC1',
  'SYNC2',
  'SYNC3',
  'PMREQ_P',
  'PMREQ_S',
  'PMACK',
  'PMNAK',
];
/** Changes that a frame repeats, so that a burst is not missed because its frame was lost. */
const REPEATED = 8;
const LEAST_REFRESH = millis(20);
/**
 * The other end counts as silent when nothing came for so many of our own refreshes: a program that was held up for long
 * hears before it judges.
 */
const SILENT_REFRESHES = 6;

/**
 * The signals of a cable over a link, as the state of each end's transmitter: said at each change and again and again,
 * with the changes before it. A lost frame is made good by the next; a link without frames is a line without signal.
 * A frame: the number of changes since the start (32 bits, big-endian), then up to eight levels, the newest last.
 */
export class SignalChannel implements Wire {
  readonly #link: ChainLink;
  readonly #refresh: Nanoseconds;
  readonly #again: Timer;
  readonly #levels = new Listeners<[Level]>();
  readonly #stops: readonly Stop[];
  readonly #closing = new AbortController();
  /** What we transmitted in this connection, the present level last. */
  #sent: Level[] = ['idle'];
  #changes = 0;
  #waitsForRoom = false;
  /** Refreshes of ours since the last frame of the other end. */
  #quiet = 0;
  #linked = false;
  /** Changes of the other end that we know; undefined before its first frame of this connection. */
  #known: number | undefined;
  #heard: Level = 'idle';

  constructor(link: ChainLink, scheduler: Scheduler) {
    this.#link = link;
    this.#refresh = nanoseconds(Math.max(LEAST_REFRESH, millis(link.capabilities.roundTrip)));
    this.#again = new Timer(scheduler);
    this.#stops = [
      link.onFrame(({ channel, bytes }) => {
        // Where other frames pass, this end's are on their way among them.
        this.#quiet = 0;
        if (channel === 'signal') this.#frame(bytes);
      }),
      link.onConnection((linked) => this.#connection(linked)),
    ];
  }

  /** What the other end's transmitter was last heard to send. */
  get heard(): Level {
    return this.#heard;
  }

  transmit(level: Level): void {
    if (level === this.#sent.at(-1)) return;
    this.#changes = (this.#changes + 1) >>> 0;
    this.#sent.push(level);
    if (this.#sent.length > REPEATED) this.#sent.shift();
    this.#say();
  }

  onLevel(listener: (level: Level) => void): Stop {
    return this.#levels.add(listener);
  }

  /** The link stays open. */
  close(): void {
    this.#closing.abort('closed');
    for (const stop of this.#stops) stop();
    this.#linked = false;
    this.#again.stop();
  }

  #connection(linked: boolean): void {
    this.#linked = linked;
    if (linked) {
      // Bursts of before belong to nobody.
      this.#sent = this.#sent.slice(-1);
      this.#tick();
    } else {
      this.#again.stop();
      this.#lost();
    }
  }

  #say(): void {
    if (!this.#linked) return;
    const bytes = new Uint8Array(4 + this.#sent.length);
    new DataView(bytes.buffer).setUint32(0, this.#changes);
    this.#sent.forEach((level, i) => {
      bytes[4 + i] = LEVELS.indexOf(level);
    });
    if (!this.#link.send({ channel: 'signal', bytes })) this.#awaitRoom();
  }

  #tick(): void {
    this.#quiet += 1;
    if (this.#quiet > SILENT_REFRESHES && this.#known !== undefined) this.#lost();
    this.#say();
    this.#again.restart(this.#refresh, () => this.#tick());
  }

  #awaitRoom(): void {
    if (this.#waitsForRoom) return;
    this.#waitsForRoom = true;
    const again = (): void => {
      this.#waitsForRoom = false;
      this.#say();
    };
    void this.#link.room(this.#closing.signal).then(again, () => undefined);
  }

  #frame(bytes: Uint8Array): void {
    const levels = [...bytes.subarray(4)].map((code) => LEVELS[code]);
    if (levels.length === 0 || levels.length > REPEATED || levels.includes(undefined)) return;
    const changes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    const missed = this.#known === undefined ? 1 : (changes - this.#known) >>> 0;
    this.#known = changes;
    // More than are repeated, or a count that went back: only how it is now is certain.
    const news = missed > levels.length ? levels.slice(-1) : levels.slice(levels.length - missed);
    for (const level of news) if (level !== undefined) this.#hear(level);
  }

  #lost(): void {
    this.#known = undefined;
    this.#hear('idle');
  }

  #hear(level: Level): void {
    if (level === this.#heard) return;
    this.#heard = level;
    this.#levels.call(level);
  }
}
