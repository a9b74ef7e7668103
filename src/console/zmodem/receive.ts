import { type Duration, hasCode, KiB, milliseconds, NsError, seconds } from '../../base/index.ts';
import type { LineBytes } from '../line-bytes.ts';
import { cancelled, Faults, type LineTransferOptions, PATIENCE } from '../transfer-faults.ts';
import { hexHeader } from './encode.ts';
import { decodeFileInfo, type ZmodemFile } from './file-info.ts';

import type { ZmodemEvent } from './parser.ts';
import { ZmodemTalk } from './talk.ts';
import { CAN, END, FRAME, readyArgument } from './wire.ts';

/** Where a file goes that somebody sends. */
export interface ZmodemSink {
  /**
   * What is there of an earlier session, and its CRC-32. The sender goes on after it, where it says that its file begins so;
   * otherwise all of it comes again.
   */
  readonly have?: { readonly bytes: number; readonly crc32: number } | undefined;
  /** In order, without gaps, from 0 or from the end of what is there. */
  write(offset: number, content: Uint8Array): Promise<void>;
  /** The sender has said that this was all. */
  finish(size: number): Promise<void>;
}

/** Bytes that may come before the sender waits for us. */
const BUFFER = 16 * KiB;
const READY = readyArgument(CAN.fullDuplex | CAN.overlappedIo | CAN.crc32, BUFFER);
const OVER_AND_OUT = milliseconds(500);
const FIRST_WORD = seconds(1);
/** Of files that nobody wants: "sz *" in a full directory, and still an end. */
const MOST_OTHERS = 1024;
/** A sender that does not know of checksums does not answer. */
const CHECKSUM_TRIES = 3;

/**
 * Receives files until the sender has no more. `take` is asked of each, and gives no sink for what is not wanted. How many
 * were taken. NS_LINE_LOST, NS_LINE_CANCELLED, NS_LINE_STALLED, and what a sink throws: then the sender is told. What
 * the sink got until then stays its own.
 */
export async function receiveZmodem(
  line: LineBytes,
  take: (file: ZmodemFile) => Promise<ZmodemSink | undefined>,
  options: LineTransferOptions = {},
): Promise<number> {
  const talk = new ZmodemTalk(line);
  try {
    return await new Receiver(talk, take, options).run();
  } catch (error) {
    talk.cancel();
    throw error;
  }
}

function unlessLost(error: unknown): undefined {
  if (!hasCode(error, 'NS_LINE_LOST')) throw error;
}

type Header = Extract<ZmodemEvent, { is: 'header' }>;

class Receiver {
  readonly #talk: ZmodemTalk;
  readonly #take: (file: ZmodemFile) => Promise<ZmodemSink | undefined>;
  readonly #options: LineTransferOptions;
  readonly #faults = new Faults();
  #sink: ZmodemSink | undefined;
  #at = 0;
  #files = 0;
  /** What was offered last and is not wanted, and how many such files there were. */
  #other: string | undefined;
  #others = 0;
  /** A header that came where content was expected. */
  #early: Header | undefined;

  constructor(
    talk: ZmodemTalk,
    take: (file: ZmodemFile) => Promise<ZmodemSink | undefined>,
    options: LineTransferOptions,
  ) {
    this.#talk = talk;
    this.#take = take;
    this.#options = options;
  }

  async run(): Promise<number> {
    const patience = this.#options.patience ?? PATIENCE;
    this.#early = await this.#firstWord(patience);
    if (this.#early === undefined) await this.#askAgain();
    for (;;) {
      const event = this.#early ?? (await this.#talk.next(patience));
      this.#early = undefined;
      if (event?.is === 'header') {
        if (await this.#header(event)) return this.#files;
      } else if (event?.is !== 'data') {
        // Content without a frame is the rest of one that was hit.
        this.#faults.add(event === undefined ? 'the sender is silent' : 'what comes is damaged');
        await this.#askAgain();
      }
    }
  }

  /** A sender that begins at once is not called: sz takes a second call for noise, and sits still for ten seconds. */
  async #firstWord(patience: Duration): Promise<Header | undefined> {
    const event = await this.#talk.next(patience < FIRST_WORD ? patience : FIRST_WORD);
    return event?.is === 'header' ? event : undefined;
  }

  /** What we want now: a file, or the rest of one. */
  #askAgain(): Promise<void> {
    return this.#sink === undefined ? this.#say(FRAME.ZRINIT, READY) : this.#say(FRAME.ZRPOS, this.#at);
  }

