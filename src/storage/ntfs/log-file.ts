import { ByteView, KiB } from '../../base/index.ts';
import { ATTRIBUTE } from './records.ts';
import type { NtfsVolume } from './volume.ts';

const LOG_RECORD = 2;
const PAGES = [512, 1 * KiB, 2 * KiB, 4 * KiB, 8 * KiB, 16 * KiB, 32 * KiB, 64 * KiB];
const NO_CLIENT = 0xffff;
const VOLUME_IS_CLEAN = 0x0002;
/** What version 2 holds is replayed by Windows alone: it stays behind on purpose, for a quick start. */
const MAJOR_VERSION = 1;

/**
 * Why the volume's log may hold changes that are not in its files yet; undefined where it holds none: it is empty, or
 * the later of its two restart areas says that it was closed (linux-ntfs, logfile.h).
 */
export async function whyLogIsOpen(volume: NtfsVolume, signal?: AbortSignal): Promise<string | undefined> {
  const record = await volume.record(LOG_RECORD, signal);
  const stream = await volume.stream(record, ATTRIBUTE.data, '', signal);
  if (stream === undefined) return 'there is no $LogFile';
  const head = new Uint8Array(Math.min(2 * Math.max(...PAGES), stream.size));
  await stream.read(0, head, signal);
  if (head.every((byte) => byte === 0xff)) return undefined;
  const first = restartPage(head, 0);
  if (first === undefined) return '$LogFile does not begin with a restart area';
  const second = restartPage(head, first.pageSize);
  const last = second !== undefined && second.lsn > first.lsn ? second : first;
  if (last.version !== MAJOR_VERSION) return '$LogFile is of a Windows that did not shut down wholly';
  return last.closed ? undefined : '$LogFile holds changes that Windows has not finished';
}

interface RestartPage {
  readonly pageSize: number;
  readonly version: number;
  readonly lsn: bigint;
  readonly closed: boolean;
}

function restartPage(head: Uint8Array, at: number): RestartPage | undefined {
  const view = new ByteView(head.subarray(at), '$LogFile');
  if (view.length < 0x30 || view.ascii(0, 4) !== 'RSTR') return undefined;
  const pageSize = view.u32le(0x10);
  if (!PAGES.includes(pageSize)) return undefined;
  const area = view.u16le(0x18);
  return {
    pageSize,
    version: view.u16le(0x1c),
    lsn: view.u64le(area),
    closed: view.u16le(area + 0x0c) === NO_CLIENT || (view.u16le(area + 0x0e) & VOLUME_IS_CLEAN) !== 0,
  };
}
