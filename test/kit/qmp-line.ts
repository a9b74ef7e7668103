import { connect, type Socket } from 'node:net';

/** A QEMU's monitor, for what a test does from outside: wires and sensors. */
export class QmpLine {
  readonly #socket: Socket;
  readonly #waiting: ((answer: {
    readonly error?: { readonly desc: string };
    readonly return?: unknown;
  }) => void)[] = [];
  #rest = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8').on('data', (text: string) => {
      const lines = (this.#rest + text).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) {
        const said = JSON.parse(line) as {
          readonly return?: unknown;
          readonly error?: { readonly desc: string };
        };
        if ('return' in said || 'error' in said) this.#waiting.shift()?.(said);
      }
    });
  }

  static async open(path: string): Promise<QmpLine> {
    const socket = await new Promise<Socket>((resolve, reject) => {
      const opening = connect(path, () => resolve(opening));
      opening.on('error', reject);
    });
    const line = new QmpLine(socket);
    await line.ask('qmp_capabilities');
    return line;
  }

  ask(command: string, args: object = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(({ error, return: value }) =>
        error === undefined ? resolve(value) : reject(new Error(error.desc)),
      );
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    });
  }

  set(path: string, property: string, value: boolean | number): Promise<unknown> {
    return this.ask('qom-set', { path, property, value });
  }

  get(path: string, property: string): Promise<unknown> {
    return this.ask('qom-get', { path, property });
  }

  close(): void {
    this.#socket.destroy();
  }
}
