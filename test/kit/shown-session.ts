import { type ChildProcess, spawn } from 'node:child_process';
import { differs, type ShownBlock, type ShownCommand } from './page-commands.ts';

/** A program may be slow on a busy machine; nothing here waits for good. */
const PATIENCE_MS = 60_000;

export interface SessionOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** What is put in the place of what the page shows, where a test cannot do otherwise: a port, say. */
  readonly instead: (text: string) => string;
}

/** Types what a page shows, as somebody does who follows it, in terminals of which each sees one output. */
export class ShownSession {
  readonly #o: SessionOptions;
  readonly #running: ChildProcess[] = [];

  constructor(options: SessionOptions) {
    this.#o = options;
  }

  /** What differs from the page, for each command in which something does. */
  async follow(block: ShownBlock): Promise<string[]> {
    const wrong: string[] = [];
    for (const shown of block.commands) {
      const difference = block.where === 'terminal' ? await this.#start(shown) : await this.#run(shown);
      if (difference !== undefined) wrong.push(`$ ${shown.command}\n${difference}`);
    }
    return wrong;
  }

  async close(): Promise<void> {
    const ended = this.#running.map((child) => new Promise((done) => child.once('close', done)));
    for (const { pid } of this.#running) if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    await Promise.all(ended);
  }

  #spawn(command: string): { readonly child: ChildProcess; readonly lines: () => string[] } {
    const { cwd, env, instead } = this.#o;
    const child = spawn('bash', ['-c', `exec 2>&1\n${instead(command)}`], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
      // A group of its own, so that all of a terminal ends together.
      detached: true,
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const lines = (): string[] => (output === '' ? [] : output.replace(/\n$/, '').split('\n'));
    return { child, lines };
  }

  async #run({ command, output }: ShownCommand): Promise<string | undefined> {
    const { child, lines } = this.#spawn(command);
    const late = setTimeout(() => process.kill(-(child.pid ?? 0), 'SIGKILL'), PATIENCE_MS);
    const code = await new Promise<number | null>((done) => child.once('close', done));
    clearTimeout(late);
    const difference = differs(output.map(this.#o.instead), lines());
    if (code === 0 && difference === undefined) return undefined;
    return `${difference ?? ''}\nexit status ${String(code)}; all of it:\n${lines().join('\n')}`;
  }

  /** Until it has said what is shown; it goes on running. */
  #start({ command, output }: ShownCommand): Promise<string | undefined> {
    const { child, lines } = this.#spawn(command);
    this.#running.push(child);
    return new Promise((resolve) => {
      const end = (difference: string | undefined): void => {
        clearTimeout(late);
        child.stdout?.off('data', look);
        child.off('close', gone);
        resolve(difference);
      };
      const shown = [...output.map(this.#o.instead), '…'];
      const look = (): void => {
        if (differs(shown, lines()) === undefined) end(undefined);
      };
      const gone = (): void => end(`it has ended: ${lines().join('\n')}`);
      const late = setTimeout(
        () => end(`${differs(shown, lines())}; all of it:\n${lines().join('\n')}`),
        PATIENCE_MS,
      );
      child.stdout?.on('data', look);
      child.once('close', gone);
    });
  }
}
