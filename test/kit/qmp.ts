import { connect, type Socket } from 'node:net';

/** The machine's own word that it did something: "SHUTDOWN", "RESET", "STOP", "SUSPEND", "BLOCK_IO_ERROR", … */
export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** QEMU understood a command and will not obey it. */
export class QmpRefusal extends Error {
  /** QEMU's error class: "GenericError", "DeviceNotFound", "CommandNotFound", … */
  readonly kind: string;

  constructor(command: string, kind: string, description: string) {
    super(`${command}: ${description} (${kind})`);
    this.kind = kind;
  }
}

/** A machine's monitor: QEMU's own protocol on a unix socket, one client at a time. */
export interface Qmp {
  /** What the command returns, once it has been carried out. Throws QmpRefusal, or where there is no answer in time. */
  command(
    name: string,
    args?: Readonly<Record<string, unknown>>,
    patienceMs?: number,
  ): Promise<Record<string, unknown>>;
  /** The oldest event of this name that was not taken yet; waits for one where there is none. */
  event(name: string, patienceMs?: number): Promise<QmpEvent>;
  /** Leaves the machine as it is. */
  close(): void;
}

const PATIENCE_MS = 15_000;
/** Characters. query-qmp-schema, the longest answer, has about 200,000. */
const LONGEST_LINE = 1 << 20;
const MOST_EVENTS = 256;

interface Waiting {
  readonly wants: string;
  readonly settle: (message: Message) => void;
  readonly fail: (error: Error) => void;
}

interface Message {
  readonly return?: unknown;
  readonly error?: { readonly class: string; readonly desc: string };
  readonly event?: string;
  readonly data?: Record<string, unknown>;
  readonly QMP?: unknown;
  readonly id?: string;
}

/** Connects to a monitor that listens, and negotiates no capabilities. */
export async function connectQmp(path: string, patienceMs = PATIENCE_MS): Promise<Qmp> {
  const socket = connect(path);
  const monitor = new Monitor(socket);
  try {
    await monitor.wait('greeting', 'the greeting', patienceMs);
    await monitor.command('qmp_capabilities', {}, patienceMs);
    return monitor;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

class Monitor implements Qmp {
  readonly #socket: Socket;
  readonly #waiting = new Set<Waiting>();
  readonly #events: QmpEvent[] = [];
  #rest = '';
  #count = 0;
  #gone: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#take(text));
    socket.on('error', (cause) => this.#end(new Error('the QMP connection failed', { cause })));
    socket.on('close', () => this.#end(new Error('QEMU closed the QMP connection')));
  }

  async command(
    name: string,
    args: Readonly<Record<string, unknown>> = {},
    patienceMs: number = PATIENCE_MS,
  ): Promise<Record<string, unknown>> {
    this.#count += 1;
    const id = `ns-${this.#count}`;
    const answer = this.wait(id, `an answer to ${name}`, patienceMs);
    this.#socket.write(`${JSON.stringify({ execute: name, arguments: args, id })}\n`);
    const { error, return: value } = await answer;
    if (error !== undefined) throw new QmpRefusal(name, error.class, error.desc);
    return value as Record<string, unknown>;
  }

  async event(name: string, patienceMs: number = PATIENCE_MS): Promise<QmpEvent> {
    const kept = this.#events.findIndex(({ event }) => event === name);
    const [found] = kept < 0 ? [] : this.#events.splice(kept, 1);
    if (found !== undefined) return found;
    const { data = {} } = await this.wait(`event ${name}`, `the event ${name}`, patienceMs);
    return { event: name, data };
  }

  close(): void {
    this.#socket.destroy();
  }

  wait(wants: string, what: string, patienceMs: number): Promise<Message> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    return new Promise((resolve, reject) => {
      const over = (): void => {
        clearTimeout(late);
        this.#waiting.delete(waiting);
      };
      const waiting: Waiting = {
        wants,
        settle: (message) => {
          over();
          resolve(message);
        },
        fail: (error) => {
          over();
          reject(error);
        },
      };
      const late = setTimeout(
        () => waiting.fail(new Error(`QEMU did not give ${what} within ${patienceMs} ms`)),
        patienceMs,
      );
      this.#waiting.add(waiting);
    });
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > LONGEST_LINE) this.#socket.destroy(new Error('a QMP message without an end'));
    try {
      for (const line of lines) if (line.trim() !== '') this.#hear(JSON.parse(line) as Message);
    } catch (error) {
      this.#socket.destroy(error as Error);
    }
  }

  #hear(message: Message): void {
    const is =
      message.event !== undefined
        ? `event ${message.event}`
        : message.QMP !== undefined
          ? 'greeting'
          : message.id;
    for (const waiting of this.#waiting) {
      if (waiting.wants !== is) continue;
      waiting.settle(message);
      return;
    }
    if (message.event === undefined) return;
    if (this.#events.length >= MOST_EVENTS) this.#events.shift();
    this.#events.push({ event: message.event, data: message.data ?? {} });
  }

  #end(error: Error): void {
    this.#gone ??= error;
    for (const waiting of [...this.#waiting]) waiting.fail(this.#gone);
  }
}
