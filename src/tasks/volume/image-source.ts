import { MiB, NsError } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { type UnusedSpace, unusedSpace, type VolumeProbe } from '../../storage/index.ts';

/** A volume that lies in an image, `start` bytes from its beginning. */
export interface Part {
  readonly volume: VolumeProbe;
  readonly device: BlockDevice;
  readonly start: number;
}

interface FreePart extends UnusedSpace {
  readonly start: number;
  readonly end: number;
}

const STRIDE = 1 * MiB;
/** So far is looked ahead in one call. */
const AHEAD = 64 * MiB;

/** The bytes of an image: those of the device, but for free space of the volumes that are to be sent without it. */
export class ImageSource {
  /** Of which volumes free space is left out, and of which not, and why. */
  readonly notes: readonly string[];
  readonly #device: BlockDevice;
  readonly #free: readonly FreePart[];

  private constructor(device: BlockDevice, free: readonly FreePart[], notes: readonly string[]) {
    this.#device = device;
    this.#free = free;
    this.notes = notes;
  }

  /** `parts`: the volumes that are to be sent without their free space, as far as their own maps can be believed. */
  static async open(device: BlockDevice, parts: readonly Part[], signal: AbortSignal): Promise<ImageSource> {
    const free: FreePart[] = [];
    const notes: string[] = [];
    for (const { volume, device: inside, start } of parts) {
      const { name, size } = volume;
      const unused = await believed(volume, inside, signal);
      if (typeof unused === 'string') notes.push(`${name} is whole: ${unused}`);
      else {
        free.push({ start, end: start + size, ...unused });
        notes.push(`of ${name} only what it uses is here; its free space reads as zeros`);
      }
    }
    free.sort((a, b) => a.start - b.start);
    return new ImageSource(device, free, notes);
  }

  /** Fills the whole of `into`. */
  async read(offset: number, into: Uint8Array, signal: AbortSignal): Promise<void> {
    if (await this.#isFree(offset, into.byteLength)) {
      into.fill(0);
      return;
    }
    await this.#device.read(offset, into, signal);
    const end = offset + into.byteLength;
    for (const { start, end: partEnd, granule, isFree } of this.#free) {
      const first = Math.max(offset, start);
      for (let at = first - ((first - start) % granule); at < Math.min(end, partEnd); at += granule) {
        const until = Math.min(at + granule, partEnd);
        if (!(await isFree(at - start, until - at))) continue;
        into.fill(0, Math.max(at, offset) - offset, Math.min(until, end) - offset);
      }
    }
  }

  /** How many bytes from `offset` on are free space; perhaps more are. */
  async zeros(offset: number, length: number, signal: AbortSignal): Promise<number> {
    const end = offset + Math.min(length, AHEAD);
    let at = offset;
    while (at < end) {
      signal.throwIfAborted();
      const next = Math.min(at + STRIDE, end);
      if (!(await this.#isFree(at, next - at))) break;
      at = next;
    }
    return at - offset;
  }

  async #isFree(offset: number, length: number): Promise<boolean> {
    const part = this.#free.find(({ start, end }) => start <= offset && offset + length <= end);
    return part !== undefined && (await part.isFree(offset - part.start, length));
  }
}

/** What tells free space; or why that is not to be believed. */
async function believed(
  volume: VolumeProbe,
  device: BlockDevice,
  signal: AbortSignal,
): Promise<UnusedSpace | string> {
  const [why] = [...(volume.readRefusal === undefined ? [] : [volume.readRefusal]), ...volume.writeRefusals];
  if (why !== undefined) return why.sentence;
  if (volume.journal === 'dirty' || volume.journal === 'dirty-external') return 'its journal holds changes';
  try {
    return (await unusedSpace(device, volume.type, signal)) ?? 'what it uses is not known here';
  } catch (error) {
    if (!(error instanceof NsError) || error.family !== 'peer') throw error;
    return error.sentence;
  }
}
