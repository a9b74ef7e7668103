import { ByteView, KiB } from '../../base/index.ts';
import { type NtfsNode, small } from './node.ts';
import { ATTRIBUTE } from './records.ts';
import type { SecurityDescriptors } from './security-index.ts';
import type { NtfsVolume } from './volume.ts';

const LARGEST = 64 * KiB;
/** Where $STANDARD_INFORMATION has the number of its descriptor, if it is long enough to have one. */
const ID_AT = 0x34;

/** The security descriptor of a file or directory, self-relative ([MS-DTYP] 2.4.6); undefined where it has none. */
export async function securityOf(
  volume: NtfsVolume,
  descriptors: SecurityDescriptors,
  { record }: Pick<NtfsNode, 'record'>,
  signal?: AbortSignal,
): Promise<Uint8Array | undefined> {
  const own = await small(volume, record, ATTRIBUTE.security, LARGEST, signal);
  if (own !== undefined) return own;
  const info = await small(volume, record, ATTRIBUTE.standardInformation, LARGEST, signal);
  if (info === undefined || info.byteLength < ID_AT + 4) return undefined;
  const id = new ByteView(info, '$STANDARD_INFORMATION').u32le(ID_AT);
  return id === 0 ? undefined : await descriptors.find(id, signal);
}
