import { corrupt } from '../corrupt.ts';
import { ATTRIBUTE } from './records.ts';
import type { NtfsVolume } from './volume.ts';

const UPCASE_RECORD = 10;
const UNITS = 65_536;

/** The volume's own table of capital letters, by which its directories are in order. */
export class Upcase {
  readonly #table: Uint16Array;

  constructor(table: Uint16Array) {
    this.#table = table;
  }

  static async read(volume: NtfsVolume, signal?: AbortSignal): Promise<Upcase> {
    const record = await volume.record(UPCASE_RECORD, signal);
    const stream = await volume.stream(record, ATTRIBUTE.data, '', signal);
    if (stream === undefined || stream.size !== UNITS * 2) throw corrupt('$UpCase has not its length');
    const bytes = new Uint8Array(UNITS * 2);
    await stream.read(0, bytes, signal);
    const view = new DataView(bytes.buffer);
    const table = new Uint16Array(UNITS);
    for (let unit = 0; unit < UNITS; unit += 1) table[unit] = view.getUint16(unit * 2, true);
    return new Upcase(table);
  }

  /** In capital letters: the same for names that differ in case alone. */
  fold(name: string): string {
    let folded = '';
    for (let i = 0; i < name.length; i += 1) folded += String.fromCharCode(this.#table[name.charCodeAt(i)]!);
    return folded;
  }

  /** Below 0 where `a` comes before `b`, 0 where they differ in case at most. */
  compare(a: string, b: string): number {
    const shorter = Math.min(a.length, b.length);
    for (let i = 0; i < shorter; i += 1) {
      const order = this.#table[a.charCodeAt(i)]! - this.#table[b.charCodeAt(i)]!;
      if (order !== 0) return order;
    }
    return a.length - b.length;
  }
}
