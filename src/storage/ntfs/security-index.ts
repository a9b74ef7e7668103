import { ByteView, KiB } from '../../base/index.ts';
import { corrupt } from '../corrupt.ts';
import { SECTOR } from './boot-sector.ts';
import { ATTRIBUTE, fixUp } from './records.ts';
import type { NtfsRecord, NtfsVolume } from './volume.ts';

/** Record 9 is $Secure: all security descriptors of the volume, each once, by number (linux-ntfs documentation, "$Secure"). */
const SECURE_RECORD = 9;
const BY_ID = '$SII';
const DESCRIPTORS = '$SDS';
const DEEPEST = 24;
const NODE_AT = 0x18;
const ENTRY_FLAG = { child: 1, last: 2 } as const;
/** In front of each descriptor: hash, number, place and length with these 20 bytes. */
const DESCRIPTOR_HEADER = 20;
const LARGEST = 64 * KiB + DESCRIPTOR_HEADER;
const MOST_KEPT = 64;

interface Place {
  readonly offset: number;
  readonly length: number;
}

type Found = { readonly place: Place } | { readonly child: number } | undefined;

/** The security descriptors of a volume by their number. The last ones are kept: many files have the same. */
export class SecurityDescriptors {
  readonly #volume: NtfsVolume;
  readonly #kept = new Map<number, Uint8Array>();

  constructor(volume: NtfsVolume) {
    this.#volume = volume;
  }

  /** Self-relative, as Windows and ntfs-3g give it; undefined where the volume has none of this number. */
  async find(id: number, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const known = this.#kept.get(id);
    if (known !== undefined) return known;
    const secure = await this.#volume.record(SECURE_RECORD, signal);
    const place = await this.#placeOf(secure, id, signal);
    if (place === undefined) return undefined;
    const stream = await this.#volume.stream(secure, ATTRIBUTE.data, DESCRIPTORS, signal);
    const bytes = new Uint8Array(place.length);
    if ((await stream?.read(place.offset, bytes, signal)) !== bytes.byteLength) {
      throw corrupt(`security descriptor ${id} lies outside of its file`);
    }
    if (new ByteView(bytes, 'a security descriptor').u32le(4) !== id) {
      throw corrupt(`there is no security descriptor ${id} where it should be`);
    }
    const descriptor = bytes.subarray(DESCRIPTOR_HEADER);
    const oldest = this.#kept.keys().next();
    if (this.#kept.size >= MOST_KEPT && oldest.done !== true) this.#kept.delete(oldest.value);
    this.#kept.set(id, descriptor);
    return descriptor;
  }

  async #placeOf(secure: NtfsRecord, id: number, signal?: AbortSignal): Promise<Place | undefined> {
    const start = await this.#volume.stream(secure, ATTRIBUTE.indexRoot, BY_ID, signal);
    if (start === undefined || start.size > this.#volume.layout.recordSize) {
      throw corrupt('$Secure has no index by number');
    }
    const root = new Uint8Array(start.size);
    await start.read(0, root, signal);
    const view = new ByteView(root, 'NTFS index root');
    const blockSize = view.u32le(8);
    if (blockSize < SECTOR || blockSize > 64 * KiB || blockSize % SECTOR !== 0) {
      throw corrupt(`an NTFS index has blocks of ${blockSize} bytes`);
    }
    const { clusterSize } = this.#volume.layout;
    const step = blockSize < clusterSize ? SECTOR : clusterSize;
    const blocks = await this.#volume.stream(secure, ATTRIBUTE.indexAllocation, BY_ID, signal);
    let found = lookUp(view, 16, id);
    for (let depth = 0; found !== undefined; depth += 1) {
      if ('place' in found) return found.place;
      const block = new Uint8Array(blockSize);
      const read = await blocks?.read(found.child * step, block, signal);
      if (depth >= DEEPEST || read !== blockSize) throw corrupt('the index of $Secure makes no sense');
      found = lookUp(fixUp(block, 'INDX'), NODE_AT, id);
    }
    return undefined;
  }
}

/** One node of the index, whose keys are 32-bit numbers in order. */
function lookUp(view: ByteView, header: number, id: number): Found {
  const end = Math.min(view.length, header + view.u32le(header + 4));
  for (let at = header + view.u32le(header); at + 16 <= end; ) {
    const length = view.u16le(at + 8);
    const flags = view.u16le(at + 12);
    if (length < 16 || at + length > end)
      throw corrupt('an entry of the index of $Secure has the wrong length');
    const last = (flags & ENTRY_FLAG.last) !== 0;
    const key = last ? Number.POSITIVE_INFINITY : view.u32le(at + 16);
    if (key === id) return { place: placeAt(view, at + view.u16le(at), id) };
    if (key > id) {
      return (flags & ENTRY_FLAG.child) === 0 ? undefined : { child: view.u64leNumber(at + length - 8) };
    }
    at += length;
  }
  return undefined;
}

function placeAt(view: ByteView, at: number, id: number): Place {
  const length = view.u32le(at + 16);
  if (view.u32le(at + 4) !== id || length <= DESCRIPTOR_HEADER || length > LARGEST) {
    throw corrupt(`security descriptor ${id} has no place`);
  }
  return { offset: view.u64leNumber(at + 8), length };
}
