import { COMMAND } from '../ata/commands.ts';
import {
  DEVICE,
  type Fis,
  type RegisterD2H,
  type RegisterH2D,
  type SetDeviceBits,
  STATUS,
} from '../fis/fis.ts';
import { AtaFault } from '../target.ts';
import { faultFrom } from './fault-registers.ts';
import type { CommandRegisters, HostCommand } from './host-command.ts';
import { HostData } from './host-data.ts';
import type { QueueError } from './queue-error-log.ts';

/** Times that a command is given again because another one of the queue failed. */
const MOST_TRIES = 64;

export const COMMAND_FIS: RegisterH2D = {
  type: 'register-h2d',
  port: 0,
  isCommand: true,
  command: 0,
  features: 0,
  lba: 0,
  device: DEVICE.lba,
  count: 0,
  icc: 0,
  control: 0,
  auxiliary: 0,
};

/** Commands whose data come by programmed input: their last data end them. */
const BY_BLOCKS: ReadonlySet<number> = new Set([COMMAND.identifyDevice, COMMAND.readLogExt]);

/** What a FIS of the device came to, where it was not simply in order. */
export type Heard = undefined | 'queue-failed' | { readonly broken: string };

const broken = (what: string): Heard => ({ broken: `the device ${what}` });

/**
 * The commands of a host: those that wait, and those that the device has, queued by tag or one alone. Counts their data:
 * a command that the device ends before all its data went is not done, but a breach of the protocol.
 */
export class HostQueue {
  readonly #post: (fis: Fis) => void;
  readonly #chunk: number;
  readonly #data = new HostData();
  readonly #tagged = new Map<number, HostCommand>();
  #waiting: HostCommand[] = [];
  #plain: HostCommand | undefined;
  #lastTag = 31;

  /** `chunk`: most payload bytes of a Data FIS. */
  constructor(post: (fis: Fis) => void, chunk: number) {
    this.#post = post;
    this.#chunk = chunk;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  add(command: HostCommand): void {
    this.#waiting.push(command);
  }

  /** False where the device has it already. */
  withdraw(command: HostCommand): boolean {
    const at = this.#waiting.indexOf(command);
    if (at >= 0) this.#waiting.splice(at, 1);
    return at >= 0;
  }

