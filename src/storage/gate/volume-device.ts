import type { BlockDevice } from '../../ports/index.ts';
import { boundedDevice } from '../bounded-device.ts';
import type { VolumeProbe } from './volume-probe.ts';

/** The device of one volume: bounds that nothing done to the volume can leave. The disk stays the caller's to close. */
export function volumeDevice(
  disk: BlockDevice,
  volume: Pick<VolumeProbe, 'name' | 'start' | 'size'>,
): BlockDevice {
  return boundedDevice(disk, volume.start, volume.size, volume.name);
}
