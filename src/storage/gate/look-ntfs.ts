import { isAllZero, NsError, refusal } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { ATTRIBUTE, utf16 } from './ntfs-records.ts';
import { NtfsVolume } from './ntfs-volume.ts';
import type { Finding, HibernationEvidence, VolumeHead } from './volume-probe.ts';

const VOLUME_RECORD = 3;
const DIRTY = 1;
const HEADER = 4096;

type Evidence = Omit<HibernationEvidence, 'volume'>;

/** What the start of hiberfil.sys says. Windows empties its first page, or marks it "wake", after it has resumed. */
export function judgeHiberfil(start: Uint8Array): Evidence | undefined {
  const mark = Buffer.from(start.subarray(0, 4)).toString('latin1').toLowerCase();
  if (mark === 'hibr')
    return { finding: 'hibernated', what: 'hiberfil.sys of a hibernated or fast-started Windows' };
  if (mark === 'rstr') return { finding: 'hibernated', what: 'hiberfil.sys of a Windows that was resuming' };
  if (mark === 'wake' || isAllZero(start)) return undefined;
  return { finding: 'unknown', what: 'a hiberfil.sys that is not understood' };
}

async function describe(
  volume: NtfsVolume,
  signal?: AbortSignal,
): Promise<{ label: string; dirty: boolean }> {
  const { attributes } = await volume.record(VOLUME_RECORD, signal);
  const value = (type: number): Uint8Array => {
    const found = attributes.find((attribute) => attribute.type === type)?.value;
    return found instanceof Uint8Array ? found : new Uint8Array(0);
  };
  const flags = value(ATTRIBUTE.volumeInformation)[10] ?? DIRTY;
  return { label: utf16(value(ATTRIBUTE.volumeName)), dirty: (flags & DIRTY) !== 0 };
}

/** NTFS is named and refused, but whether it holds a hibernated Windows matters to every volume of the host. */
export async function lookForNtfs(
  device: BlockDevice,
  head: VolumeHead,
  signal?: AbortSignal,
): Promise<Finding | undefined> {
  if (head.text(3, 8) !== 'NTFS    ') return undefined;
  const serial = Buffer.from(head.bytes.subarray(0x48, 0x50)).reverse().toString('hex').toUpperCase();
  const readRefusal = refusal('VOLUME_UNSUPPORTED', 'The volume is NTFS, which this version does not read.');
  const finding = { type: 'ntfs', uuid: serial, readRefusal };
  try {
    const volume = await NtfsVolume.open(device, head.bytes.subarray(0, 512), signal);
    const { label, dirty } = await describe(volume, signal);
    const start = await volume.rootFile('hiberfil.sys', HEADER, signal);
    const evidence = start === undefined ? undefined : judgeHiberfil(start);
    return {
      ...finding,
      label,
      notes: dirty ? ['the volume is marked dirty'] : [],
      hibernation: evidence === undefined ? [] : [evidence],
    };
  } catch (error) {
    if (!(error instanceof NsError) || error.family !== 'peer') throw error;
    const what = `NTFS in which hiberfil.sys could not be looked for: ${error.message}`;
    return { ...finding, hibernation: [{ finding: 'unknown', what }] };
  }
}
