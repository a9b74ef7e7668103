import type { KernelFiles } from '../../src/adapters/linux/index.ts';
import { NsError } from '../../src/base/index.ts';

/** What the kernel shows as files, in memory: everything that was written to it is kept, in order. */
export class FakeKernelFiles implements KernelFiles {
  readonly files: Map<string, string>;
  readonly written: [path: string, value: string][] = [];
  readonly failing = new Set<string>();

  constructor(files: Readonly<Record<string, string>>) {
    this.files = new Map(Object.entries(files));
  }

  async has(path: string): Promise<boolean> {
    return [...this.files.keys()].some((each) => each === path || each.startsWith(`${path}/`));
  }

  async list(path: string): Promise<readonly string[]> {
    const below = [...this.files.keys()].filter((each) => each.startsWith(`${path}/`));
    return [...new Set(below.map((each) => each.slice(path.length + 1).split('/')[0] ?? ''))];
  }

  async text(path: string): Promise<string> {
    const text = this.files.get(path);
    if (text === undefined || this.failing.has(path)) throw new NsError('NS_IO_FAILED', `${path}: it fails`);
    return text.trim();
  }

  async bytes(path: string, most: number): Promise<Uint8Array> {
    return Buffer.from(await this.text(path), 'latin1').subarray(0, most);
  }

  async write(path: string, value: string): Promise<void> {
    if (this.failing.has(path)) throw new NsError('NS_IO_FAILED', `${path}: it fails`);
    this.written.push([path, value]);
    this.files.set(path, value);
  }

  async target(path: string): Promise<string> {
    return this.text(path);
  }
}
