import type { KernelFiles } from '../../adapters/linux/index.ts';
import { eitherSignal, formatBytes, orAborted, type Refusal, seconds, sentenceOf } from '../../base/index.ts';
import {
  absent,
  type BoardLook,
  type BoardStep,
  boardChannels,
  type EnrolledChannel,
  type Finding,
  type FlashLayout,
  failed,
  judgeLine,
  judgeNumber,
  judgeReserved,
  judgeRestart,
  judgeSignals,
  type LineLook,
  notTried,
  proven,
  type TestedLine,
} from '../../board/index.ts';
import type {
  ChannelValue,
  Clock,
  DriveSwitch,
  HostPower,
  IoDevices,
  MemoryProbe,
  PowerClaim,
} from '../../ports/index.ts';
import { timeText } from '../../show/index.ts';
import * as kernel from './board-test-kernel.ts';
import type { LineTrials } from './board-test-lines.ts';

/** By what a board is looked at: parts of the agent that is at work, or what a program beside it may take for a moment. */
export interface BoardHands {
  readonly clock: Clock;
  /** Seconds since 1970 that have surely passed. */
  readonly released: number;
  /** This machine is another one than the board: nothing of it is taken. */
  readonly foreign?: true;
  readonly files?: KernelFiles;
  /** How each line stood, and whether it did so when it was let go and taken again. */
  readonly trials?: LineTrials;
  readonly look?: (line: Pick<TestedLine['line'], 'chip' | 'offset'>) => Promise<LineLook>;
  readonly signals?: () => Promise<PowerClaim>;
  readonly states?: readonly string[];
  readonly power?: Pick<HostPower, 'read'>;
  readonly switches?: readonly Pick<DriveSwitch, 'disk' | 'position'>[];
  readonly memory?: MemoryProbe;
  readonly io?: Pick<IoDevices, 'read' | 'channels'>;
  /** Why whoever asks may not read a channel. */
  readonly mayNotRead?: (channel: string) => Refusal | undefined;
  readonly write?: (channel: string, value: number) => Promise<void>;
  readonly tryUart?: kernel.UartHands['tryUart'];
  readonly layout?: FlashLayout;
}

/** A slow bus takes ten seconds for the largest memory. */
const ONE_STEP = seconds(30);
const BLINK = seconds(0.5);
const PUTTING_BACK = seconds(2);

/** Does one step, whatever becomes of it. Rejects only where `signal` aborts. */
export async function doStep(step: BoardStep, hands: BoardHands, signal: AbortSignal): Promise<Finding> {
  signal.throwIfAborted();
  const deadline = hands.clock.deadline(ONE_STEP, step.name);
  const either = eitherSignal(signal, deadline.signal);
  const found = finding(step, hands, either.signal);
  try {
    return await orAborted(found, either.signal);
  } catch (error) {
    // What was driven is put back first.
    await Promise.race([
      found.catch(() => undefined),
      hands.clock.sleep(PUTTING_BACK, new AbortController().signal),
    ]);
    signal.throwIfAborted();
    return failed(sentenceOf(error));
  } finally {
    either.release();
    deadline.release();
  }
}

async function finding({ look }: BoardStep, hands: BoardHands, signal: AbortSignal): Promise<Finding> {
  const { files, trials, foreign } = hands;
  if (foreign === true && look.at !== 'machine' && look.at !== 'clock' && look.at !== 'absent')
    return noKernel;
  switch (look.at) {
    case 'absent':
      return absent(look.why);
    case 'chip':
      return chip(look.label, look.lines, hands);
    case 'line': {
      const trial = trials?.get(look.line.by);
      return trial === undefined ? noKernel : judgeLine(look.line, trial);
    }
    case 'reserved':
      return hands.look === undefined ? noKernel : judgeReserved(look.line, await hands.look(look.line));
    case 'restart':
      return trials === undefined ? noKernel : judgeRestart(look.outputs, ({ by }) => trials.get(by));
    case 'power':
      return power(hands, signal);
    case 'disks':
      return disks(hands, signal);
    case 'memory':
      return memory(hands, signal);
    case 'channel':
      return channel(look.channel, hands, signal);
    case 'light':
      return light(look.channel, hands, signal);
    case 'clock':
      return clock(hands);
    default:
      return files === undefined ? noKernel : byKernel(look, files, hands);
  }
}

