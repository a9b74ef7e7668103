import { connect, type Socket } from 'node:net';
import { asNsError, type Duration, NsError } from '../../base/index.ts';
import type { Clock } from '../../ports/index.ts';
import { parseQmpMessage, type QmpEvent, QmpLines, type QmpMessage } from './qmp-messages.ts';

export type QmpArguments = Readonly<Record<string, unknown>>;

export interface QmpSessionOptions {
  readonly path: string;
  readonly clock: Clock;
  /** For the greeting, and for each answer. */
  readonly patience: Duration;
  readonly onEvent: (event: QmpEvent) => void;
  /** Called once, when a session that was made is over. */
  readonly onEnd: (why: NsError) => void;
}

interface Waiting {
  readonly settle: (message: QmpMessage) => void;
  readonly fail: (error: NsError) => void;
}

/** Commands under way at once. QEMU carries them out one after another. */
/** Bytes that wait for QEMU beside what the kernel holds. */
const UNREAD_MOST = 64 * 1024;
const UNDER_WAY = 64;
const GREETING = 'greeting';

/** One connection to a monitor, from its greeting to its end. Nothing outlives it: what is under way then fails. */
export class QmpSession {
  readonly #options: QmpSessionOptions;
  readonly #socket: Socket;
  readonly #waiting = new Map<string, Waiting>();
  readonly #lines = new QmpLines();
  #count = 0;
  #made = false;
  #over: NsError | undefined;

  /**
   * Connects and greets. NS_QMP_GONE where nobody listens at the path: there is no QEMU. NS_QMP where something does and
   * the monitor is not to be had all the same: another client has it, or QEMU hangs.
   */
  static async open(options: QmpSessionOptions): Promise<QmpSession> {
    const socket = connect(options.path);
    const session = new QmpSession(socket, options);
    try {
      await session.#answer(GREETING, 'its greeting');
      await session.execute('qmp_capabilities');
      session.#made = true;
      return session;
    } catch (error) {
      socket.destroy();
      throw session.#over ?? asNsError(error, 'NS_QMP');
    }
  }

  private constructor(socket: Socket, options: QmpSessionOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#take(text));
    socket.on('error', (cause: NodeJS.ErrnoException) => this.#end(failure(cause)));
    socket.on('close', () => this.#end(new NsError('NS_QMP', 'QEMU hung up', { retryable: true })));
  }

  /** What QEMU returns. NS_QMP_REFUSED with its reason; NS_QMP, NS_DEADLINE where it does not answer. */
  async execute(command: string, args: QmpArguments = {}, signal?: AbortSignal): Promise<unknown> {
    signal?.throwIfAborted();
    if (this.#waiting.size >= UNDER_WAY) {
      throw new NsError('NS_QMP', `too much is asked of QEMU at once for ${command}`, { retryable: true });
    }
    // A QEMU that hangs reads nothing, for as long as it hangs.
    if (this.#socket.writableLength > UNREAD_MOST) {
      throw new NsError('NS_QMP', `QEMU reads nothing of what it is asked, such as ${command}`, {
        retryable: true,
      });
    }
    this.#count += 1;
    const id = `ns-${this.#count}`;
    const answer = this.#answer(id, `an answer to ${command}`, signal);
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    const message = await answer;
    if (message.is === 'answer') return message.value;
    const why = message.is === 'refusal' ? message.sentence : message.is;
    throw new NsError('NS_QMP_REFUSED', `QEMU refused ${command}: ${why}`);
  }

  close(): void {
    this.#socket.destroy();
  }

  async #answer(id: string, what: string, signal?: AbortSignal): Promise<QmpMessage> {
    if (this.#over !== undefined) throw this.#over;
    const deadline = this.#options.clock.deadline(this.#options.patience, `waiting for QEMU to give ${what}`);
    const either = signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, signal]);
    try {
      return await new Promise<QmpMessage>((settle, fail) => {
        this.#waiting.set(id, { settle, fail });
        either.addEventListener('abort', () => fail(either.reason as Error), { once: true });
      });
    } finally {
      this.#waiting.delete(id);
      deadline.release();
    }
  }

  #take(text: string): void {
    try {
      for (const line of this.#lines.push(text)) this.#hear(parseQmpMessage(line));
    } catch (error) {
      this.#end(asNsError(error, 'NS_QMP_PROTOCOL'));
    }
  }

  #hear(message: QmpMessage): void {
    if (this.#over !== undefined) return;
    if (message.is === 'event') {
      this.#options.onEvent({ event: message.event, data: message.data });
      return;
    }
    // An answer that nobody waits for any more came too late.
    this.#waiting.get(message.is === 'greeting' ? GREETING : (message.id ?? ''))?.settle(message);
  }

  #end(why: NsError): void {
    if (this.#over !== undefined) return;
    this.#over = why;
    this.#socket.destroy();
    for (const waiting of [...this.#waiting.values()]) waiting.fail(why);
    if (this.#made) this.#options.onEnd(why);
  }
}

function failure(cause: NodeJS.ErrnoException): NsError {
  const isGone = cause.code === 'ENOENT' || cause.code === 'ECONNREFUSED';
  return new NsError(
    isGone ? 'NS_QMP_GONE' : 'NS_QMP',
    isGone ? 'no QEMU has its monitor there' : `QEMU's monitor: ${cause.message}`,
    { cause, retryable: true },
  );
}
