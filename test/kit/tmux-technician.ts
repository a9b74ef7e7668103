import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from './eventually.ts';
import { LineTechnician } from './line-technician.ts';
import type { SerialCable } from './serial-cable.ts';

const OPTIONS = 'set -g status off\nset -g history-limit 20000\nset -g default-terminal screen\n';
const PATIENCE_MS = 30_000;

let servers = 0;

/** A terminal program in a tmux of 80 columns and 24 rows, whose screen is looked at. */
export class TmuxTechnician extends LineTechnician {
  readonly #socket: string;
  #left = false;

  private constructor(cable: SerialCable, socket: string) {
    super(cable);
    this.#socket = socket;
  }

  /** `program` is a command line for a shell, and `ready` what it shows when it is so. */
  static async start(
    cable: SerialCable,
    dir: string,
    program: string,
    ready: RegExp,
  ): Promise<TmuxTechnician> {
    const config = join(dir, 'tmux.conf');
    await writeFile(config, OPTIONS);
    servers += 1;
    // Of its own: the one before may still be on its way out.
    const technician = new TmuxTechnician(cable, join(dir, `tmux${servers}`));
    await technician.#ask('-f', config, 'new-session', '-d', '-x', '80', '-y', '24', `exec ${program}`);
    await eventually(async () => ready.test((await technician.screen()).join('\n')), PATIENCE_MS);
    return technician;
  }

  /** The rows of the screen, from the first to the last that is not empty. */
  async screen(): Promise<readonly string[]> {
    return this.#capture();
  }

  /** The last rows that were on the screen or above it, as soon as they are as they should be; or what they still are after a while. */
  async paper(right: (rows: readonly string[]) => boolean): Promise<readonly string[]> {
    let rows: readonly string[] = [];
    await eventually(async () => {
      rows = await this.#capture('-S', '-500');
      return right(rows);
    }).catch(() => undefined);
    return rows;
  }

  async leave(): Promise<void> {
    if (this.#left) return;
    this.#left = true;
    const program = await this.#ask('display-message', '-p', '#{pane_pid}').catch(() => undefined);
    // The last program that ends ends tmux.
    if (program === undefined) return;
    await this.#ask('kill-server').catch(() => undefined);
    // As long as it is there it takes what others at the line wait for.
    const pid = Number(program);
    const there = async (): Promise<boolean> =>
      (await readFile(`/proc/${pid}/cmdline`).catch(() => '')).length > 0;
    try {
      if (await there()) process.kill(pid, 'SIGKILL');
    } catch {
      // Gone in between.
    }
    await eventually(async () => !(await there()), PATIENCE_MS);
  }

  protected override async send(keys: string): Promise<void> {
    const bytes = [...Buffer.from(keys, 'latin1')].map((byte) => byte.toString(16));
    if (bytes.length > 0) await this.#ask('send-keys', '-H', ...bytes);
  }

  async #capture(...range: readonly string[]): Promise<readonly string[]> {
    const rows = (await this.#ask('capture-pane', '-p', ...range)).split('\n').map((row) => row.trimEnd());
    while (rows.at(-1) === '') rows.pop();
    return rows;
  }

  async #ask(...args: readonly string[]): Promise<string> {
    const { TMUX: _, ...env } = process.env;
    const { stdout } = await promisify(execFile)('tmux', ['-u', '-S', this.#socket, ...args], {
      env: { ...env, LC_ALL: 'C.UTF-8' },
      maxBuffer: 16 * 1024 * 1024,
    });
    return stdout;
  }
}
