import { ByteView } from '../../base/index.ts';
import type { BlockDevice } from '../../ports/index.ts';
import type { VolumeHead } from './volume-probe.ts';

const ROOT_BYTES = 4096;
const ENTRY = 32;
const LABEL_ENTRY = 0x83;
const MOST_LETTERS = 11;

/** Label, serial number and marks of an exFAT volume (exFAT specification, sections 3.1 and 7.3). */
export async function lookAtExfat(
  device: BlockDevice,
  head: VolumeHead,
  signal?: AbortSignal,
): Promise<{ readonly label: string; readonly uuid: string; readonly notes: readonly string[] }> {
  const view = new ByteView(head.bytes, 'exFAT boot sector');
  const serial = view.u32le(100).toString(16).padStart(8, '0');
  const flags = view.u16le(106);
  return {
    label: await labelOf(device, view, signal),
    uuid: `${serial.slice(0, 4)}-${serial.slice(4)}`,
    notes: [
      ...((flags & 2) === 0 ? [] : ['the volume was not unmounted']),
      ...((flags & 4) === 0 ? [] : ['the host met errors on this volume']),
    ],
  };
}

async function labelOf(device: BlockDevice, view: ByteView, signal?: AbortSignal): Promise<string> {
  const [sectorShift, clusterShift] = [view.u8(108), view.u8(109)];
  if (sectorShift < 9 || sectorShift > 12 || clusterShift > 25) return '';
  const cluster = view.u32le(96) - 2;
  const start = (view.u32le(88) + cluster * 2 ** clusterShift) * 2 ** sectorShift;
  if (cluster < 0 || start + ROOT_BYTES > device.capabilities.size) return '';
  const root = new Uint8Array(ROOT_BYTES);
  await device.read(start, root, signal);
  for (let at = 0; at < ROOT_BYTES && root[at] !== 0; at += ENTRY) {
    if (root[at] !== LABEL_ENTRY) continue;
    const letters = Math.min(root[at + 1]!, MOST_LETTERS);
    return new TextDecoder('utf-16le').decode(root.subarray(at + 2, at + 2 + letters * 2));
  }
  return '';
}
