import { isAllZero, NsError, refusal } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import { overHostileBytes } from '../corrupt.ts';
import { NtfsDirectory } from '../ntfs/directory.ts';
import { ATTRIBUTE, utf16 } from '../ntfs/records.ts';
import { NtfsVolume } from '../ntfs/volume.ts';
import { whyNotWritable } from '../ntfs/writable.ts';
import type { Finding, HibernationEvidence, VolumeHead } from './volume-probe.ts';

const VOLUME_RECORD = 3;
const ROOT_RECORD = 5;
const DIRTY = 1;
const HEADER = 4096;
/** Names of a root directory that are looked at. */
const LOOKED_AT = 100_000;

type Evidence = Omit<HibernationEvidence, 'volume'>;

/** What the start of hiberfil.sys says. Windows empties its first page, or marks it "wake", after it has resumed. */
function judgeHiberfil(start: Uint8Array): Evidence | undefined {
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
    return found !== undefined && 'resident' in found ? found.resident : new Uint8Array(0);
  };
  const flags = value(ATTRIBUTE.volumeInformation)[10] ?? DIRTY;
  return { label: utf16(value(ATTRIBUTE.volumeName)), dirty: (flags & DIRTY) !== 0 };
}

/**
 * The beginning of hiberfil.sys; undefined where there is none. Every name of the root directory is looked at, whatever
 * their order: a file that is not found here must not be there.
 */
async function readHiberfil(volume: NtfsVolume, signal?: AbortSignal): Promise<Uint8Array | undefined> {
  const root = await NtfsDirectory.open(volume, await volume.record(ROOT_RECORD, signal), signal);
  let seen = 0;
  for await (const entry of root.entries(signal, true)) {
    seen += 1;
    if (seen > LOOKED_AT)
      throw new NsError('NS_FS_UNSUPPORTED', 'its root directory is too large', { family: 'peer' });
    if (entry.name.toLowerCase() !== 'hiberfil.sys') continue;
    const record = await volume.record(entry.record, signal);
    // Blocks no longer in use may still hold names of deleted files.
    if (!record.inUse || record.sequence !== entry.sequence) continue;
    const data = await volume.stream(record, ATTRIBUTE.data, '', signal);
    if (data === undefined || record.attributes.some(({ type }) => type === ATTRIBUTE.reparsePoint)) {
      throw new NsError('NS_FS_UNSUPPORTED', 'hiberfil.sys is kept in a way not read here', {
        family: 'peer',
      });
    }
    const start = new Uint8Array(Math.min(HEADER, data.size));
    await data.read(0, start, signal);
    return start;
  }
  return undefined;
}

/** Of a volume that is NTFS by its boot sector. Whether it holds a hibernated Windows matters to every volume of the host. */
export async function lookAtNtfs(
  device: BlockDevice,
  head: VolumeHead,
  signal?: AbortSignal,
): Promise<Finding> {
  const uuid = Buffer.from(head.bytes.subarray(0x48, 0x50)).reverse().toString('hex').toUpperCase();
  try {
    return await overHostileBytes(async () => {
      const volume = await NtfsVolume.open(device, head.bytes.subarray(0, 512), signal);
      const { label, dirty } = await describe(volume, signal);
      const notWritable = await whyNotWritable(volume, signal);
      const start = await readHiberfil(volume, signal);
      const evidence = start === undefined ? undefined : judgeHiberfil(start);
      return {
        type: 'ntfs',
        uuid,
        label,
        writeRefusals: notWritable === undefined ? [] : [notWritable],
        notes: [
          'owners of NTFS are in its access lists, which stat --xattrs tells',
          ...(dirty ? ['the volume is marked dirty'] : []),
        ],
        hibernation: evidence === undefined ? [] : [evidence],
      };
    });
  } catch (error) {
    if (!(error instanceof NsError) || error.family !== 'peer') throw error;
    const what = `NTFS in which hiberfil.sys could not be looked for: ${error.message}`;
    return {
      type: 'ntfs',
      uuid,
      readRefusal: refusal(
        'VOLUME_DAMAGED',
        `The volume is NTFS, and it could not be read: ${error.message}.`,
      ),
      hibernation: [{ finding: 'unknown', what }],
    };
  }
}
