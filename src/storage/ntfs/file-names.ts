import { ByteView } from '../../base/index.ts';
import { NAME_AT, NAMESPACES, type Namespace } from './index-node.ts';
import { ATTRIBUTE, reference, utf16 } from './records.ts';
import type { NtfsRecord, NtfsVolume } from './volume.ts';

/** One name of a file, as its own record has it. */
export interface NtfsName {
  readonly parent: number;
  readonly parentSequence: number;
  readonly namespace: Namespace;
  readonly name: string;
}

/** All names of a file. A short name is one of them. */
export async function namesOf(
  volume: NtfsVolume,
  record: NtfsRecord,
  signal?: AbortSignal,
): Promise<readonly NtfsName[]> {
  const parts = await volume.parts(record, ATTRIBUTE.fileName, '', signal);
  return parts.flatMap(({ value }) => ('resident' in value ? [decodeName(value.resident)] : []));
}

export function decodeName(bytes: Uint8Array): NtfsName {
  const view = new ByteView(bytes, '$FILE_NAME');
  const parent = reference(view, 0);
  return {
    parent: parent.record,
    parentSequence: parent.sequence,
    namespace: NAMESPACES[view.u8(0x41)] ?? 'posix',
    name: utf16(view.slice(NAME_AT, view.u8(0x40) * 2)),
  };
}
