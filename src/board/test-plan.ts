import type { LineUse } from './board-faults.ts';
import { lineUses } from './board-faults.ts';
import type { EnrolledChannel } from './channels.ts';
import type { BoardDescription } from './description.ts';
import type { GpioLine } from './gpio-line.ts';

type Of<K extends keyof BoardDescription> = NonNullable<BoardDescription[K]>;

/** A line that the agent takes when it starts, and what for. */
export interface TestedLine extends LineUse {
  readonly use: 'input' | 'output';
  /** What the description calls its safe value, 1 where active. */
  readonly safe?: number;
}

/**
 * What is looked at. Nothing here drives a line: buttons of the host and switches of its disks are taken as they are, read and
 * let go. The one thing that a test may drive, and only where it is told to, is a light.
 */
export type BoardLook =
  | { readonly at: 'machine'; readonly compatible: readonly string[] }
  | { readonly at: 'chip'; readonly label: string; readonly lines: number }
  | { readonly at: 'line'; readonly line: TestedLine }
  | { readonly at: 'reserved'; readonly line: Of<'gpio'>['reserved'][number] }
  /** All lines that are outputs: the same before and after what a restart of the agent does with them. */
  | { readonly at: 'restart'; readonly outputs: readonly TestedLine[] }
  | { readonly at: 'power' }
  | { readonly at: 'disks' }
  | { readonly at: 'memory' }
  | { readonly at: 'channel'; readonly channel: EnrolledChannel }
  | { readonly at: 'light'; readonly channel: EnrolledChannel }
  | { readonly at: 'i2c'; readonly device: Of<'i2c'>[number] }
  | { readonly at: 'uart'; readonly uart: Of<'uarts'>[number] }
  | { readonly at: 'watchdog'; readonly watchdog: Of<'watchdog'> }
  | { readonly at: 'host-interface'; readonly path: string }
  | { readonly at: 'gadget'; readonly controller: string }
  | { readonly at: 'flash'; readonly flash: Of<'flash'> }
  | { readonly at: 'clock' }
  /** The description says that there is none. */
  | { readonly at: 'absent'; readonly why: string };

/** One thing that is proven, or not. */
export interface BoardStep {
  readonly name: string;
  readonly look: BoardLook;
}

const OUTPUT_BUTTONS = ['button powerOut', 'button resetOut', 'button nmiOut'];

/** Every line that the agent takes, with what for, in the order of the file. */
export function testedLines(board: BoardDescription): readonly TestedLine[] {
  const channels = new Map(board.channels.map((channel) => [`channel ${channel.name}`, channel]));
  return lineUses(board).map(({ by, line }) => {
    const channel = channels.get(by);
    const output =
      channel === undefined ? OUTPUT_BUTTONS.includes(by) || by.startsWith('switch of ') : channel.writable;
    return {
      by,
      line,
      use: output ? 'output' : 'input',
      ...(channel?.safe === undefined ? {} : { safe: channel.safe }),
    };
  });
}

