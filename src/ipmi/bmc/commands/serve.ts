import type { ByteView } from '../../../base/index.ts';
import type { Command } from '../../command.ts';
import { type Admission, type BmcCommand, type Caller, Completion } from '../command.ts';
import { COMPLETION } from '../dispatch.ts';

/** How many bytes of data a command takes: exactly so many, or between two counts. */
export type Takes = number | readonly [least: number, most: number];

/**
 * The BMC's side of a command, with its name and codes from the client's side of it. Data of any other length than `takes`
 * get C7h, so that `answer` sees only data that can be whole.
 */
export function serve(
  command: Pick<Command<never, unknown>, 'name' | 'netFn' | 'code'>,
  from: Admission,
  takes: Takes,
  answer: (
    data: ByteView,
    caller: Caller,
    signal: AbortSignal,
  ) => readonly number[] | Uint8Array | Promise<readonly number[] | Uint8Array>,
): BmcCommand {
  const [least, most] = typeof takes === 'number' ? [takes, takes] : takes;
  return {
    name: command.name,
    netFn: command.netFn,
    code: command.code,
    from,
    async answer(data, caller, signal) {
      if (data.length < least || data.length > most) throw new Completion(COMPLETION.wrongLength);
      return Uint8Array.from(await answer(data, caller, signal));
    },
  };
}

/** Ends the command with CCh unless this holds. */
export function valid(condition: boolean): asserts condition {
  if (!condition) throw new Completion(COMPLETION.invalidField);
}

export const USER: Admission = { user: 'user' };
export const USER_OR_HOST: Admission = { user: 'user', host: true };
export const OPERATOR: Admission = { user: 'operator' };
export const OPERATOR_OR_HOST: Admission = { user: 'operator', host: true };
export const ADMINISTRATOR: Admission = { user: 'administrator' };
export const HOST: Admission = { host: true };
