import { constants } from 'node:os';
import { type Duration, eitherSignal, milliseconds, NsError, seconds, Turns } from '../../base/index.ts';
import { type BridgeTarget, type BridgingCarrier, type Carrier, IpmiClient } from '../../ipmi/index.ts';
import type { Clock } from '../../ports/index.ts';
import { systemClock } from '../system-clock.ts';
import { DRIVER_PATHS, type DriverFile, openDriver } from './driver-file.ts';
import {
  ARENA_SIZE,
  type DriverAnswer,
  ipmb,
  LONGEST_MESSAGE,
  RECEIVE_MESSAGE,
  readReceived,
  SEND_COMMAND,
  systemInterface,
  writeReceive,
  writeRequest,
} from './driver-messages.ts';

type Question = Parameters<Carrier['carry']>[0];

export interface OpenIpmiOptions {
  /** Undefined where the driver is gone. */
  readonly open: () => Promise<DriverFile | undefined>;
  readonly clock: Clock;
  /** For a command as a whole, waiting for its turn included. */
  readonly within: Duration;
}

const MOST_WAITING = 64;
const SOONEST = milliseconds(1);
const LATEST = milliseconds(20);
/** Messages looked at in one go: late answers of others' questions, at most. */
const MOST_AT_ONCE = 64;
const ANSWER = 1;
const LAST_ID = 0x7fff_ffff;
/** Behind the driver's own time-out of 5 s, after which it answers C3h itself. */
const WITHIN = seconds(10);

const { EAGAIN, EBUSY, EINTR, EINVAL, EMSGSIZE, ENOMEM } = constants.errno;
const LATER: ReadonlySet<number> = new Set([EAGAIN, EBUSY, EINTR, ENOMEM]);

/**
 * Commands to this machine's own BMC by the kernel's driver, and by it to controllers behind. One at a time. NS_IPMI_BUSY
 * where too many wait already or the driver has no room, NS_IPMI_SILENT when the time is over, NS_IPMI_DEVICE where the
 * driver fails: it is opened anew at the next command.
 */
export class OpenIpmiCarrier implements BridgingCarrier {
  readonly #options: OpenIpmiOptions;
  readonly #over = new AbortController();
  readonly #arena = Buffer.allocUnsafeSlow(ARENA_SIZE);
  #file: DriverFile | undefined;
  #id = 0;
  readonly #turns = new Turns();
  #waiting = 0;

  constructor(options: OpenIpmiOptions, file?: DriverFile) {
    this.#options = options;
    this.#file = file;
  }

  carry(question: Question, signal: AbortSignal) {
    return this.#queue(systemInterface(question.lun ?? 0), question, signal);
  }

  carryTo({ channel, address }: BridgeTarget, question: Question, signal: AbortSignal) {
    return this.#queue(ipmb(channel, address, question.lun ?? 0), question, signal);
  }

  async close(): Promise<void> {
    this.#over.abort(new NsError('NS_IPMI_CLOSED', 'the IPMI client was closed'));
    await this.#turns.idle();
    this.#drop();
  }

