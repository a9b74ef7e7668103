import { type Refusal, refusal } from '../../base/index.ts';
import { whyLogIsOpen } from './log-file.ts';
import { ATTRIBUTE } from './records.ts';
import type { NtfsVolume } from './volume.ts';

const VOLUME_RECORD = 3;
/** Of $VOLUME_INFORMATION. */
const VERSION_AT = 8;
const MARKS_AT = 10;
/** The log is to get another size, the version to go up, the change journal to go, object ids to be repaired, chkdsk to end. */
const MARK = { dirty: 0x0001, unfinished: 0x4036 } as const;

/**
 * Why a volume must not be written, by what it says of itself; undefined where it may: NTFS 3.0 or 3.1, with no mark set and its
 * log closed. Whether a Windows hibernates on it is judged for the whole host.
 */
export async function whyNotWritable(volume: NtfsVolume, signal?: AbortSignal): Promise<Refusal | undefined> {
  const { attributes } = await volume.record(VOLUME_RECORD, signal);
  const value = attributes.find(({ type }) => type === ATTRIBUTE.volumeInformation)?.value;
  if (value === undefined || !('resident' in value) || value.resident.byteLength < MARKS_AT + 2) {
    return refusal('VOLUME_DAMAGED', 'The NTFS volume does not say what version it is.');
  }
  const [major, minor] = [value.resident[VERSION_AT]!, value.resident[VERSION_AT + 1]!];
  if (major !== 3 || minor > 1) {
    return refusal('VOLUME_READ_ONLY', `NTFS ${major}.${minor} is read here and not written.`);
  }
  const marks = value.resident[MARKS_AT]! | (value.resident[MARKS_AT + 1]! << 8);
  if ((marks & MARK.dirty) !== 0) return refusal('VOLUME_DIRTY', 'The NTFS volume is marked dirty.', REMEDY);
  if ((marks & MARK.unfinished) !== 0) {
    return refusal(
      'VOLUME_DIRTY',
      'The NTFS volume is marked for work that Windows has not finished.',
      REMEDY,
    );
  }
  const open = await whyLogIsOpen(volume, signal);
  return open === undefined ? undefined : refusal('VOLUME_DIRTY', `Its log is open: ${open}.`, REMEDY);
}

const REMEDY = 'Boot Windows and shut it down wholly: "shutdown /s /f /t 0", with fast start-up off.';
