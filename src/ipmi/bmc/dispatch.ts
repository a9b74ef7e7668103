import { asNsError, ByteView, hasCode, NsError, seconds } from '../../base/index.ts';
import type { Clock, LogSink } from '../../ports/index.ts';
import { LEVEL } from '../session/set-up.ts';
import { type Admission, type BmcAnswer, type BmcCommand, type Caller, Completion } from './command.ts';

/** Completion codes that the BMC side gives (IPMI 2.0, table 5-2). */
export const COMPLETION = {
  ok: 0x00,
  busy: 0xc0,
  unknownCommand: 0xc1,
  wrongLun: 0xc2,
  timeout: 0xc3,
  noSpace: 0xc4,
  reservationLost: 0xc5,
  wrongLength: 0xc7,
  tooLong: 0xc8,
  outOfRange: 0xc9,
  cannotReturnThatMany: 0xca,
  notThere: 0xcb,
  invalidField: 0xcc,
  notForThis: 0xcd,
  privilege: 0xd4,
  wrongState: 0xd5,
  disabled: 0xd6,
  unspecified: 0xff,
} as const;

export interface BmcRequest {
  readonly netFn: number;
  readonly command: number;
  readonly lun: number;
  readonly data: Uint8Array;
}

export interface BmcCommandsOptions {
  readonly commands: readonly BmcCommand[];
  readonly clock: Clock;
  readonly log: LogSink;
}

/** The host's own driver gives up after 5 s, and a console after less. */
const LIMIT = seconds(4);
const NONE = new Uint8Array(0);
const only = (completion: number): BmcAnswer => ({ completion, data: NONE });

/** The BMC's commands: each request gets one answer, within 4 s, whoever asks by whichever way. */
export class BmcCommands {
  readonly #commands: ReadonlyMap<number, BmcCommand>;
  readonly #options: BmcCommandsOptions;

  /** NS_INTERNAL where two are the same command: one of them would never be asked. */
  constructor(options: BmcCommandsOptions) {
    this.#options = options;
    const commands = new Map<number, BmcCommand>();
    for (const command of options.commands) {
      const own = key(command.netFn, command.code);
      if (commands.has(own))
        throw new NsError('NS_INTERNAL', `two commands are ${command.name}`, { family: 'bug' });
      commands.set(own, command);
    }
    this.#commands = commands;
  }

  async answer(request: BmcRequest, caller: Caller): Promise<BmcAnswer> {
    const command = this.#commands.get(key(request.netFn, request.command));
    if (command === undefined) return only(COMPLETION.unknownCommand);
    if (request.lun !== 0) return only(COMPLETION.wrongLun);
    const refused = admission(command.from, caller);
    if (refused !== undefined) return only(refused);
    const { clock, log } = this.#options;
    const deadline = clock.deadline(LIMIT, command.name);
    try {
      const late = new Promise<never>((_, reject) => {
        deadline.signal.addEventListener('abort', () => reject(new Completion(COMPLETION.timeout)), {
          once: true,
        });
      });
      const answer = command.answer(new ByteView(request.data, command.name), caller, deadline.signal);
      return { completion: COMPLETION.ok, data: await Promise.race([answer, late]) };
    } catch (error) {
      if (error instanceof Completion) return only(error.code);
      if (hasCode(error, 'NS_BYTES_SHORT')) return only(COMPLETION.wrongLength);
      log.log('error', 'bmc.command-failed', { command: command.name, error: asNsError(error).message });
      return only(COMPLETION.unspecified);
    } finally {
      deadline.release();
    }
  }
}

/** The completion code with which this caller is turned away, if so. */
function admission(from: Admission, caller: Caller): number | undefined {
  switch (caller.is) {
    case 'nobody':
      return from.nobody === true ? undefined : COMPLETION.privilege;
    case 'host':
      return from.host === true ? undefined : COMPLETION.unknownCommand;
    case 'user':
      if (from.user === undefined) return COMPLETION.wrongState;
      return LEVEL[caller.level] >= LEVEL[from.user] ? undefined : COMPLETION.privilege;
  }
}

const key = (netFn: number, code: number): number => (netFn << 8) | code;