  async #queue(address: Uint8Array, question: Question, signal: AbortSignal) {
    const given = [signal, this.#over.signal];
    for (const each of given) each.throwIfAborted();
    if (question.data.byteLength > LONGEST_MESSAGE - 2) {
      throw new NsError('NS_IPMI_ARGUMENT', `${question.name}: too long for the driver`, {
        family: 'caller',
      });
    }
    if (this.#waiting >= MOST_WAITING) throw busy(`${MOST_WAITING} commands wait for this BMC already`);
    this.#waiting += 1;
    const deadline = this.#options.clock.deadline(this.#options.within, question.name);
    const until = eitherSignal(...given, deadline.signal);
    try {
      return await this.#turns.take(() => this.#ask(address, question, until.signal));
    } catch (error) {
      if (given.some(({ aborted }) => aborted) || !deadline.signal.aborted) throw error;
      throw new NsError('NS_IPMI_SILENT', `${question.name}: no answer from the BMC of this machine`, {
        retryable: true,
        cause: error,
      });
    } finally {
      until.release();
      deadline.release();
      this.#waiting -= 1;
    }
  }

  async #ask(address: Uint8Array, question: Question, signal: AbortSignal) {
    signal.throwIfAborted();
    const { clock, open } = this.#options;
    this.#file ??= await open();
    const file = this.#file;
    if (file === undefined) {
      throw new NsError('NS_IPMI_DEVICE', 'this machine has no IPMI driver now', { retryable: true });
    }
    signal.throwIfAborted();
    this.#id = this.#id === LAST_ID ? 1 : this.#id + 1;
    const id = this.#id;
    const { netFn, command, data, name } = question;
    writeRequest(this.#arena, file.word, file.addressOf(this.#arena), { address, id, netFn, command, data });
    this.#check(file.ioctl(SEND_COMMAND[file.word], this.#arena), name);
    for (let wait = SOONEST; ; wait = milliseconds(Math.min(2 * wait, LATEST))) {
      const answer = this.#look(file, question, id);
      if (answer !== undefined) return answer;
      await clock.sleep(wait, signal);
    }
  }

  /** The answer to this question, where it has come. Everything else that has is passed over. */
  #look(file: DriverFile, { name, netFn, command }: Question, id: number) {
    for (let looked = 0; looked < MOST_AT_ONCE; looked += 1) {
      writeReceive(this.#arena, file.word, file.addressOf(this.#arena));
      const error = file.ioctl(RECEIVE_MESSAGE[file.word], this.#arena);
      if (LATER.has(error)) return undefined;
      if (error !== EMSGSIZE) this.#check(error, name);
      const answer = readReceived(this.#arena, file.word);
      if (!(answer.type === ANSWER && answer.id === id && answer.netFn === (netFn | 1))) continue;
      if (answer.command !== command) continue;
      return completed(answer, name, error === EMSGSIZE);
    }
    return undefined;
  }

  #check(error: number, name: string): void {
    if (error === 0) return;
    if (LATER.has(error)) throw busy(`${name}: the IPMI driver has no room now`);
    if (error === EINVAL) {
      throw new NsError('NS_IPMI_ARGUMENT', `${name}: the IPMI driver finds the request invalid`, {
        family: 'caller',
      });
    }
    this.#drop();
    throw new NsError('NS_IPMI_DEVICE', `${name}: the IPMI driver failed (error ${error})`, {
      retryable: true,
    });
  }

  #drop(): void {
    try {
      this.#file?.close();
    } catch {
      // It is not used any more.
    }
    this.#file = undefined;
  }
}

function completed({ data }: DriverAnswer, name: string, cut: boolean) {
  if (cut || data.byteLength === 0) {
    throw new NsError('NS_IPMI_MESSAGE', `${name}: an answer that is ${cut ? 'too long' : 'empty'}`, {
      family: 'peer',
    });
  }
  return { completion: data[0]!, data: data.subarray(1) };
}

const busy = (sentence: string): NsError => new NsError('NS_IPMI_BUSY', sentence, { retryable: true });

/**
 * A client of this machine's own BMC, by the kernel's driver; undefined where there is none. NS_IPMI_DEVICE where it cannot
 * be used: no right to, or the package koffi is missing. Close it at the end.
 */
export async function localIpmiClient({
  paths = DRIVER_PATHS,
  timeout = WITHIN,
}: {
  readonly paths?: readonly string[];
  readonly timeout?: Duration;
} = {}): Promise<IpmiClient | undefined> {
  const open = (): Promise<DriverFile | undefined> => openDriver(paths);
  const file = await open();
  if (file === undefined) return undefined;
  const carrier = new OpenIpmiCarrier({ open, clock: systemClock, within: timeout }, file);
  return new IpmiClient({ carrier, clock: systemClock, close: () => carrier.close() });
}