  /** In the order of asking: what needs the device for itself waits until it is idle, and others behind it wait too. */
  dispatch(depth: number): void {
    while (this.#waiting.length > 0 && this.#plain === undefined) {
      const next = this.#waiting[0]!;
      const { queued } = next.request;
      if (depth === 0 || queued === undefined) {
        if (this.#tagged.size > 0) return;
        this.#waiting.shift();
        this.giveAlone(next);
      } else {
        if (this.#tagged.size >= depth) return;
        this.#waiting.shift();
        this.#giveTagged(next, queued, depth);
      }
    }
  }

  giveAlone(command: HostCommand): void {
    this.#plain = command;
    this.#data.begin(command);
    command.hears.given?.();
    this.#post({ ...COMMAND_FIS, ...command.request.registers });
  }

  #giveTagged(command: HostCommand, registers: CommandRegisters, depth: number): void {
    let tag = (this.#lastTag + 1) % depth;
    while (this.#tagged.has(tag)) tag = (tag + 1) % depth;
    this.#lastTag = tag;
    this.#tagged.set(tag, command);
    command.hears.given?.();
    this.#post({ ...COMMAND_FIS, ...registers, count: tag << 3 });
  }

  /** Ends all that the device has. */
  abandon(why: string): void {
    const lost = [...this.#tagged.values(), ...(this.#plain === undefined ? [] : [this.#plain])];
    this.#tagged.clear();
    this.#plain = undefined;
    this.#data.clear();
    for (const command of lost) command.hears.fail(new AtaFault('LINK', why));
  }

  /** Ends all that waits. */
  abandonWaiting(why: string): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const command of waiting) command.hears.fail(new AtaFault('LINK', why));
  }

  /** No data belong to anything until the next setup. */
  stopData(): void {
    this.#data.clear();
  }

  /** Fails the command that the log names; the others of the queue will be given again. False where it names none. */
  settleFailure(error: QueueError | undefined): boolean {
    const culprit = error?.tag === undefined ? undefined : this.#tagged.get(error.tag);
    if (error?.tag === undefined || culprit === undefined) return false;
    this.#tagged.delete(error.tag);
    const others = [...this.#tagged.values()];
    this.#tagged.clear();
    for (const command of others) {
      command.moved = 0;
      command.tries += 1;
    }
    this.#waiting.unshift(...others.filter(({ tries }) => tries <= MOST_TRIES));
    culprit.hears.fail(faultFrom(error, culprit.request.range));
    for (const { hears } of others.filter(({ tries }) => tries > MOST_TRIES)) {
      hears.fail(new AtaFault('LINK', 'too many other commands failed meanwhile'));
    }
    return true;
  }

  /** Takes a FIS of a device that is not in reset. */
  hear(fis: Fis): Heard {
    switch (fis.type) {
      case 'register-d2h':
        return this.#hearRegisters(fis);
      case 'set-device-bits':
        return this.#hearBits(fis);
      case 'dma-setup': {
        const named =
          this.#plain === undefined && fis.bufferLow < 32 ? this.#tagged.get(fis.bufferLow) : undefined;
        if (!this.#data.setup(fis, named)) return broken('set up data that nobody asked for');
        return fis.autoActivate && !fis.toHost ? this.#sendData() : undefined;
      }
      case 'dma-activate':
        return this.#sendData();
      case 'data':
        if (!this.#data.receive(fis.payload)) return broken('sent data that nobody asked for');
        this.#endOfBlocks();
        return undefined;
      case 'pio-setup':
        return this.#plain?.request.data?.toHost === true
          ? undefined
          : broken('set up a block that nobody asked for');
      case 'register-h2d':
      case 'bist-activate':
        return undefined;
    }
  }

  #sendData(): Heard {
    const payload = this.#data.next(this.#chunk);
    if (payload === undefined) return broken('asked for data that nobody offered');
    this.#post({ type: 'data', port: 0, payload });
    return undefined;
  }

  #endOfBlocks(): void {
    const plain = this.#plain;
    if (plain === undefined || plain.moved < plain.total || !BY_BLOCKS.has(plain.request.registers.command))
      return;
    this.#plain = undefined;
    plain.hears.done(undefined);
  }

  #hearRegisters(fis: RegisterD2H): Heard {
    const failed = (fis.status & (STATUS.error | STATUS.deviceFault)) !== 0;
    const plain = this.#plain;
    if (plain === undefined) {
      // Without an error: a queued command was accepted.
      if (!failed) return undefined;
      return this.#tagged.size > 0 ? 'queue-failed' : broken('failed a command that nobody gave');
    }
    if (!failed && plain.moved < plain.total) return broken('ended a command before its data');
    this.#plain = undefined;
    this.#data.clear();
    if (failed) plain.hears.fail(faultFrom(fis, plain.request.range));
    else plain.hears.done(fis);
    return undefined;
  }

  #hearBits(fis: SetDeviceBits): Heard {
    if (this.#plain !== undefined) return undefined;
    for (let tag = 0; tag < 32; tag += 1) {
      if ((fis.active & (1 << tag)) === 0) continue;
      const command = this.#tagged.get(tag);
      if (command === undefined || command.moved < command.total)
        return broken('ended a command before its data');
      this.#tagged.delete(tag);
      command.hears.done(undefined);
    }
    if ((fis.status & STATUS.error) === 0) return undefined;
    return this.#tagged.size > 0 ? 'queue-failed' : broken('failed a command that nobody gave');
  }
}
