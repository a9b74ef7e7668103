import { ByteView, NsError } from '../base/index.ts';
import { IpmiCompletion } from './faults.ts';
import type { Level } from './session/set-up.ts';

/** A command of the specification: how it is asked, and how its answer is read. One file each, in commands/. */
export interface Command<Args, Result> {
  /** In the specification's words: "Get Chassis Status". */
  readonly name: string;
  readonly netFn: number;
  readonly code: number;
  /** The least privilege level that a BMC must ask for it (IPMI 2.0, appendix G). */
  readonly level: Level;
  /** May take effect twice without harm, and so be sent again when its answer is lost. */
  readonly repeatable: boolean;
  /** Completion codes that mean something of their own with this command. */
  readonly codes?: Readonly<Record<number, string>>;
  /** NS_IPMI_ARGUMENT for what the command has no place for. */
  encode(args: Args): Uint8Array;
  /** Reads the data behind the completion code; a field beyond their end throws NS_BYTES_SHORT. */
  decode(data: ByteView, args: Args): Result;
}

/** Whoever can carry a command to a BMC: a session over the LAN, the host's own driver, a BMC in this process. */
export interface Carrier {
  /** The answer, whatever its completion code. */
  carry(
    question: {
      readonly name: string;
      readonly netFn: number;
      readonly command: number;
      readonly lun?: number;
      readonly data: Uint8Array;
      readonly level: Level;
      readonly repeatable: boolean;
    },
    signal: AbortSignal,
  ): Promise<{ readonly completion: number; readonly data: Uint8Array }>;
}

/** Asks and reads. A completion code other than 0 is an IpmiCompletion. */
export async function runCommand<Args, Result>(
  carrier: Carrier,
  command: Command<Args, Result>,
  args: Args,
  signal: AbortSignal,
  lun = 0,
): Promise<Result> {
  const { name, netFn, code, level, repeatable } = command;
  const question = { name, netFn, command: code, lun, data: command.encode(args), level, repeatable };
  const answer = await carrier.carry(question, signal);
  if (answer.completion !== 0) throw new IpmiCompletion(name, answer.completion, command.codes);
  return command.decode(new ByteView(answer.data, `the answer to ${name}`), args);
}

export const NOTHING = new Uint8Array(0);

/** A whole number of this range, or NS_IPMI_ARGUMENT. */
export function within(value: number, least: number, most: number, what: string): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new NsError('NS_IPMI_ARGUMENT', `${what} must be a whole number from ${least} to ${most}`, {
    family: 'caller',
  });
}

/** Seconds since 1970-01-01 as a BMC keeps them. It has no time zone; most keep UTC, some local time. */
export type BmcSeconds = number;
