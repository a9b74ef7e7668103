import type { Technician } from './console-paths.ts';
import { eventually } from './eventually.ts';
import type { SerialCable } from './serial-cable.ts';

const PATIENCE_MS = 30_000;

/** Types on a cable as somebody who waits for each answer, and reads what comes. */
export class LineTechnician implements Technician {
  protected readonly cable: SerialCable;
  #from = 0;
  #begin = 0;

  constructor(cable: SerialCable) {
    this.cable = cable;
    this.#from = cable.heard.length;
  }

  async type(keys: string, until: RegExp = /host1> $/): Promise<string> {
    await this.send(keys);
    const said = (): string => this.cable.heard.slice(this.#from);
    await eventually(() => until.test(said()), PATIENCE_MS).catch(() => {
      throw new Error(`never printed ${String(until)} in: ${JSON.stringify(said().slice(-1000))}`);
    });
    const all = said();
    this.#from = this.cable.heard.length;
    return all;
  }

  /** Types something until it is answered: of keys before a program is ready nobody knows what becomes. */
  async arrive(): Promise<void> {
    let tries = 0;
    await eventually(async () => {
      tries += 1;
      await this.send(`here${tries}\r`);
      const answer = new RegExp(`"here${tries}"[^>]*> $`);
      return eventually(() => answer.test(this.cable.heard.slice(-200)), 500).then(
        () => true,
        () => false,
      );
    }, PATIENCE_MS);
    this.#from = this.cable.heard.length;
  }

  again(): void {
    this.#begin = this.cable.heard.lastIndexOf('\n') + 1;
  }

  /** All since `again`. */
  get printed(): string {
    return this.cable.heard.slice(this.#begin);
  }

  protected async send(keys: string): Promise<void> {
    this.cable.type(keys);
  }
}
