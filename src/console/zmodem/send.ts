import { crc32, hasCode, KiB, NsError, utf8 } from '../../base/index.ts';
import type { LineBytes } from '../line-bytes.ts';
import { cancelled, Faults, type LineTransferOptions, PATIENCE } from '../transfer-faults.ts';
import { binaryHeader, type Escaping, hexHeader, subpacket } from './encode.ts';
import { encodeFileInfo, type ZmodemFile } from './file-info.ts';

import type { ZmodemEvent } from './parser.ts';
import { ZmodemTalk } from './talk.ts';
import { bufferOf, CAN, END, FRAME, flagsOf, LARGEST_FILE } from './wire.ts';

export interface ZmodemSource {
  readonly file: Required<ZmodemFile>;
  /**
   * So many bytes of this file were sent to this receiver before, and are still the same: it may go on after what it has of
   * them. Otherwise a receiver that has a file of that name takes none.
   */
  readonly sentBefore?: number;
  /** Fills the whole of `into`. */
  read(offset: number, into: Uint8Array): Promise<void>;
}

/** What came of an offer: where the receiver began, or that it did not want the file. */
export type ZmodemSent = { readonly is: 'sent'; readonly from: number } | { readonly is: 'skipped' };

const PIECE = KiB;
/** Bytes on their way that nobody has acknowledged: what is thrown away when something was hit. */
const WINDOW = 16 * KiB;
const ACK_EVERY = 4 * KiB;
/** By this a terminal program at the other end knows that it is to start its receiver. */
const CALL = utf8('rz\r');
/** How the file is to be taken, ZF0: as it is; or after a part that is there. */
const BINARY_FILE = 0x0100_0000;
const REST_OF_FILE = 0x0300_0000;

/**
 * Sends one file, or the rest of it after a part that the receiver has. NS_ZMODEM_PART where nothing tells that what it has is
 * the beginning of this file: that stays as it is. NS_LINE_LOST, NS_LINE_CANCELLED, NS_LINE_STALLED, NS_ZMODEM_TOO_LARGE
 * (positions have 32 bits), and what `read` throws: then the other end is told.
 */
export async function sendZmodem(
  line: LineBytes,
  source: ZmodemSource,
  options: LineTransferOptions = {},
): Promise<ZmodemSent> {
  if (source.file.size > LARGEST_FILE) {
    throw new NsError('NS_ZMODEM_TOO_LARGE', 'ZMODEM carries files up to 4 GiB', { family: 'caller' });
  }
  const talk = new ZmodemTalk(line);
  try {
    const sender = new Sender(talk, source, options);
    await sender.meet();
    const sent = await sender.file();
    await sender.leave();
    return sent;
  } catch (error) {
    // A receiver that is cancelled may remove what it has.
    if (!hasCode(error, 'NS_ZMODEM_PART')) talk.cancel();
    throw error;
  }
}

type Header = Extract<ZmodemEvent, { is: 'header' }>;

class Sender {
  readonly #talk: ZmodemTalk;
  readonly #source: ZmodemSource;
  readonly #options: LineTransferOptions;
  readonly #faults = new Faults();
  #how: Escaping = { crc32: false, controls: false };
  /** Bytes that the receiver takes before it wants to be waited for; 0 where it takes all. */
  #buffer = 0;
  #from = 0;
  #acknowledged = 0;

  constructor(talk: ZmodemTalk, source: ZmodemSource, options: LineTransferOptions) {
    this.#talk = talk;
    this.#source = source;
    this.#options = options;
  }

