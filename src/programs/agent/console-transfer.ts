import { asNsError, hours } from '../../base/index.ts';
import type { Clock, LogSink, StateStore, Stop } from '../../ports/index.ts';
import type { TechnicianSession } from '../../security/index.ts';
import type { Hands } from './console-hands.ts';
import type { TransferParts } from './console-transfer-carry.ts';
import type { FileParts } from './console-transfer-parts.ts';
import { SentBefore } from './console-transfer-sent.ts';

interface TransfersOptions {
  readonly store: StateStore;
  readonly clock: Clock;
  readonly log: LogSink;
  /** The largest file that is put, in bytes. */
  readonly largest: number;
  /** Takes what nobody holds, of what tasks claim by name too. */
  readonly tryClaim: (name: string) => (() => void) | undefined;
}

const WHERE =
  'PATH is /DIR/FILE, or VOLUME:/DIR/FILE as "disks" names volumes. Names with blanks stand in quotes.';
const LINE = 'The line has to carry all eight bits of a byte; ZMODEM needs no flow control.';
const SWEEP_EVERY = hours(1);

export const GET_COMMAND = {
  name: 'get',
  says: 'send a file of the host to your terminal program, by ZMODEM',
  usage: 'get [--xmodem] [-stale] PATH',
  details: [
    WHERE,
    'It says when to start the receiver: rz, or what your terminal program has for it. What was cut off goes on by the same command; "rz -U" keeps its part where a transfer ends early.',
    '--xmodem: XMODEM-1K, where there is no ZMODEM. It tells no size, so that filling comes after the end, and goes on nowhere.',
    '-stale: also where the host may hold newer contents in its memory or a hibernation image.',
    LINE,
  ],
};

export const PUT_COMMAND = {
  name: 'put',
  says: 'put a file from your terminal program on the host, by ZMODEM',
  usage: 'put [--replace] [--parents] [--mode 0644] [--replay] [--xmodem --size BYTES] PATH',
  details: [
    WHERE,
    'PATH names the file itself; what the sender calls it does not count. First it is asked whether the file may be put there, then it comes to storage of this device, then it goes on the disk: wholly, or not at all.',
    'It says when to start the sender: sz, or what your terminal program has for it. What was cut off goes on by the same command; a part is kept for a day, or until its room is needed.',
    '--replace: instead of a file that is there; asks for the name of this device. --parents: makes missing directories. --replay: replays a dirty journal first.',
    '--xmodem --size BYTES: XMODEM-1K, where there is no ZMODEM; the size cuts off its filling.',
    LINE,
  ],
};

/** What commands have that move files over the line. */
export interface ConsoleFileParts extends TransferParts {
  readonly transfers: ConsoleTransfers;
}

/** Files over the line of the console. What moves them is loaded by the first of them. */
export class ConsoleTransfers {
  readonly #o: TransfersOptions;
  readonly #sent = new SentBefore();
  readonly #over = new AbortController();
  readonly #errands = new Set<Promise<void>>();
  readonly #stopSweeping: Stop;
  #parts: Promise<FileParts> | undefined;

  constructor(options: TransfersOptions) {
    this.#o = options;
    this.#sweep();
    this.#stopSweeping = options.clock.every(SWEEP_EVERY, () => this.#sweep());
  }

  async get(
    parts: TransferParts,
    session: TechnicianSession,
    hands: Hands,
    words: readonly string[],
  ): Promise<void> {
    const { getByLine } = await import('./console-transfer-get.ts');
    await getByLine(parts, { session, talk: hands.talk }, hands, words, this.#sent);
  }

  async put(
    parts: TransferParts,
    session: TechnicianSession,
    hands: Hands,
    words: readonly string[],
  ): Promise<void> {
    const { putByLine } = await import('./console-transfer-put.ts');
    const errands = { signal: this.#over.signal, add: (errand: Promise<void>) => this.#add(errand) };
    await putByLine(parts, { session, talk: hands.talk }, hands, words, await this.#shelf(), errands);
  }

  /** Parts stay for the next start. */
  async close(): Promise<void> {
    this.#stopSweeping();
    this.#over.abort(new Error('the agent is stopping'));
    await Promise.all(this.#errands);
  }

  #add(errand: Promise<void>): void {
    this.#errands.add(errand);
    void errand.finally(() => this.#errands.delete(errand));
  }

  #shelf(): Promise<FileParts> {
    this.#parts ??= import('./console-transfer-parts.ts').then(({ FileParts }) => new FileParts(this.#o));
    return this.#parts;
  }

  /** Never rejects. */
  #sweep(): void {
    const { store, log } = this.#o;
    const sweep = async (): Promise<void> => {
      const names = await store.names('staged-console-');
      if (names.length > 0) await (await this.#shelf()).sweep();
    };
    sweep().catch((error: unknown) =>
      log.log('warn', 'console.sweep-failed', { error: asNsError(error).message }),
    );
  }
}