/** What the kernel alone tells of. */
type KernelLook = Extract<
  BoardLook,
  { readonly at: 'machine' | 'i2c' | 'uart' | 'watchdog' | 'host-interface' | 'gadget' | 'flash' }
>;

async function byKernel(look: KernelLook, files: KernelFiles, hands: BoardHands): Promise<Finding> {
  switch (look.at) {
    case 'machine':
      return kernel.lookAtMachine(look, files);
    case 'i2c':
      return kernel.lookAtI2c(look, files);
    case 'uart':
      return kernel.lookAtUart(look, {
        files,
        ...(hands.tryUart === undefined ? {} : { tryUart: hands.tryUart }),
      });
    case 'watchdog':
      return kernel.lookAtWatchdog(look, files);
    case 'host-interface':
      return kernel.lookAtHostInterface(look, files);
    case 'gadget':
      return kernel.lookAtGadget(look, files);
    case 'flash':
      return kernel.lookAtFlash(look, files, hands.layout);
  }
}

const noKernel = notTried('this machine is another one, and was left alone');

async function chip(label: string, lines: number, { look }: BoardHands): Promise<Finding> {
  if (look === undefined) return noKernel;
  // Asked for the last of its lines, a chip that has fewer says so.
  await look({ chip: label, offset: lines - 1 });
  return proven(`it has ${lines} lines at the least`);
}

async function power({ power, signals, states = [] }: BoardHands, signal: AbortSignal): Promise<Finding> {
  if (signals !== undefined) {
    const { possible, said } = await signals();
    return judgeSignals(possible, said, states);
  }
  if (power === undefined) return notTried("the lines that tell the host's power could not be read");
  const { state, fusion, sources } = await power.read(signal);
  const said = Object.entries(sources)
    .map(([name, says]) => `${name} ${says}`)
    .join(', ');
  if (fusion === 'agreed') return proven(`${state}: ${said}`);
  if (fusion === 'ambiguous') return proven(`the sources agree, and leave several states possible: ${said}`);
  return failed(
    fusion === 'missing' ? `a source does not answer: ${said}` : `they contradict each other: ${said}`,
  );
}

async function disks({ switches = [], power }: BoardHands, signal: AbortSignal): Promise<Finding> {
  if (switches.length === 0) return absent('there is no disk of the host');
  const at = await Promise.all(
    switches.map(async (each) => ({ disk: each.disk, position: await each.position(signal) })),
  );
  const said = at.map(({ disk, position }) => `${disk} ${POSITIONS[position]}`).join(', ');
  if (at.every(({ position }) => position !== 'unknown')) return proven(said);
  // Without a board that is open, its line was not read: what came of that is said there.
  return power === undefined ? notTried(said) : failed(said);
}

const POSITIONS = {
  host: 'with the host',
  ours: 'ours',
  held: 'held from both sides',
  unknown: 'is where nobody can tell',
} as const;

async function memory({ memory, power }: BoardHands, signal: AbortSignal): Promise<Finding> {
  if (memory === undefined) return absent("this board does not reach its host's memory");
  const { spd } = memory.reach((await power?.read(signal))?.state ?? 'unknown');
  if (!spd.ok) return notTried(spd.refusal.sentence);
  const there = (await memory.slots(signal)).filter(({ populated }) => populated);
  for (const { slot } of there) await memory.readSpd(slot, signal);
  return proven(
    there.length === 0 ? 'no modules' : `the SPD of ${there.map(({ slot }) => slot).join(', ')} was read`,
  );
}

