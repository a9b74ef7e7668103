import { milliseconds, NsError, seconds } from '../base/index.ts';
import type { Clock, SerialLine, Stop } from '../ports/index.ts';
import { LineBytes } from './line-bytes.ts';
import { Interrupted, type Talk } from './session.ts';

/** What lies between a console and its line. */
interface TransferConsole {
  readonly line: Pick<SerialLine, 'write' | 'room' | 'onHangUp'>;
  /** Resolves when all that was printed has gone to the line. */
  readonly printed: () => Promise<void>;
  readonly clock: Clock;
}

interface LineWish {
  /**
   * outgoing: the other end only answers, in which there is no Ctrl-C. incoming: a file may have any byte, so that Ctrl-C counts
   * until something of it has come.
   */
  readonly way: 'outgoing' | 'incoming';
  /** Ends it from without. */
  readonly signal: AbortSignal;
}

/** The line, and how to say that the file has begun. */
export interface TakenLine {
  readonly bytes: LineBytes;
  readonly begun: () => void;
}

const CTRL_C = 0x03;
const PRINTING = seconds(30);
/** What the other end's program says last is nobody's command: until it has been silent for so long. */
const SILENT = milliseconds(200);
const LONGEST_REST = seconds(2);

/**
 * Gives the whole line to a file transfer. Rejects as `use` does, with Interrupted at Ctrl-C, with the reason of a signal, and
 * with NS_LINE_STALLED where nobody reads. The console has its line back in any case, and then the Ctrl-C, for the order.
 */
export async function withTransferLine<T>(
  { line, printed, clock }: TransferConsole,
  talk: Pick<Talk, 'raw' | 'signal'>,
  { way, signal }: LineWish,
  use: (taken: TakenLine) => Promise<T>,
): Promise<T> {
  await allPrinted(printed, clock, talk.signal);
  const over = new AbortController();
  const stops = [talk.signal, signal].map((each) => follow(each, over));
  const heard = new Set<(bytes: Uint8Array) => void>();
  const bytes = new LineBytes(
    {
      write: (out) => line.write(out),
      room: (until) => line.room(until),
      onHangUp: (listener) => line.onHangUp(listener),
      onData: (listener) => {
        heard.add(listener);
        return () => heard.delete(listener);
      },
    },
    clock,
    over.signal,
  );
  let began = false;
  let broken = false;
  let last = clock.monotonic();
  const giveBack = talk.raw((came) => {
    last = clock.monotonic();
    const isBreak = way === 'outgoing' ? came.includes(CTRL_C) : !began && came.every((b) => b === CTRL_C);
    if (!isBreak) for (const listener of heard) listener(came);
    else {
      broken = true;
      over.abort(new Interrupted('Ctrl-C'));
    }
  });
  try {
    return await use({
      bytes,
      begun: () => {
        began = true;
      },
    });
  } finally {
    bytes.close();
    await silence(clock, talk.signal, () => last);
    for (const stop of stops) stop();
    giveBack(broken ? Uint8Array.of(CTRL_C) : undefined);
  }
}

function follow(signal: AbortSignal, over: AbortController): Stop {
  const give = (): void => over.abort(signal.reason);
  if (signal.aborted) give();
  signal.addEventListener('abort', give, { once: true });
  return () => signal.removeEventListener('abort', give);
}

async function allPrinted(printed: () => Promise<void>, clock: Clock, signal: AbortSignal): Promise<void> {
  let stop: Stop = () => undefined;
  const late = new Promise<never>((_, reject) => {
    const sentence = 'the terminal does not read what is printed';
    stop = clock.after(PRINTING, () => reject(new NsError('NS_LINE_STALLED', sentence, { family: 'peer' })));
  });
  try {
    await Promise.race([printed(), late]);
  } finally {
    stop();
  }
  signal.throwIfAborted();
}

async function silence(clock: Clock, signal: AbortSignal, last: () => number): Promise<void> {
  const end = clock.monotonic() + LONGEST_REST;
  for (;;) {
    const now = clock.monotonic();
    const wait = Math.min(last() + SILENT, end) - now;
    if (wait <= 0 || signal.aborted) return;
    await clock.sleep(milliseconds(wait), signal).catch(() => undefined);
  }
}