  /** Until the receiver says what it can. */
  async meet(): Promise<void> {
    await this.#talk.send(CALL);
    for (;;) {
      await this.#talk.send(hexHeader({ type: FRAME.ZRQINIT, argument: 0 }));
      const header = await this.#header('the receiver does not begin');
      if (header !== undefined && this.#took(header)) return;
    }
  }

  async file(): Promise<ZmodemSent> {
    const start = await this.#offer();
    if (start === 'skipped') return { is: 'skipped' };
    this.#from = start;
    let at: number | 'skipped' = start;
    for (;;) {
      at = await this.#data(at);
      if (at === 'skipped') return { is: 'skipped' };
      if (at < this.#source.file.size) continue;
      const end = await this.#end();
      if (end === 'done') return { is: 'sent', from: this.#from };
      if (end === 'skipped') return { is: 'skipped' };
      at = end;
    }
  }

  async leave(): Promise<void> {
    for (let tries = 0; tries < 3; tries += 1) {
      await this.#talk.send(hexHeader({ type: FRAME.ZFIN, argument: 0 }));
      if (await this.#answersFin()) break;
    }
    // "Over and out": not answered.
    await this.#talk.send(utf8('OO'));
  }

  /** Passes over what it said before it had our farewell. */
  async #answersFin(): Promise<boolean> {
    for (let others = 0; others < 8; others += 1) {
      const event = await this.#talk.next(this.#patience);
      if (event === undefined) return false;
      if (event.is === 'header' && event.type === FRAME.ZFIN) return true;
    }
    return false;
  }

  get #patience() {
    return this.#options.patience ?? PATIENCE;
  }

  async #header(why: string): Promise<Header | undefined> {
    const event = await this.#talk.next(this.#patience);
    if (event?.is === 'header') {
      if (event.type === FRAME.ZABORT || event.type === FRAME.ZFERR || event.type === FRAME.ZCAN) {
        throw cancelled('the receiver');
      }
      return event;
    }
    this.#faults.add(why);
    return undefined;
  }

  /** True for a ZRINIT. */
  #took(header: Header): boolean {
    if (header.type !== FRAME.ZRINIT) return false;
    const flags = flagsOf(header);
    const overlaps = (flags & CAN.overlappedIo) !== 0;
    this.#how = { crc32: (flags & CAN.crc32) !== 0, controls: (flags & CAN.escapeControls) !== 0 };
    this.#buffer = bufferOf(header) > 0 ? bufferOf(header) : overlaps ? 0 : PIECE;
    return true;
  }

