import { createHash } from 'node:crypto';
import {
  asNsError,
  formatBytes,
  formatDuration,
  NsError,
  refusal,
  seconds,
  toHex,
} from '../../base/index.ts';
import { Interrupted, loadTransfers, type TakenLine, type ZmodemFile } from '../../console/index.ts';
import { parseCount, parseMode, parsePlace } from '../../fleet/index.ts';
import type { ArgsOf } from '../../protocol/index.ts';
import { needsTwoPeople } from '../../security/index.ts';
import { flags, type Hands, onlyOne, optionsIn, showEnd, sure, usage } from './console-hands.ts';
import {
  carryOrder,
  lineEnd,
  patienceOn,
  type TransferGiver,
  type TransferParts,
} from './console-transfer-carry.ts';
import { type FilePart, type FileParts, KEPT_FOR, type PartFile } from './console-transfer-parts.ts';
import { type Errands, type PartServer, servePart, type WholePart } from './console-transfer-serve.ts';
import { refuseOthers } from './console-transfer-words.ts';

type Args = Omit<ArgsOf<'file.download'>, 'size' | 'sha256'>;

const NOTHING = new Uint8Array(createHash('sha256').digest());
const ONLY_THE_FIRST = 'More than one file was sent: the others were not taken.';

interface PutWish {
  readonly args: Args;
  /** By XMODEM, which tells no size. */
  readonly xmodem: number | undefined;
}

function wishOf(words: readonly string[]): PutWish {
  refuseOthers(words);
  const { given, rest } = optionsIn(words, {
    '--replace': 'alone',
    '--parents': 'alone',
    '--replay': 'alone',
    '--mode': 'with',
    '--xmodem': 'alone',
    '--size': 'with',
  });
  const has = (name: string): boolean => given.some(([each]) => each === name);
  const last = (name: string): string | undefined => given.findLast(([each]) => each === name)?.[1];
  const [mode, size] = [last('--mode'), last('--size')];
  const place = parsePlace(onlyOne(rest, 'PATH'));
  if (place.path.endsWith('/'))
    throw usage('name the file too: what the sender calls it does not count here');
  if (has('--xmodem') !== (size !== undefined))
    throw usage('--xmodem goes with --size BYTES, and --size with --xmodem: XMODEM tells no size');
  return {
    args: {
      ...place,
      ...flags(has('--replace'), 'replace'),
      ...flags(has('--parents'), 'parents'),
      ...flags(has('--replay'), 'replay'),
      ...(mode === undefined ? {} : { mode: parseMode(mode) }),
    },
    xmodem: size === undefined ? undefined : parseCount(size, 'number of bytes', 0, Number.MAX_SAFE_INTEGER),
  };
}

/** Takes a file from the program at the other end of the line, and puts it on the host's disk by an order like any other. */
export async function putByLine(
  parts: TransferParts,
  giver: TransferGiver,
  hands: Hands,
  words: readonly string[],
  shelf: FileParts,
  errands: Errands,
): Promise<void> {
  const { talk, device } = hands;
  const { args, xmodem } = wishOf(words);
  // Nobody sends for hours what is refused then.
  const [verb, whole] = ['file.download', { ...args, size: 0, sha256: NOTHING }] as const;
  if (needsTwoPeople({ verb, args: whole }))
    return showEnd(talk, verb, { is: 'refused', refusal: refusal('NEEDS_TWO_PEOPLE') });
  const part = await shelf.open(`${giver.session.name} ${args.volume ?? ''} ${args.path}`);
  if (part === undefined)
    return talk.say('This file is being put there already, by another console or order.');
  let kept = false;
  try {
    if (part.waiting > 0)
      talk.say(`${formatBytes(part.waiting)} of a file for this path are here from before.`);
    else if (!(await mayBePut(parts, giver, args))) return;
    if (args.replace === true && !(await sure(talk, device, 'to replace what is there'))) return;
    if (!(await receive(parts, hands, part, xmodem))) return;
    const came = await part.whole();
    if (came === undefined) return talk.say('The sender has ended before all of the file had come.');
    talk.say(`All ${came.file.size} bytes have come, SHA-256 ${toHex(came.sha256)}.`);
    kept = true;
    await put(parts, giver, args, { part, ...came }, errands);
  } finally {
    if (!kept) await part.close();
  }
}

