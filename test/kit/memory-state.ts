import { NsError } from '../../src/base/index.ts';
import type { BlockDevice, StagedFile, StateStore } from '../../src/ports/index.ts';
import { MemoryDevice } from './memory-device.ts';

const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/;

/**
 * Own storage in memory. `wrap` lets a test put a fault kit around every region and staged file; what was stored
 * outlives it, so the same store can be opened again after a cut by setting another wrap.
 */
export class MemoryState implements StateStore {
  wrap: (device: BlockDevice) => BlockDevice = (device) => device;
  readonly #documents = new Map<string, Uint8Array>();
  readonly #devices = new Map<string, MemoryDevice>();
  readonly #capacity: number;

  constructor(capacity = 64 * 1024 * 1024) {
    this.#capacity = capacity;
  }

  async readDocument(name: string): Promise<Uint8Array | undefined> {
    check(name);
    return this.#documents.get(name)?.slice();
  }

  async writeDocument(name: string, bytes: Uint8Array): Promise<void> {
    check(name);
    await this.#room(name, bytes.byteLength);
    this.#documents.set(name, bytes.slice());
  }

  async region(name: string, size: number): Promise<BlockDevice> {
    check(name);
    let device = this.#devices.get(name);
    if (device === undefined) {
      await this.#room(name, size);
      device = new MemoryDevice(name, size);
      this.#devices.set(name, device);
    }
    if (device.capabilities.size !== size) {
      throw new NsError('NS_STATE_SIZE', `${name} is there with another size`, { family: 'caller' });
    }
    return this.wrap(device);
  }

  async stagedFile(name: string, size: number): Promise<StagedFile> {
    return { name, size, data: await this.region(name, size) };
  }

  async remove(name: string): Promise<void> {
    check(name);
    this.#documents.delete(name);
    this.#devices.delete(name);
  }

  async names(prefix: string): Promise<readonly string[]> {
    return [...this.#documents.keys(), ...this.#devices.keys()]
      .filter((name) => name.startsWith(prefix))
      .sort();
  }

  async free(): Promise<number> {
    let used = 0;
    for (const bytes of this.#documents.values()) used += bytes.byteLength;
    for (const device of this.#devices.values()) used += device.capabilities.size;
    return Math.max(0, this.#capacity - used);
  }

  async #room(name: string, size: number): Promise<void> {
    if (size > (await this.free())) throw new NsError('NS_STATE_FULL', `no room for ${name}`);
  }
}

function check(name: string): void {
  if (!NAME.test(name)) {
    throw new NsError('NS_STATE_NAME', `${JSON.stringify(name)} is no name for own storage`, {
      family: 'caller',
    });
  }
}
