import { ByteView, crc32, fromUtf8Lossy } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { type LvmSection, type LvmValue, parseLvmText } from './lvm-text.ts';

const HEADER = 512;
const MAGIC = ' LVM2 x[5A%r0N*>';
const MOST_AREAS = 8;
/** Text of a volume group that is read: some thousand logical volumes. */
const MOST_TEXT = 1024 * 1024;
const MOST_VOLUMES = 1024;
const IGNORED = 1;

/** LVM's checksum: CRC-32 from a start of its own, and not inverted at the end (lvm2, lib/misc/crc.c). */
const lvmCrc = (data: Uint8Array): number => ~crc32(data, ~0xf597a6cf >>> 0) >>> 0;

export interface LogicalVolume {
  readonly name: string;
  /** "linear", "striped", "thin", …: of its segments, or "mixed". */
  readonly layout: string;
  /** Its whole length, in extents of the group. */
  readonly extents: number;
  /** Where it begins, for a linear one. */
  readonly first?: { readonly physical: string; readonly extent: number };
}

export interface VolumeGroup {
  readonly name: string;
  readonly uuid: string;
  /** Bytes. */
  readonly extentSize: number;
  readonly physical: readonly {
    /** "pv0" */
    readonly name: string;
    readonly uuid: string;
    /** Bytes from its beginning to its first extent. */
    readonly start: number;
  }[];
  readonly volumes: readonly LogicalVolume[];
}

/**
 * The volume group as one of the metadata areas of a physical volume tells of it (lvm2, lib/format_text/layout.h).
 * `label`: its label sector; `at`: where in it the header of the physical volume begins. Undefined where none is whole.
 */
export async function readVolumeGroup(
  device: BlockDevice,
  label: ByteView,
  at: number,
  signal?: AbortSignal,
): Promise<VolumeGroup | undefined> {
  for (const area of metadataAreas(label, at)) {
    const text = await readText(device, area, signal);
    const group = text === undefined ? undefined : groupIn(text);
    if (group !== undefined) return group;
  }
  return undefined;
}

interface Stretch {
  readonly start: number;
  readonly length: number;
}

/** Two lists of places, each ended by zeros: of data, and then of metadata. */
function metadataAreas(label: ByteView, header: number): Stretch[] {
  const areas: Stretch[] = [];
  let lists = 0;
  for (let at = header + 40; at + 16 <= HEADER && lists < 2 && areas.length < MOST_AREAS; at += 16) {
    const start = Number(label.u64le(at));
    if (start === 0) lists += 1;
    else if (lists === 1) areas.push({ start, length: Number(label.u64le(at + 8)) });
  }
  return areas;
}

async function readText(
  device: BlockDevice,
  { start, length }: Stretch,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const { size } = device.capabilities;
  if (start + length > size || length < 2 * HEADER) return undefined;
  const bytes = new Uint8Array(HEADER);
  await device.read(start, bytes, signal);
  const header = new ByteView(bytes, 'LVM metadata area');
  if (header.ascii(4, 16) !== MAGIC || lvmCrc(bytes.subarray(4)) !== header.u32le(0)) return undefined;
  const [offset, count] = [Number(header.u64le(40)), Number(header.u64le(48))];
  const ignored = (header.u32le(60) & IGNORED) !== 0;
  if (
    ignored ||
    offset < HEADER ||
    offset >= length ||
    count === 0 ||
    count > Math.min(MOST_TEXT, length - HEADER)
  ) {
    return undefined;
  }
  const text = new Uint8Array(count);
  const before = Math.min(count, length - offset);
  await device.read(start + offset, text.subarray(0, before), signal);
  // The area is a ring, behind its header.
  if (before < count) await device.read(start + HEADER, text.subarray(before), signal);
  return lvmCrc(text) === header.u32le(56) ? fromUtf8Lossy(text) : undefined;
}

const number = (value: LvmValue | undefined): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
const text = (value: LvmValue | undefined): string => (typeof value === 'string' ? value : '');
const section = (value: LvmValue | undefined): LvmSection =>
  value instanceof Map ? value : new Map<string, LvmValue>();
const sections = (value: LvmValue | undefined): [string, LvmSection][] =>
  [...section(value)].flatMap(([name, one]) =>
    one instanceof Map ? [[name, one] as [string, LvmSection]] : [],
  );

function groupIn(written: string): VolumeGroup | undefined {
  const found = sections(parseLvmText(written))[0];
  if (found === undefined) return undefined;
  const [name, group] = found;
  const extentSize = (number(group.get('extent_size')) ?? 0) * 512;
  if (extentSize === 0) return undefined;
  return {
    name,
    uuid: text(group.get('id')),
    extentSize,
    physical: sections(group.get('physical_volumes')).map(([pv, of]) => ({
      name: pv,
      uuid: text(of.get('id')),
      start: (number(of.get('pe_start')) ?? 0) * 512,
    })),
    volumes: sections(group.get('logical_volumes'))
      .slice(0, MOST_VOLUMES)
      .map(([lv, of]) => volumeOf(lv, of)),
  };
}

function volumeOf(name: string, of: LvmSection): LogicalVolume {
  const segments = sections(of).filter(([key]) => key.startsWith('segment'));
  const extents = segments.reduce((sum, [, one]) => sum + (number(one.get('extent_count')) ?? 0), 0);
  const layouts = new Set(segments.map(([, one]) => layoutOf(one)));
  const [layout = 'empty'] = layouts;
  const stripes = segments[0]?.[1].get('stripes');
  const [physical, extent] = Array.isArray(stripes) ? stripes : [];
  const first =
    typeof physical === 'string' && number(extent) !== undefined
      ? { physical, extent: number(extent)! }
      : undefined;
  return {
    name,
    layout: layouts.size > 1 ? 'mixed' : layout,
    extents,
    ...(first === undefined ? {} : { first }),
  };
}

function layoutOf(segment: LvmSection): string {
  const type = text(segment.get('type'));
  return type === 'striped' && segment.get('stripe_count') === 1 ? 'linear' : type.slice(0, 32) || 'unknown';
}
