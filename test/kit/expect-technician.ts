import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { HeardLines } from './heard-lines.ts';
import { LineTechnician } from './line-technician.ts';
import type { SerialCable } from './serial-cable.ts';

const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');

/** Picocom, driven by expect. What is waited for is waited for there too, and what it prints is in a log. */
export class ExpectTechnician extends LineTechnician {
  readonly #child: ChildProcess;
  readonly #said: HeardLines;
  readonly #ended: Promise<unknown>;

  private constructor(cable: SerialCable, child: ChildProcess, said: HeardLines) {
    super(cable);
    this.#child = child;
    this.#said = said;
    this.#ended = once(child, 'close');
  }

  static async start(cable: SerialCable, cwd: string, log: string): Promise<ExpectTechnician> {
    const script = resolve('test/kit/technician.exp');
    const child = spawn('expect', [script, cable.terminalPath, log], {
      cwd,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const said = new HeardLines('expect', child.stdout);
    await said.line(/^ready$/);
    return new ExpectTechnician(cable, child, said);
  }

  override async type(keys: string, until: RegExp): Promise<string> {
    await this.local(keys, until.source.replaceAll('[^\\r]', '[^\r]'));
    return super.type('', until);
  }

  /** What is for picocom or comes from it, too. `until` is a pattern of Tcl. */
  async local(keys: string, until: string): Promise<void> {
    this.#child.stdin!.write(`${hex(keys)} ${hex(until)}\n`);
    const [seen] = await this.#said.line(/^.+$/);
    if (seen !== 'seen')
      throw new Error(`expect has ${seen} ${until}: ${JSON.stringify(this.printed.slice(-1000))}`);
  }

  async leave(): Promise<void> {
    this.#child.stdin!.end();
    await this.#ended;
  }

  protected override async send(): Promise<void> {
    // Expect has typed it.
  }
}
