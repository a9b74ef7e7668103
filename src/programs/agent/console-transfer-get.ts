import {
  asNsError,
  equalBytes,
  formatBytes,
  formatDuration,
  hasCode,
  NsError,
  seconds,
} from '../../base/index.ts';
import { Interrupted, LeftConsole, loadTransfers, type OfferedFile, sevenBits } from '../../console/index.ts';
import { baseName, parsePlace } from '../../fleet/index.ts';
import type { ArgsOf } from '../../protocol/index.ts';
import { flags, type Hands, onlyOne, optionsIn, showEnd } from './console-hands.ts';
import type { OfferNote, OrderEnd } from './console-orders.ts';
import {
  carryOrder,
  lineEnd,
  patienceOn,
  secondsFor,
  type TransferGiver,
  type TransferParts,
} from './console-transfer-carry.ts';
import type { SentBefore } from './console-transfer-sent.ts';
import { ONE_FILE, refuseOthers } from './console-transfer-words.ts';

type Args = ArgsOf<'file.upload'>;
type Way = 'zmodem' | 'xmodem';

/** What became of the line's part. */
type LineResult =
  | { readonly is: 'sent'; readonly from: number; readonly endAnswered?: boolean }
  | { readonly is: 'skipped' }
  /** The order has ended, or somebody has ended it: its receipt says how. */
  | { readonly is: 'over' }
  | { readonly is: 'failed'; readonly error: NsError };

/** Sends a file of the host's disk to the program at the other end of the line. */
export async function getByLine(
  parts: TransferParts,
  giver: TransferGiver,
  hands: Hands,
  words: readonly string[],
  sent: SentBefore,
): Promise<void> {
  refuseOthers(words);
  const { given, rest } = optionsIn(words, { '--xmodem': 'alone', '-stale': 'alone', '--stale-ok': 'alone' });
  const has = (name: string): boolean => given.some(([each]) => each === name);
  const args: Args = {
    ...parsePlace(onlyOne(rest, 'PATH')),
    ...flags(has('-stale') || has('--stale-ok'), 'staleOk'),
  };
  await new Get(parts, giver, hands, args, has('--xmodem') ? 'xmodem' : 'zmodem', sent).run();
}

class Get {
  readonly #parts: TransferParts;
  readonly #giver: TransferGiver;
  readonly #hands: Hands;
  readonly #args: Args;
  readonly #way: Way;
  readonly #sent: SentBefore;
  /** Ends the line's part where the order ends before it. */
  readonly #over = new AbortController();

  constructor(
    parts: TransferParts,
    giver: TransferGiver,
    hands: Hands,
    args: Args,
    way: Way,
    sent: SentBefore,
  ) {
    this.#parts = parts;
    this.#giver = giver;
    this.#hands = hands;
    this.#args = args;
    this.#way = way;
    this.#sent = sent;
  }

  async run(): Promise<void> {
    const { talk } = this.#hands;
    const { OfferedFile } = await loadTransfers();
    let file: OfferedFile | undefined;
    let give: ConstructorParameters<typeof OfferedFile>[1] = () => undefined;
    let line: Promise<LineResult> | undefined;
    const ended = carryOrder(this.#parts, this.#giver, 'file.upload', this.#args, {
      quiet: true,
      begin: (_, blocks) => {
        give = blocks.give;
      },
      take: (message) => file?.take(message),
      offered: (offer) => {
        file = new OfferedFile(offer, give, this.#over.signal);
        line ??= this.#overLine(file, offer);
      },
    });
    const finish = (): void => this.#over.abort(new NsError('NS_ORDER_ENDED', 'the order has ended'));
    ended.then(finish, finish);
    const end = await ended.catch(async (error: unknown) => {
      // Whoever was there has gone: the line's part ends too, and the task with it.
      await line;
      throw error;
    });
    const result = await line;
    if (result === undefined) {
      await showEnd(talk, 'file.upload', end);
      if (isOf(end, 'IS_A_DIRECTORY')) talk.say(ONE_FILE);
    } else await this.#tell(result, end, file!);
  }

