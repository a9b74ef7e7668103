import { ByteView } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import {
  ATTRIBUTE,
  decodeAttributes,
  decodeIndex,
  decodeNtfsBoot,
  fixUp,
  type NtfsAttribute,
  type NtfsIndexEntry,
  type NtfsRun,
  type NtfsShape,
  ntfsFault,
} from './ntfs-records.ts';

const MFT_RECORD = 0;
const ROOT_RECORD = 5;
const MAX_INDEX = 8 * 1024 * 1024;
const MAX_LIST = 256 * 1024;

interface NtfsRecord {
  readonly sequence: number;
  readonly inUse: boolean;
  readonly attributes: readonly NtfsAttribute[];
}

/** Just enough of an NTFS volume to find a file of the root directory and read its beginning. */
export class NtfsVolume {
  readonly #device: BlockDevice;
  readonly #shape: NtfsShape;
  #mft: readonly NtfsRun[];

  private constructor(device: BlockDevice, shape: NtfsShape) {
    this.#device = device;
    this.#shape = shape;
    this.#mft = [{ at: shape.mftAt, length: 16 * shape.recordSize }];
  }

  /** Throws NS_NTFS_CORRUPT, as everything here does. */
  static async open(device: BlockDevice, boot: Uint8Array, signal?: AbortSignal): Promise<NtfsVolume> {
    const volume = new NtfsVolume(device, decodeNtfsBoot(boot, device.capabilities.size));
    const data = (await volume.record(MFT_RECORD, signal)).attributes.find(
      ({ type, name, firstCluster }) => type === ATTRIBUTE.data && name === '' && firstCluster === 0,
    );
    if (data === undefined || data.value instanceof Uint8Array) throw ntfsFault('the MFT has no place');
    volume.#mft = data.value;
    return volume;
  }

  async #readRuns(
    runs: readonly NtfsRun[],
    offset: number,
    length: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let start = 0;
    let done = 0;
    for (const run of runs) {
      const from = offset + done - start;
      if (from < run.length && done < length) {
        const count = Math.min(length - done, run.length - from);
        if (run.at !== undefined) {
          if (run.at + from + count > this.#device.capabilities.size) {
            throw ntfsFault('an NTFS run lies outside the volume');
          }
          await this.#device.read(run.at + from, bytes.subarray(done, done + count), signal);
        }
        done += count;
      }
      start += run.length;
    }
    if (done < length) throw ntfsFault('an NTFS file ends too early');
    return bytes;
  }

  async record(number: number, signal?: AbortSignal): Promise<NtfsRecord> {
    const { recordSize, clusterSize } = this.#shape;
    const view = fixUp(await this.#readRuns(this.#mft, number * recordSize, recordSize, signal), 'FILE');
    return {
      sequence: view.u16le(0x10),
      inUse: (view.u16le(0x16) & 1) !== 0,
      attributes: decodeAttributes(view, clusterSize),
    };
  }

  /** The first `length` bytes of an attribute's value, fewer where it is shorter. */
  async #valueOf(attribute: NtfsAttribute, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    if (attribute.value instanceof Uint8Array) return attribute.value.subarray(0, length);
    const total = attribute.value.reduce((sum, run) => sum + run.length, 0);
    return await this.#readRuns(attribute.value, 0, Math.min(total, length), signal);
  }

  /** The start of an attribute, in the record or in the one that its attribute list names. */
  async #attribute(
    record: NtfsRecord,
    type: number,
    name: string,
    signal?: AbortSignal,
  ): Promise<NtfsAttribute | undefined> {
    const fits = (a: NtfsAttribute): boolean => a.type === type && a.name === name && a.firstCluster === 0;
    const own = record.attributes.find(fits);
    const list = record.attributes.find((attribute) => attribute.type === ATTRIBUTE.list);
    if (own !== undefined || list === undefined) return own;
    const view = new ByteView(await this.#valueOf(list, MAX_LIST, signal), 'NTFS attribute list');
    for (let at = 0; at + 24 <= view.length; ) {
      const length = view.u16le(at + 4);
      if (length < 24) break;
      if (view.u32le(at) === type && view.u64le(at + 8) === 0n) {
        const holder = await this.record(view.u32le(at + 16) + view.u16le(at + 20) * 2 ** 32, signal);
        const found = holder.attributes.find(fits);
        if (found !== undefined) return found;
      }
      at += length;
    }
    return undefined;
  }

  async #rootEntries(signal?: AbortSignal): Promise<NtfsIndexEntry[]> {
    const root = await this.record(ROOT_RECORD, signal);
    const start = await this.#attribute(root, ATTRIBUTE.indexRoot, '$I30', signal);
    if (start === undefined || !(start.value instanceof Uint8Array)) throw ntfsFault('the root has no index');
    const view = new ByteView(start.value, 'NTFS index root');
    const entries = decodeIndex(view, 16);
    const more = await this.#attribute(root, ATTRIBUTE.indexAllocation, '$I30', signal);
    if (more === undefined || more.value instanceof Uint8Array) return entries;
    const blockSize = view.u32le(8);
    const total = more.value.reduce((sum, run) => sum + run.length, 0);
    if (blockSize < 512 || blockSize > 65536 || blockSize % 512 !== 0 || total > MAX_INDEX) {
      throw ntfsFault('the root directory is too large to search');
    }
    for (let at = 0; at + blockSize <= total; at += blockSize) {
      const block = await this.#readRuns(more.value, at, blockSize, signal);
      // A block that was never used has no signature.
      if (block.subarray(0, 4).every((byte) => byte === 0)) continue;
      entries.push(...decodeIndex(fixUp(block, 'INDX'), 0x18));
    }
    return entries;
  }

  /** The beginning of a file in the root directory; undefined where there is none of this name. */
  async rootFile(name: string, length: number, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    for (const entry of await this.#rootEntries(signal)) {
      if (entry.name.toLowerCase() !== name) continue;
      const record = await this.record(entry.record, signal);
      // Blocks no longer in use may still hold names of deleted files.
      if (!record.inUse || record.sequence !== entry.sequence) continue;
      const data = await this.#attribute(record, ATTRIBUTE.data, '', signal);
      if (data === undefined || data.special) throw ntfsFault(`${name} is kept in a way not read here`);
      return await this.#valueOf(data, length, signal);
    }
    return undefined;
  }
}
