import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { NsError, sentenceOf } from '../base/index.ts';

const MAX_BYTES = 4 * 1024 * 1024;
const shape = v.strictObject({ v: v.literal(1), suite17: v.array(v.string()) });

/** Which BMCs, as "address:port", have spoken cipher suite 17 once: nothing weaker is tried with them again. */
export class IpmiPins {
  readonly #path: string;
  readonly #pins: Set<string>;
  readonly #new = new Set<string>();

  private constructor(path: string, pins: Set<string>) {
    this.#path = path;
    this.#pins = pins;
  }

  /** A file that is not there yet holds no pins. NS_IPMI_PINS where it cannot be read, or holds something else: to go on would be to forget. */
  static async open(path: string): Promise<IpmiPins> {
    return new IpmiPins(path, await read(path));
  }

  has(peer: string): boolean {
    return this.#pins.has(peer);
  }

  add(peer: string): void {
    if (this.#pins.has(peer)) return;
    this.#pins.add(peer);
    this.#new.add(peer);
  }

  /** Writes what was added, beside what other processes have added meanwhile. NS_IPMI_PINS where that cannot be. */
  async save(): Promise<void> {
    if (this.#new.size === 0) return;
    await write(this.#path, new Set([...(await read(this.#path)), ...this.#new]));
    this.#new.clear();
  }

  /** Gives the peers whose pins were there, and are no more. */
  async forget(peers: readonly string[]): Promise<readonly string[]> {
    const kept = await read(this.#path);
    const gone = peers.filter((peer) => kept.delete(peer));
    if (gone.length > 0) await write(this.#path, kept);
    for (const peer of gone) this.#pins.delete(peer);
    return gone;
  }
}

/** $XDG_STATE_HOME/nightshift/ipmi-pins.json, ~/.local/state by default. */
export function usualPinFile(environment: NodeJS.ProcessEnv): string {
  const state = environment.XDG_STATE_HOME || join(environment.HOME || homedir(), '.local', 'state');
  return join(state, 'nightshift', 'ipmi-pins.json');
}

async function read(path: string): Promise<Set<string>> {
  try {
    const text = await readFile(path, 'utf8');
    if (text.length > MAX_BYTES) throw new Error('it is too large');
    return new Set(v.parse(shape, JSON.parse(text)).suite17);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Set();
    throw failed(path, 'read', error);
  }
}

/** Whole or not at all, and for its owner only. */
async function write(path: string, pins: ReadonlySet<string>): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(`${JSON.stringify({ v: 1, suite17: [...pins].sort() })}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw failed(path, 'written', error);
  }
}

const failed = (path: string, what: string, error: unknown): NsError =>
  new NsError('NS_IPMI_PINS', `the pins in ${path} cannot be ${what}: ${sentenceOf(error)}`, {
    cause: error,
  });
