import type { ByteView, Duration } from '../../../base/index.ts';
import type { Clock } from '../../../ports/index.ts';
import { decodeBootFlags, encodeBootFlags } from '../../commands/boot-flags.ts';
import { BOOT_PARAMETER, decodeBootOption, encodeBootOption } from '../../commands/boot-option.ts';
import { getSystemBootOptions } from '../../commands/get-system-boot-options.ts';
import { setSystemBootOptions } from '../../commands/set-system-boot-options.ts';
import { flag } from '../../wire/bits.ts';
import { type BmcCommand, Completion } from '../command.ts';
import { COMPLETION } from '../dispatch.ts';
import { type BootFlagsLife, ORDER_WITHIN } from './boot-flags-life.ts';
import { OPERATOR_OR_HOST, serve, valid } from './serve.ts';

const VERSION = 0x01;
const INVALID = 0x80;
/** Codes of these commands' own. */
const NO_SUCH_PARAMETER = 0x80;
const IN_PROGRESS = 0x81;

const PROGRESS = { complete: 0, inProgress: 1 } as const;
const INITIATOR_SIZE = 9;
const MAILBOX_BLOCK = 16;
const MAILBOX_BLOCKS = 5;

/** A parameter: how its data are taken and given. */
interface Parameter {
  readonly size: number;
  write(data: Uint8Array): void | Promise<void>;
  read(block: number): Uint8Array;
}

/** Boot options (IPMI 2.0, 28.12 and 28.13): parameters 0 and 3 to 7. All but the flags are forgotten at a restart. */
export function bootOptionCommands(life: BootFlagsLife, clock: Clock): readonly BmcCommand[] {
  const parameters = parametersOf(life, clock);
  const marked = new Set<number>();
  const find = (selector: number): readonly [number, Parameter] => {
    const number = selector & ~INVALID;
    const parameter = parameters.get(number);
    if (parameter === undefined) throw new Completion(NO_SUCH_PARAMETER);
    return [number, parameter];
  };
  return [
    serve(setSystemBootOptions, OPERATOR_OR_HOST, [1, 1 + 1 + MAILBOX_BLOCK], async (data) => {
      const selector = data.u8(0);
      const [number, parameter] = find(selector);
      const value = data.slice(1, data.length - 1);
      // Without data only the mark is set.
      if (value.byteLength > 0) {
        if (value.byteLength !== parameter.size) throw new Completion(COMPLETION.wrongLength);
        await parameter.write(value);
      }
      if ((selector & INVALID) === 0) marked.delete(number);
      else marked.add(number);
      return [];
    }),
    serve(getSystemBootOptions, OPERATOR_OR_HOST, 3, (data: ByteView) => {
      const [number, parameter] = find(data.u8(0) & ~INVALID);
      return [VERSION, number | flag(marked.has(number), 7), ...parameter.read(data.u8(2))];
    }),
  ];
}

function parametersOf(life: BootFlagsLife, clock: Clock): ReadonlyMap<number, Parameter> {
  let settingUntil: Duration | undefined;
  let acknowledged = 0xff;
  let initiator: Uint8Array = new Uint8Array(INITIATOR_SIZE);
  const mailbox = Array.from({ length: MAILBOX_BLOCKS }, () => new Uint8Array(MAILBOX_BLOCK));
  const isBusy = (): boolean => settingUntil !== undefined && clock.monotonic() < settingUntil;
  return new Map<number, Parameter>([
    [
      BOOT_PARAMETER.setInProgress,
      {
        size: 1,
        write(data) {
          const progress = data[0]! & 3;
          valid(progress === PROGRESS.complete || progress === PROGRESS.inProgress);
          if (progress === PROGRESS.inProgress && isBusy()) throw new Completion(IN_PROGRESS);
          // Whoever set it and went away would keep everybody else out.
          const end = (clock.monotonic() + ORDER_WITHIN) as Duration;
          settingUntil = progress === PROGRESS.inProgress ? end : undefined;
        },
        read: () => Uint8Array.of(isBusy() ? PROGRESS.inProgress : PROGRESS.complete),
      },
    ],
    [
      BOOT_PARAMETER.validBitClearing,
      {
        size: 1,
        write(data) {
          const option = decodeBootOption(BOOT_PARAMETER.validBitClearing, data);
          if (option.is === 'valid-bit-clearing') life.kept = option.kept;
        },
        read: () => encodeBootOption({ is: 'valid-bit-clearing', kept: life.kept }).data,
      },
    ],
    [
      BOOT_PARAMETER.infoAcknowledge,
      {
        size: 2,
        write([mask = 0, value = 0]) {
          acknowledged = (acknowledged & ~mask) | (value & mask);
        },
        read: () => Uint8Array.of(0, acknowledged),
      },
    ],
    [
      BOOT_PARAMETER.bootFlags,
      {
        size: 5,
        async write(data) {
          const flags = decodeBootFlags(data);
          valid(flags.device !== undefined);
          await life.write(flags);
        },
        read: () => encodeBootFlags(life.flags.get()),
      },
    ],
    [
      BOOT_PARAMETER.initiatorInfo,
      {
        size: INITIATOR_SIZE,
        write(data) {
          initiator = Uint8Array.from(data);
        },
        read: () => initiator,
      },
    ],
    [
      BOOT_PARAMETER.initiatorMailbox,
      {
        size: 1 + MAILBOX_BLOCK,
        write(data) {
          const block = mailbox[data[0]!];
          if (block === undefined) throw new Completion(COMPLETION.outOfRange);
          block.set(data.subarray(1));
        },
        read(number) {
          const block = mailbox[number];
          if (block === undefined) throw new Completion(COMPLETION.outOfRange);
          return Uint8Array.of(number, ...block);
        },
      },
    ],
  ]);
}
