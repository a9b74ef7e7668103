import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A compiled device tree, asked by fdtget. */
export class DeviceTree {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** The texts of a property; undefined where there is none. Empty texts count. */
  async texts(node: string, property: string): Promise<string[] | undefined> {
    const bytes = await this.#get('bx', node, property);
    if (bytes === undefined) return undefined;
    const all = Buffer.from(bytes.map((byte) => Number.parseInt(byte, 16))).toString('latin1');
    return all.replace(/\0$/, '').split('\0');
  }

  async cells(node: string, property: string): Promise<number[] | undefined> {
    return (await this.#get('u', node, property))?.map(Number);
  }

  async children(node: string): Promise<string[]> {
    const { stdout } = await run('fdtget', ['-l', this.#path, node]);
    return stdout.split('\n').filter((line) => line !== '');
  }

  async #get(type: string, node: string, property: string): Promise<string[] | undefined> {
    const asked = await run('fdtget', ['-t', type, this.#path, node, property]).catch((error: Error) => {
      if (/FDT_ERR_NOTFOUND/.test(error.message)) return undefined;
      throw error;
    });
    return asked?.stdout.trim().split(/\s+/);
  }
}
