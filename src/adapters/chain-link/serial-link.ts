import { type Duration, milliseconds } from '../../base/index.ts';
import type { ChainLink } from '../../ports/index.ts';
import { openSerialLine } from '../serial-line.ts';
import type { ByteLine } from './byte-line.ts';
import { ByteLink, type ByteLinkOptions } from './byte-link.ts';
import { closingAfter } from './closing-after.ts';
import { keepLine, RETRY, type RetryRange } from './keep-line.ts';
import { lineBuffer, worstOnLine } from './line-size.ts';
import type { LinkParts } from './socket-link.ts';

export interface SerialLinkOptions {
  /** "/dev/ttyUSB0". */
  readonly path: string;
  readonly baudRate: number;
  readonly rtscts?: boolean;
  readonly keepAlive?: Duration;
  readonly retry?: RetryRange;
  /** A fault kit between the link and the line. */
  readonly wrap?: (line: ByteLine) => ByteLine;
}

/** On the line a byte takes a start bit, eight bits and a stop bit. */
const BITS = 10;
const SMALL_FRAME = 64;
const SILENT_HELLOS = 6;
/** What a USB adapter and two operating systems may add each way. */
const LATENCY_MS = 20;
const LARGEST = 1024;
const LEAST = 128;

/** The time that so many bytes take on the line. */
function lineTime(count: number, baudRate: number): number {
  return (count * BITS * 1000) / baudRate;
}

/** Frames are kept short enough that no hello waits long behind one. */
function serialLinkNumbers(options: SerialLinkOptions): ByteLinkOptions {
  const { baudRate } = options;
  const largestFrame = Math.max(LEAST, Math.min(LARGEST, Math.floor(baudRate / 80)));
  const full = lineTime(lineBuffer(largestFrame), baudRate);
  const keepAlive = options.keepAlive ?? milliseconds(Math.max(250, Math.ceil(full)));
  return {
    name: options.path,
    largestFrame,
    lossless: false,
    roundTrip: milliseconds(Math.ceil(2 * (LATENCY_MS + lineTime(worstOnLine(SMALL_FRAME), baudRate)))),
    queue: { frames: 16, bytes: 2 * largestFrame },
    keepAlive,
    silentHellos: SILENT_HELLOS,
  };
}

/** A unit behind a serial line. The line is opened again and again until the link is closed. */
export function serialLink(options: SerialLinkOptions, parts: LinkParts): ChainLink {
  const numbers = serialLinkNumbers(options);
  const link = new ByteLink(numbers, parts.scheduler);
  const { path, baudRate, rtscts = false, wrap = (line) => line } = options;
  const buffer = lineBuffer(numbers.largestFrame);
  const open = async (): Promise<ByteLine> => wrap(await openSerialLine(path, { baudRate, rtscts, buffer }));
  const kept = keepLine(link, open, parts.clock, parts.log, options.retry ?? RETRY);
  return closingAfter(link, () => kept);
}