/** A dry run with an empty file: the same refusals, before anything is sent. */
async function mayBePut(parts: TransferParts, giver: TransferGiver, args: Args): Promise<boolean> {
  const { talk } = giver;
  const dry = { ...args, size: 0, sha256: NOTHING, dryRun: true };
  const end = await carryOrder(parts, giver, 'file.download', dry, { take: () => undefined });
  const note = end.is === 'receipt' && end.receipt.outcome === 'succeeded' ? end.result : undefined;
  if (note === undefined) {
    await showEnd(talk, 'file.download', end);
    return false;
  }
  // Where links lead: what would be refused in the end for that is refused now.
  const real = { ...dry, path: note.path, dryRun: false };
  if (needsTwoPeople({ verb: 'file.download', args: real })) {
    await showEnd(talk, 'file.download', { is: 'refused', refusal: refusal('NEEDS_TOKEN') });
    return false;
  }
  const done = note.effect.changes.map(({ change, path }) => `${change} ${path}`).join(', ');
  talk.say(`It may be put there, on ${note.volume.name}: ${done}.`);
  return true;
}

/** True where the sender has ended well. */
async function receive(
  { line, printer, clock, config }: TransferParts,
  { talk }: Hands,
  part: FilePart,
  xmodem: number | undefined,
): Promise<boolean> {
  const { receiveXmodem, receiveZmodem, withTransferLine } = await loadTransfers();
  const how = xmodem === undefined ? 'ZMODEM' : `XMODEM, ${xmodem} bytes`;
  talk.say(
    `Start the sender of your terminal program now: ${how}. Ctrl-C leaves; once it sends, five times Ctrl-X.`,
  );
  const options = { patience: seconds(patienceOn(config.baud)) };
  const console = { line, printed: () => printer.empty(), clock };
  const wish = { way: 'incoming', signal: talk.signal } as const;
  let first: PartFile | undefined;
  let here = 0;
  let more = false;
  try {
    await withTransferLine(console, talk, wish, async ({ bytes, begun }: TakenLine) => {
      if (xmodem !== undefined) {
        first = { name: '', size: xmodem };
        await part.begin(first);
        await receiveXmodem(bytes, withoutFilling(part, xmodem, begun), options);
        return;
      }
      await receiveZmodem(
        bytes,
        async (file: ZmodemFile) => {
          begun();
          if (first !== undefined) {
            more = true;
            return undefined;
          }
          if (file.size === undefined)
            throw new NsError('NS_ZMODEM_SIZE', 'the sender does not tell the size');
          first = {
            name: file.name,
            size: file.size,
            ...(file.mtime === undefined ? {} : { mtime: file.mtime }),
          };
          const have = await part.begin(first);
          here = have.bytes;
          return { have, write: (at, content) => part.write(at, content), finish: async () => undefined };
        },
        options,
      );
    });
    if (here > 0) talk.say(`${here} bytes of it were here already.`);
    if (more) talk.say(ONLY_THE_FIRST);
    if (first === undefined) talk.say('The sender has sent no file.');
    return first !== undefined;
  } catch (error) {
    await part.save();
    if (talk.signal.aborted && !(talk.signal.reason instanceof Interrupted)) throw error;
    talk.say(
      error instanceof Interrupted
        ? 'The transfer has ended: you have stopped it.'
        : lineEnd(asNsError(error)),
    );
    if (more) talk.say(ONLY_THE_FIRST);
    if (part.waiting > 0 && xmodem === undefined)
      talk.say(
        `${part.waiting} bytes are kept for ${formatDuration(KEPT_FOR)}, or until their room is needed: the same command once more goes on after them. Nothing was written on the host's disk.`,
      );
    else talk.say("Nothing was written on the host's disk.");
    return false;
  }
}

/** Of what XMODEM brings only the file itself. */
function withoutFilling(
  part: FilePart,
  size: number,
  begun: () => void,
): { write(offset: number, content: Uint8Array): Promise<void> } {
  return {
    write: async (offset, content) => {
      begun();
      if (offset >= size)
        throw new NsError('NS_ZMODEM_SIZE', `more comes than ${size} bytes and their filling`, {
          family: 'peer',
        });
      await part.write(offset, content.subarray(0, size - offset));
    },
  };
}

/** The order, served from what has come; it goes on where whoever gave it leaves. */
async function put(
  parts: TransferParts,
  giver: TransferGiver,
  args: Args,
  whole: WholePart,
  errands: Errands,
): Promise<void> {
  const { talk } = giver;
  const { part, file, sha256 } = whole;
  const mtime = file.mtime === undefined ? {} : { mtime: file.mtime };
  let server: PartServer | undefined;
  try {
    const order = { ...args, size: file.size, sha256, ...mtime };
    const end = await carryOrder(parts, giver, 'file.download', order, {
      take: (message) => server?.take(message),
      begin: (id, blocks) => {
        server = servePart(parts, id, whole, blocks.give, errands);
      },
    });
    if (end.is === 'refused') server?.stop();
    await server?.ended;
    await showEnd(talk, 'file.download', end);
    if (end.is === 'receipt' && end.receipt.outcome === 'succeeded') return;
    const time = formatDuration(KEPT_FOR);
    talk.say(
      `What came is kept for ${time}, or until its room is needed: the same command once more need not send it again.`,
    );
  } finally {
    if (server === undefined) await part.close();
  }
}