  /** Never rejects. Tells the task where it gets no further. */
  async #overLine(file: OfferedFile, offer: OfferNote): Promise<LineResult> {
    try {
      const before = await this.#before(file, offer);
      this.#invite(file.size, before);
      const result = await this.#transfer(file, offer, before);
      if (result.is === 'skipped') file.stop('the receiver does not take the file');
      else {
        await file.sha256();
        file.end();
      }
      return result;
    } catch (error) {
      // Then the order is asked to stop, and says how it ended.
      if (error instanceof Interrupted) return { is: 'over' };
      const fault = asNsError(error);
      file.stop(error instanceof LeftConsole ? 'whoever was at the console has gone' : fault.sentence);
      return hasCode(error, 'NS_ORDER_ENDED') ? { is: 'over' } : { is: 'failed', error: fault };
    }
  }

  /** How much of this file went to this technician before, where it still is the same. */
  async #before(file: OfferedFile, offer: OfferNote): Promise<number> {
    const known = this.#way === 'zmodem' ? this.#sent.of(this.#key, offer) : undefined;
    if (known === undefined) return 0;
    if (await file.begins(known.mark)) return known.sent;
    this.#hands.talk.say('The file on the host is not any more what was sent of it before.');
    return 0;
  }

  get #key(): string {
    const { volume = '', path } = this.#args;
    return `${this.#giver.session.name} ${volume} ${path}`;
  }

  #invite(size: number, before: number): void {
    const { talk } = this.#hands;
    const { baud } = this.#parts.config;
    const time = formatDuration(seconds(secondsFor(size - before, baud)));
    talk.say(
      `${sevenBits(this.#args.path)}: ${size} bytes (${formatBytes(size)}), up to ${time} at ${baud} bit/s.`,
    );
    if (before > 0)
      talk.say(`${before} bytes of it were sent before: the receiver goes on after what it has.`);
    const how =
      this.#way === 'xmodem'
        ? 'Start the receiver of your terminal program now: XMODEM with CRC.'
        : `Start the receiver of your terminal program now: ZMODEM. The file comes as "${nameFor(this.#args.path)}".`;
    talk.say(`${how} Ctrl-C leaves.`);
  }

  async #transfer(file: OfferedFile, offer: OfferNote, sentBefore: number): Promise<LineResult> {
    const { line, printer, clock, config } = this.#parts;
    const { talk } = this.#hands;
    const { sendXmodem, sendZmodem, withTransferLine } = await loadTransfers();
    const patience = seconds(patienceOn(config.baud));
    let at = 0;
    let moved = true;
    const onProgress = (done: number): void => {
      at = Math.max(at, done);
      moved = true;
    };
    // What fills the line slowly is progress to the task too; what does not move is none.
    const stop = clock.every(seconds(10), () => {
      if (moved || at === 0) file.stillHere();
      moved = false;
    });
    const read = (offset: number, into: Uint8Array): Promise<void> => file.read(offset, into);
    const console = { line, printed: () => printer.empty(), clock };
    const wish = { way: 'outgoing', signal: this.#over.signal } as const;
    try {
      return await withTransferLine(console, talk, wish, async ({ bytes }) => {
        if (this.#way === 'xmodem') {
          const { endAnswered } = await sendXmodem(
            bytes,
            { size: file.size, read },
            { patience, onProgress },
          );
          return { is: 'sent', from: 0, endAnswered };
        }
        const info = { name: nameFor(this.#args.path), size: file.size, mtime: offer.mtime, mode: 0o600 };
        return await sendZmodem(bytes, { file: info, sentBefore, read }, { patience, onProgress });
      });
    } finally {
      stop();
      const sent = Math.max(at, sentBefore);
      const mark = this.#way === 'zmodem' && sent > 0 ? file.markAt(sent) : undefined;
      if (mark !== undefined) this.#sent.keep(this.#key, offer, { sent, mark });
    }
  }

  async #tell(result: LineResult, end: OrderEnd<'file.upload'>, file: OfferedFile): Promise<void> {
    const { talk } = this.#hands;
    const signed =
      end.is === 'receipt' && end.receipt.outcome === 'succeeded' ? end.result?.sha256 : undefined;
    if (result.is === 'failed') talk.say(lineEnd(result.error));
    if (result.is === 'skipped')
      talk.say(
        `The receiver has a file "${nameFor(this.#args.path)}" already and does not take another: remove or rename it there, and get this one again.`,
      );
    await showEnd(talk, 'file.upload', end);
    if (result.is !== 'sent') return this.#tellHowToGoOn(result);
    if (signed === undefined || !equalBytes(await file.sha256(), signed)) {
      this.#sent.forget(this.#key);
      talk.say('What the receiver has is NOT this file: remove it there.');
      return;
    }
    this.#sent.forget(this.#key);
    if (this.#way === 'xmodem') return talk.say(filling(file.size, result.endAnswered === true));
    const held = result.from > 0 ? `, ${result.from} of them from before` : '';
    talk.say(
      `The receiver has said that it has all ${file.size} bytes${held}. "sha256sum" there shows the hash above.`,
    );
  }

  #tellHowToGoOn({ is }: LineResult): void {
    const known = this.#sent.has(this.#key);
    if (is === 'skipped' || !known) return;
    this.#hands.talk.say('The same command once more goes on after what the receiver has kept.');
  }
}

function isOf(end: OrderEnd<'file.upload'>, code: string): boolean {
  const why = end.is === 'refused' ? end.refusal : end.receipt.refusal;
  return why?.code === code;
}

/** A name that moves no cursor and leads nowhere, for the receiver's disk. */
function nameFor(path: string): string {
  const name = (baseName(path) ?? 'file').replaceAll(/[^\w.+=@, -]/g, '_').slice(0, 100);
  return /^[.-]/.test(name) ? `_${name}` : name;
}

/** XMODEM tells no size. */
function filling(size: number, endAnswered: boolean): string {
  const rest = size % 128 === 0 ? 0 : 128 - (size % 128);
  const all = `The receiver has acknowledged all ${size} bytes${endAnswered ? '' : ', and not answered that this was the end'}`;
  return rest === 0
    ? `${all}. "sha256sum" there shows the hash above.`
    : `${all}. After them it has ${rest} of filling; "truncate -s ${size} FILE" cuts them off, and then "sha256sum" shows the hash above.`;
}
