import { NsError } from '../../base/index.ts';
import type { ChainRegisters, Stop } from '../../ports/index.ts';
import { type MapEntry, REGISTER_MAP } from './register-map.ts';
import { type UnitBehindRegisters, UnitFile } from './unit-file.ts';

/** The registers of units in this process: the first implementation of the port, and what drivers are tested against. */
export class SimRegisters implements ChainRegisters {
  readonly name: string;
  readonly #files: readonly UnitFile[];
  readonly #listeners = new Set<(unit: number) => void>();

  constructor(name: string, units: readonly UnitBehindRegisters[]) {
    this.name = name;
    this.#files = units.map(
      (unit, at) =>
        new UnitFile(unit, () => {
          for (const listener of this.#listeners) listener(at);
        }),
    );
  }

  async units(signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    return this.#files.length;
  }

  async read32(unit: number, offset: number, signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    const { file, entry } = this.#find(unit, offset);
    return file.read(entry, offset) >>> 0;
  }

  async write32(unit: number, offset: number, value: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { file, entry } = this.#find(unit, offset);
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff)
      throw new NsError('NS_REGISTER', `${value} is no word of 32 bits`, { family: 'caller' });
    file.write(entry, offset, value);
  }

  onInterrupt(listener: (unit: number) => void): Stop {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    for (const file of this.#files) file.stop();
    this.#listeners.clear();
  }

  #find(unit: number, offset: number): { file: UnitFile; entry: MapEntry } {
    const file = this.#files[unit];
    const entry = REGISTER_MAP.find((each) => offset >= each.offset && offset < each.offset + each.words * 4);
    if (file === undefined || entry === undefined || offset % 4 !== 0)
      throw new NsError('NS_REGISTER', `${this.name} has no register ${offset} in unit ${unit}`, {
        family: 'caller',
      });
    return { file, entry };
  }
}
