import { ByteView, KiB } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { corrupt } from '../corrupt.ts';
import { decodeNtfsBoot, type NtfsLayout } from './boot-sector.ts';
import { ATTRIBUTE, decodeAttributes, fixUp, type NtfsAttribute, reference } from './records.ts';
import { type NtfsStream, readRuns, streamOf } from './stream.ts';

const MFT_RECORD = 0;
const MAX_LIST = 256 * KiB;
/** An attribute in more parts than this is one of a volume that somebody has prepared. */
const MAX_PARTS = 4096;
const RECORD_FLAG = { inUse: 1, directory: 2 } as const;

/** A FILE record: a file, a directory, or more attributes of one. */
export interface NtfsRecord {
  readonly number: number;
  readonly sequence: number;
  readonly inUse: boolean;
  readonly directory: boolean;
  readonly links: number;
  /** The record that this one holds attributes for; 0 where it is a file's own. */
  readonly base: number;
  readonly attributes: readonly NtfsAttribute[];
}

/** A FILE record, already fixed up. */
export function decodeRecord(number: number, view: ByteView): NtfsRecord {
  const flags = view.u16le(0x16);
  return {
    number,
    sequence: view.u16le(0x10),
    links: view.u16le(0x12),
    base: reference(view, 0x20).record,
    inUse: (flags & RECORD_FLAG.inUse) !== 0,
    directory: (flags & RECORD_FLAG.directory) !== 0,
    attributes: decodeAttributes(view),
  };
}

/** An NTFS volume: its records by number, and what their attributes hold. */
export class NtfsVolume {
  readonly device: BlockDevice;
  readonly layout: NtfsLayout;
  #mft: NtfsStream;

  private constructor(device: BlockDevice, layout: NtfsLayout) {
    this.device = device;
    this.layout = layout;
    const { clusterSize, recordSize, mftAt } = layout;
    const size = 16 * recordSize;
    const run = { cluster: mftAt / clusterSize, count: Math.ceil(size / clusterSize) };
    this.#mft = readRuns(device, clusterSize, { runs: [run], size, initialized: size });
  }

  /** Throws NS_FS_CORRUPT, as everything here does. */
  static async open(device: BlockDevice, boot: Uint8Array, signal?: AbortSignal): Promise<NtfsVolume> {
    const volume = new NtfsVolume(device, decodeNtfsBoot(boot, device.capabilities.size));
    await volume.#findMft(signal);
    return volume;
  }

  /** The table of records is a file of its own. Where it is in many pieces, later ones are found by means of the earlier. */
  async #findMft(signal?: AbortSignal): Promise<void> {
    const record = await this.record(MFT_RECORD, signal);
    const own = record.attributes.filter(isPartOf(ATTRIBUTE.data, ''));
    this.#mft = streamOf(this.device, this.layout.clusterSize, own, { whole: false });
    const parts = [...own];
    for (const number of await this.holders(record, ATTRIBUTE.data, '', signal)) {
      if (number === MFT_RECORD) continue;
      parts.push(...(await this.record(number, signal)).attributes.filter(isPartOf(ATTRIBUTE.data, '')));
      this.#mft = streamOf(this.device, this.layout.clusterSize, parts, { whole: false });
    }
    this.#mft = streamOf(this.device, this.layout.clusterSize, parts, { whole: true });
  }

  /** The table of records, as a file. */
  get mft(): NtfsStream {
    return this.#mft;
  }

  async record(number: number, signal?: AbortSignal): Promise<NtfsRecord> {
    const bytes = new Uint8Array(this.layout.recordSize);
    if ((await this.#mft.read(number * bytes.byteLength, bytes, signal)) < bytes.byteLength) {
      throw corrupt(`there is no NTFS record ${number}`);
    }
    return decodeRecord(number, fixUp(bytes, 'FILE'));
  }

  /** All parts of an attribute, from the record and from those that its attribute list names. None where there is none. */
  async parts(
    record: NtfsRecord,
    type: number,
    name: string,
    signal?: AbortSignal,
  ): Promise<readonly NtfsAttribute[]> {
    const fits = isPartOf(type, name);
    const parts = record.attributes.filter(fits);
    for (const number of await this.holders(record, type, name, signal)) {
      if (number === record.number) continue;
      parts.push(...(await this.record(number, signal)).attributes.filter(fits));
      if (parts.length > MAX_PARTS) throw corrupt(`record ${record.number} has too many parts`);
    }
    return parts;
  }

  /** The names of all attributes of a type that have one. */
  async names(record: NtfsRecord, type: number, signal?: AbortSignal): Promise<readonly string[]> {
    const found = new Set<string>();
    const take = ({ attributes }: NtfsRecord): void => {
      for (const attribute of attributes) {
        if (attribute.type === type && attribute.name !== '') found.add(attribute.name);
      }
    };
    take(record);
    for (const number of await this.holders(record, type, 'any', signal)) {
      if (number !== record.number) take(await this.record(number, signal));
      if (found.size > MAX_PARTS) throw corrupt(`record ${record.number} has too many streams`);
    }
    return [...found];
  }

  /** What an attribute holds; undefined where the record has none of this type and name. */
  async stream(
    record: NtfsRecord,
    type: number,
    name: string,
    signal?: AbortSignal,
  ): Promise<NtfsStream | undefined> {
    const parts = await this.parts(record, type, name, signal);
    return parts.length === 0
      ? undefined
      : streamOf(this.device, this.layout.clusterSize, parts, { whole: true });
  }

  /** The records that hold parts of an attribute by the list of this one, each once. */
  async holders(
    record: NtfsRecord,
    type: number,
    name: string,
    signal?: AbortSignal,
  ): Promise<readonly number[]> {
    const list = record.attributes.filter(isPartOf(ATTRIBUTE.list, ''));
    if (list.length === 0) return [];
    const stream = streamOf(this.device, this.layout.clusterSize, list, { whole: true });
    if (stream.size > MAX_LIST) throw corrupt(`record ${record.number} has too long a list of attributes`);
    const bytes = new Uint8Array(stream.size);
    await stream.read(0, bytes, signal);
    const view = new ByteView(bytes, 'NTFS attribute list');
    const holders = new Set<number>();
    for (let at = 0; at + 24 <= view.length; ) {
      const length = view.u16le(at + 4);
      if (length < 24) break;
      const named = view.u8(at + 6) > 0;
      if (view.u32le(at) === type && named === (name !== '')) holders.add(reference(view, at + 16).record);
      at += length;
    }
    return [...holders];
  }
}

function isPartOf(type: number, name: string): (attribute: NtfsAttribute) => boolean {
  return (attribute) => attribute.type === type && attribute.name === name;
}