  async #offer(): Promise<number | 'skipped'> {
    const { file } = this.#source;
    const info = encodeFileInfo(file);
    const { sentBefore = 0 } = this.#source;
    const argument = sentBefore > 0 ? REST_OF_FILE : BINARY_FILE;
    /** Bytes that the receiver has held against ours. */
    let judged = 0;
    const offer = async (): Promise<void> => {
      await this.#talk.send(binaryHeader({ type: FRAME.ZFILE, argument }, this.#how));
      await this.#talk.send(subpacket(info, END.ZCRCW, this.#how));
    };
    await offer();
    for (;;) {
      const header = await this.#header('the receiver does not answer the offer');
      switch (header?.type) {
        case FRAME.ZRPOS:
          return await this.#beginning(header.argument, judged);
        case FRAME.ZSKIP:
          return 'skipped';
        case FRAME.ZCRC:
          // 0 asks for all of it: whether the receiver has the file already.
          judged = header.argument;
          if (judged > file.size) await this.#spare('the receiver has a longer file of that name');
          await this.#talk.send(
            hexHeader({
              type: FRAME.ZCRC,
              argument: await this.#checksum(judged === 0 ? file.size : judged),
            }),
          );
          break;
        case FRAME.ZRINIT:
          // What the receiver sent before it had the offer.
          this.#took(header);
          break;
        default:
          await offer();
      }
    }
  }

  /** Where a receiver wants us to begin. */
  async #beginning(position: number, judged: number): Promise<number> {
    const { file, sentBefore = 0 } = this.#source;
    if (position > file.size) await this.#spare('the receiver has a longer file of that name');
    if (position > Math.max(judged, sentBefore))
      await this.#spare(
        `the receiver has ${position} bytes under that name, and nothing tells whether they are of this file`,
      );
    // It has found another checksum, and would write over what it has.
    if (position === 0 && judged > 0)
      await this.#spare('what the receiver has under that name is not the beginning of this file');
    return position;
  }

  /** Leaves what the receiver has as it is. */
  async #spare(why: string): Promise<never> {
    await this.#talk.send(hexHeader({ type: FRAME.ZSKIP, argument: 0 }));
    await this.leave();
    throw new NsError('NS_ZMODEM_PART', why, { family: 'peer' });
  }

  /** Of the first bytes. */
  async #checksum(end: number): Promise<number> {
    let crc = 0;
    for (let at = 0; at < end; at += WINDOW) {
      const piece = new Uint8Array(Math.min(WINDOW, end - at));
      await this.#source.read(at, piece);
      crc = crc32(piece, crc);
    }
    return crc;
  }

  /** A frame of data from here on. Where it goes on: at the end, where the receiver wants it, or after a pause for it. */
  async #data(start: number): Promise<number | 'skipped'> {
    const { size } = this.#source.file;
    let at = start;
    this.#acknowledged = start;
    await this.#talk.send(binaryHeader({ type: FRAME.ZDATA, argument: at }, this.#how));
    do {
      const room = this.#buffer === 0 ? PIECE : Math.min(PIECE, this.#buffer - (at - start));
      const piece = new Uint8Array(Math.min(room, size - at));
      await this.#source.read(at, piece);
      const next = at + piece.byteLength;
      const end = this.#endMark(start, next);
      await this.#talk.send(subpacket(piece, end, this.#how));
      at = next;
      this.#options.onProgress?.(at);
      const asked = await this.#listen(at, end);
      if (asked !== undefined) return asked;
      if (end === END.ZCRCW) return at;
    } while (at < size);
    return at;
  }

  #endMark(start: number, next: number): number {
    if (next === this.#source.file.size) return END.ZCRCE;
    if (this.#buffer > 0) return next - start >= this.#buffer ? END.ZCRCW : END.ZCRCG;
    return Math.floor(next / ACK_EVERY) > Math.floor((next - PIECE) / ACK_EVERY) ? END.ZCRCQ : END.ZCRCG;
  }

  /** What the receiver says meanwhile. Waits where too much is on its way; undefined where all goes on. */
  async #listen(at: number, end: number): Promise<number | 'skipped' | undefined> {
    let wanted: number | 'skipped' | undefined;
    for (;;) {
      const full =
        end === END.ZCRCW
          ? this.#acknowledged < at
          : this.#buffer === 0 && end !== END.ZCRCE && at - this.#acknowledged >= WINDOW;
      const event = full && wanted === undefined ? await this.#talk.next(this.#patience) : this.#talk.poll();
      if (event === undefined) {
        if (!full || wanted !== undefined) return wanted;
        this.#faults.add('the receiver does not acknowledge');
        return this.#acknowledged;
      }
      if (event.is !== 'header') continue;
      if (event.type === FRAME.ZACK && event.argument > this.#acknowledged && event.argument <= at) {
        this.#acknowledged = event.argument;
        this.#faults.progress();
      } else if (event.type === FRAME.ZRPOS && event.argument <= at) {
        this.#faults.add('the receiver finds damage again and again');
        wanted = event.argument;
      } else if (event.type === FRAME.ZSKIP) wanted = 'skipped';
      else if (event.type === FRAME.ZABORT || event.type === FRAME.ZFERR) {
        throw cancelled('the receiver');
      }
    }
  }

  async #end(): Promise<number | 'done' | 'skipped'> {
    const { size } = this.#source.file;
    for (;;) {
      await this.#talk.send(hexHeader({ type: FRAME.ZEOF, argument: size }));
      for (;;) {
        const header = await this.#header('the receiver does not say that it has all');
        if (header === undefined) break;
        if (header.type === FRAME.ZRINIT) return 'done';
        if (header.type === FRAME.ZSKIP) return 'skipped';
        if (header.type === FRAME.ZRPOS && header.argument <= size) {
          this.#faults.add('the receiver finds damage again and again');
          return header.argument;
        }
      }
    }
  }
}