async function channel(enrolled: EnrolledChannel, hands: BoardHands, signal: AbortSignal): Promise<Finding> {
  const { name, kind, readable } = enrolled;
  const { io, mayNotRead } = hands;
  if (io?.channels().some((each) => each.name === name) !== true)
    // On a board that is a program the configuration says which channels there are.
    return enrolled.at === undefined
      ? absent('this machine is configured without it')
      : failed('there is no such channel here');
  if (!readable) return notTried('it can only be written');
  // Reading it would take from whoever waits for it what the other end said.
  if (kind === 'uart') return proven('its line is open');
  const why = mayNotRead?.(name);
  if (why !== undefined) return notTried(`${why.code}: ${why.sentence}`);
  const { at } = enrolled;
  // An agent that looks at its own board has these open itself.
  if (
    hands.tryUart !== undefined &&
    hands.files !== undefined &&
    (at?.on === 'gnss' || at?.on === 'camera')
  ) {
    const holders = await kernel.holdersOf(at.path, hands.files);
    if (holders.length > 0) return notTried(`${at.path} is held by ${holders.join(', ')}`);
  }
  const value = await io.read(name, signal);
  return typeof value === 'number' ? judgeNumber(enrolled, value) : bytesFinding(enrolled, value);
}

async function bytesFinding(enrolled: EnrolledChannel, bytes: Uint8Array): Promise<Finding> {
  const { kind, at } = enrolled;
  const size = formatBytes(bytes.byteLength);
  switch (kind) {
    case 'camera':
      return bytes[0] === 0xff && bytes[1] === 0xd8
        ? proven(`a picture of ${size}`)
        : failed(`${size}, and no picture`);
    case 'gnss':
      return bytes.byteLength === 0
        ? notTried('the receiver has said nothing yet')
        : bytes.includes(0x24)
          ? proven(`sentences of ${size}`)
          : failed(`${size}, and no sentence of NMEA`);
    case 'eeprom':
      break;
    default:
      return proven(size);
  }
  if (at?.on === 'eeprom' && bytes.byteLength !== at.bytes)
    return failed(`it has ${bytes.byteLength} bytes, not ${at.bytes}`);
  const { contentsOf } = await import('./channel-contents.ts');
  const [told] = boardChannels({ channels: [enrolled] }).map((each) => contentsOf(each, bytes));
  const empty = bytes.every((byte) => byte === bytes[0]) && (bytes[0] === 0xff || bytes[0] === 0);
  if (told === undefined) return proven(empty ? `${size}, empty` : size);
  // The chip answers: what it is to hold is written by whoever makes the board.
  if (empty) return proven(`${size}, EMPTY: no ${told.as.toUpperCase()} was written there yet`);
  return told.problems.length > 0
    ? failed(`what it holds (${told.as.toUpperCase()}) is damaged: ${told.problems.join('; ')}`)
    : proven(`${size}, ${told.as.toUpperCase()}, whose sums are right`);
}

/** Shows the other value for a moment, and puts back what was there, whatever comes. */
async function light(
  { name, at }: EnrolledChannel,
  { io, write, clock, files }: BoardHands,
  signal: AbortSignal,
): Promise<Finding> {
  if (io === undefined || write === undefined) return notTried('there is no such channel here');
  const trigger =
    at?.on === 'led' ? await files?.text(`/sys/class/leds/${at.led}/trigger`).catch(() => '') : '';
  const by = /\[(?!none\])([^\]]+)\]/.exec(trigger ?? '')?.[1];
  if (by !== undefined) return notTried(`the kernel itself drives it ("${by}")`);
  const was = asNumber(await io.read(name, signal));
  const other = was === 0 ? 1 : 0;
  let shown: number;
  try {
    await write(name, other);
    await clock.sleep(BLINK, signal);
    shown = asNumber(await io.read(name, signal));
  } finally {
    await write(name, was);
  }
  const now = asNumber(await io.read(name));
  if (shown !== other) return failed(`told ${other}, it read ${shown}`);
  return now === was
    ? proven(`${was}, ${other}, and ${was} again`)
    : failed(`it was ${was}, and is ${now} now`);
}

const asNumber = (value: ChannelValue): number => (typeof value === 'number' ? value : Number.NaN);

async function clock({ clock, released }: BoardHands): Promise<Finding> {
  const now = clock.wallSeconds();
  return now >= released
    ? proven(timeText(now))
    : absent(`it says ${timeText(now)}, before this program was made: nothing here keeps time without power`);
}