  #say(type: number, argument: number): Promise<void> {
    return this.#talk.send(hexHeader({ type, argument }));
  }

  /** True where the sender has taken its leave. */
  async #header(header: Header): Promise<boolean> {
    switch (header.type) {
      case FRAME.ZFILE:
        await this.#offered();
        return false;
      case FRAME.ZDATA:
        await this.#data(header.argument);
        return false;
      case FRAME.ZEOF:
        await this.#ended(header.argument);
        return false;
      case FRAME.ZSINIT:
        this.#faults.add('the sender only speaks of itself');
        // What would interrupt the sender: nothing needs to, here.
        if ((await this.#content()) !== undefined) await this.#say(FRAME.ZACK, 1);
        return false;
      case FRAME.ZFREECNT:
        this.#faults.add('the sender only asks for room');
        await this.#say(FRAME.ZACK, 0xffff_ffff);
        return false;
      case FRAME.ZFIN:
        await this.#say(FRAME.ZFIN, 0);
        // Where its owner takes the line away at once, all is here too.
        await this.#talk.farewell(OVER_AND_OUT).catch(unlessLost);
        return true;
      case FRAME.ZCOMMAND:
        throw new NsError('NS_ZMODEM_COMMAND', 'the sender wants a command to be run, which is never done', {
          family: 'peer',
        });
      case FRAME.ZABORT:
      case FRAME.ZFERR:
      case FRAME.ZCAN:
        throw cancelled('the sender');
      default:
        this.#faults.add('the sender says what is no part of this');
        await this.#askAgain();
        return false;
    }
  }

  async #content(): Promise<{ readonly content: Uint8Array; readonly end: number } | undefined> {
    const event = await this.#talk.next(this.#options.patience ?? PATIENCE);
    if (event?.is === 'data') return event;
    this.#faults.add(event === undefined ? 'the sender is silent' : 'what comes is damaged');
    if (event?.is === 'header') this.#early = event;
    else await this.#askAgain();
    return undefined;
  }

  async #offered(): Promise<void> {
    const info = await this.#content();
    if (info === undefined) return;
    // The same offer once more: our answer was lost.
    if (this.#sink !== undefined) {
      this.#faults.add('the sender only offers');
      return this.#say(FRAME.ZRPOS, this.#at);
    }
    const file = decodeFileInfo(info.content);
    const sink = file === undefined ? undefined : await this.#take(file);
    if (sink === undefined) return this.#skip(file?.name);
    this.#at = (await this.#isBeginning(sink.have)) ? (sink.have?.bytes ?? 0) : 0;
    this.#sink = sink;
    this.#faults.progress();
    await this.#say(FRAME.ZRPOS, this.#at);
  }

  /** The next file is the sender's progress; the same one again is not. */
  #skip(name: string | undefined): Promise<void> {
    this.#others += 1;
    if (name === undefined || name === this.#other || this.#others > MOST_OTHERS)
      this.#faults.add('the sender offers what is not taken');
    else this.#faults.progress();
    this.#other = name;
    return this.#say(FRAME.ZSKIP, 0);
  }

  /** Whether the sender says that its file begins with what is there. */
  async #isBeginning(have: ZmodemSink['have']): Promise<boolean> {
    if (have === undefined || have.bytes === 0) return false;
    for (let tries = 0; tries < CHECKSUM_TRIES; tries += 1) {
      await this.#say(FRAME.ZCRC, have.bytes);
      // Offers that it sent again meanwhile are passed over.
      for (let others = 0; others < CHECKSUM_TRIES; others += 1) {
        const event = await this.#talk.next(this.#options.patience ?? PATIENCE);
        if (event === undefined) break;
        if (event.is === 'header' && event.type === FRAME.ZCRC) return event.argument === have.crc32;
      }
    }
    return false;
  }

  async #data(position: number): Promise<void> {
    if (this.#sink === undefined || position !== this.#at) {
      this.#faults.add('the sender goes on at another place');
      return this.#askAgain();
    }
    for (;;) {
      const piece = await this.#content();
      if (piece === undefined) return;
      const { content, end } = piece;
      if (content.byteLength > 0) {
        await this.#sink.write(this.#at, content);
        this.#at += content.byteLength;
        this.#faults.progress();
        this.#options.onProgress?.(this.#at);
      } else this.#faults.add('the sender sends empty pieces');
      if (end === END.ZCRCQ || end === END.ZCRCW) await this.#say(FRAME.ZACK, this.#at);
      if (end === END.ZCRCE || end === END.ZCRCW) return;
    }
  }

  async #ended(position: number): Promise<void> {
    // An end that does not fit is one that overtook a request of ours for something that was hit.
    if (this.#sink !== undefined && position === this.#at) {
      await this.#sink.finish(position);
      this.#sink = undefined;
      this.#files += 1;
      this.#faults.progress();
    } else {
      this.#faults.add(
        `the sender ends ${this.#sink === undefined ? 'no file' : 'the file at another place'}`,
      );
    }
    await this.#askAgain();
  }
}