/** All that is looked at to prove that a board is what its description says, in the order in which it is done. */
export function planBoardTest(board: BoardDescription, { drive }: { readonly drive: boolean }): BoardStep[] {
  const lines = testedLines(board);
  const outputs = lines.filter(({ use }) => use === 'output');
  const linux = board.adapter === 'linux';
  const onLinux: readonly BoardStep[] = linux
    ? [
        ...orAbsent(
          'machine',
          board.compatible,
          'the description says not how it is recognised',
          (compatible) => [{ name: 'machine', look: { at: 'machine', compatible } }],
        ),
        ...(board.gpio?.chips ?? []).map(
          ({ label, lines: count }): BoardStep => ({
            name: `chip ${label}`,
            look: { at: 'chip', label, lines: count },
          }),
        ),
        ...lines.map((line): BoardStep => ({ name: line.by, look: { at: 'line', line } })),
        ...(board.gpio?.reserved ?? []).map(
          (line): BoardStep => ({
            name: `reserved line ${line.line ?? line.offset}`,
            look: { at: 'reserved', line },
          }),
        ),
        outputs.length > 0
          ? { name: 'restart', look: { at: 'restart', outputs } }
          : { name: 'restart', look: { at: 'absent', why: 'no line of this board is an output' } },
      ]
    : [];
  return [
    ...onLinux,
    linux && board.host?.signals.length === 0
      ? {
          name: 'power',
          look: { at: 'absent', why: 'no signals: the power is unknown, and what needs it is refused' },
        }
      : { name: 'power', look: { at: 'power' } },
    linux && board.host?.disks.length === 0
      ? { name: 'disks', look: { at: 'absent', why: 'this board reaches no disk of its host' } }
      : { name: 'disks', look: { at: 'disks' } },
    ...(linux ? [] : [{ name: 'memory', look: { at: 'memory' } } as const]),
    ...board.channels.flatMap((channel) => onChannel(channel, drive)),
    ...(linux ? onBuses(board) : []),
    { name: 'clock', look: { at: 'clock' } },
  ];
}

/** What is a line, or a UART, is looked at as such. */
function onChannel(channel: EnrolledChannel, drive: boolean): readonly BoardStep[] {
  const { name, at } = channel;
  return [
    ...(at?.on === 'gpio' || at?.on === 'uart'
      ? []
      : [{ name: `channel ${name}`, look: { at: 'channel', channel } } as const]),
    ...(drive && channel.kind === 'led' && channel.writable
      ? [{ name: `light ${name}`, look: { at: 'light', channel } } as const]
      : []),
  ];
}

function onBuses(board: BoardDescription): readonly BoardStep[] {
  const { i2c = [], uarts = [], watchdog, hostInterface, gadget, flash } = board;
  const doors = Object.entries(hostInterface ?? {});
  return [
    ...i2c.map(
      (device): BoardStep => ({
        name: `i2c ${device.bus} 0x${device.address.toString(16)}`,
        look: { at: 'i2c', device },
      }),
    ),
    ...[...uarts, ...enrolledUarts(board)].map(
      (uart): BoardStep => ({ name: `uart ${uart.name}`, look: { at: 'uart', uart } }),
    ),
    ...orAbsent('watchdog', watchdog, 'this board has none', (one) => [
      { name: 'watchdog', look: { at: 'watchdog', watchdog: one } },
    ]),
    ...(doors.length === 0
      ? [
          {
            name: 'host interface',
            look: { at: 'absent', why: 'the host has no way to ask this board as its BMC' },
          } as const,
        ]
      : doors.map(
          ([kind, path]): BoardStep => ({
            name: `host interface ${kind}`,
            look: { at: 'host-interface', path: path ?? '' },
          }),
        )),
    ...orAbsent('gadget', gadget, 'no USB port by which the host could be shown a disk', ({ controller }) => [
      { name: 'gadget', look: { at: 'gadget', controller } },
    ]),
    ...orAbsent('flash', flash, 'its firmware is not ours', (one) => [
      { name: 'flash', look: { at: 'flash', flash: one } },
    ]),
  ];
}

/** Of channels, those that `uarts` has not. */
function enrolledUarts({ channels, uarts = [] }: BoardDescription): readonly Of<'uarts'>[number][] {
  return channels.flatMap(({ name, at }) =>
    at?.on === 'uart' && !uarts.some(({ path }) => path === at.path)
      ? [{ name: `of ${name}`, path: at.path, baud: at.baud, use: 'host-console' as const }]
      : [],
  );
}

function orAbsent<T>(
  name: string,
  part: T | undefined,
  why: string,
  steps: (part: T) => readonly BoardStep[],
): readonly BoardStep[] {
  return part === undefined ? [{ name, look: { at: 'absent', why } }] : steps(part);
}

/** Which line, for people. */
export const lineText = ({ chip, offset, line }: Pick<GpioLine, 'chip' | 'offset' | 'line'>): string =>
  `line ${offset} of ${chip}${line === undefined ? '' : ` (${line})`}`;
