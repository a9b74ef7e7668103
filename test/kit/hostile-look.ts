import { NsError } from '../../src/base/index.ts';
import type { BlockDevice } from '../../src/ports/index.ts';
import {
  judgeVolume,
  openFileSystem,
  probeDisks,
  type VolumeProbe,
  volumeDevice,
} from '../../src/storage/index.ts';
import { hashOf } from './disk-tools.ts';

/** Files larger than this are not read: a size that was made up takes too long. */
const LARGEST = 8_000_000;
const MOST_NAMES = 10_000;

/** Files that should be found: path and SHA-256 of the contents. */
export type Truth = ReadonlyMap<string, string>;

export interface Looked {
  /** By volume: "right", the code of the refusal or failure, or what was found instead. */
  readonly volumes: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
}

const TOLD = ['NS_FS_CORRUPT', 'NS_FS_UNSUPPORTED'];

async function code(step: () => Promise<string>): Promise<string> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof NsError && TOLD.includes(error.code)) return error.code;
    throw error;
  }
}

/** Looks at a disk as an order to read would: the gate, and where it allows, the directories and these files. */
export async function lookAtDisk(device: BlockDevice, truth: Truth): Promise<Looked> {
  const probes = await probeDisks([{ disk: 'disk0', device }]);
  const hibernation = probes.flatMap((probe) => probe.hibernation);
  const volumes = new Map<string, string>();
  for (const probe of probes) {
    if (probe.refusal !== undefined) volumes.set(probe.disk, probe.refusal.code);
    for (const volume of probe.volumes) {
      const verdict = judgeVolume(volume, hibernation, { want: 'read', staleOk: true });
      const said = verdict.ok ? await code(() => lookInside(device, volume, truth)) : exact(verdict.refusal);
      volumes.set(volume.name, said);
    }
  }
  return { volumes, notes: probes.flatMap(({ notes }) => notes) };
}

function exact({ code: why, sentence, remedy }: { code: string; sentence: string; remedy: string }): string {
  if (sentence === '' || remedy === '') throw new Error(`${why} is refused without a word`);
  return why;
}

async function lookInside(device: BlockDevice, volume: VolumeProbe, truth: Truth): Promise<string> {
  const fs = await openFileSystem(volumeDevice(device, volume), volume.type);
  const listed = await fs.list('/');
  let names = 0;
  if (listed.ok) {
    for await (const _ of listed.value) {
      names += 1;
      if (names > MOST_NAMES) throw new Error('names without end');
    }
  }
  const faults = new Set<string>();
  for (const [path, hash] of truth) {
    const found = await code(async () => {
      const file = await fs.open(path);
      if (!file.ok) return file.refusal.code;
      if (file.value.stat.size > LARGEST) return 'too large';
      return (await hashOf(file.value, 65_536)) === hash ? 'right' : 'other contents';
    });
    if (found !== 'right') faults.add(found);
  }
  return faults.size === 0 ? 'right' : [...faults].sort().join(', ');
}

/** The extremes of a field of so many bytes, little-endian unless said: 0, 1, the largest, the sign bit alone, and one bit off. */
export function extremes(now: Uint8Array, endian: 'little' | 'big' = 'little'): Uint8Array[] {
  const width = now.byteLength;
  const low = endian === 'little' ? 0 : width - 1;
  const high = width - 1 - low;
  const of = (fill: number, at?: number, value = 0): Uint8Array => {
    const bytes = new Uint8Array(width).fill(fill);
    if (at !== undefined) bytes[at] = value;
    return bytes;
  };
  const flipped = Uint8Array.from(now);
  flipped[low]! ^= 1;
  return [of(0), of(0, low, 1), of(0xff), of(0, high, 0x80), of(0xff, high, 0x7f), flipped];
}
