import type { BlockDevice } from '../../ports/index.ts';
import { SECTOR } from './boot-sector.ts';
import { Upcase } from './upcase.ts';
import { NtfsVolume } from './volume.ts';

/** A volume with its own order of names. Throws NS_FS_CORRUPT. */
export async function openVolume(
  device: BlockDevice,
  signal?: AbortSignal,
): Promise<{ readonly volume: NtfsVolume; readonly upcase: Upcase }> {
  const boot = new Uint8Array(SECTOR);
  await device.read(0, boot, signal);
  const volume = await NtfsVolume.open(device, boot, signal);
  return { volume, upcase: await Upcase.read(volume, signal) };
}
