import { KCS_FRAMES } from '../../ipmi/index.ts';
import { openFrameDevice } from './frame-device.ts';
import { HostDoor, type HostDoorOptions } from './host-door.ts';

export type HostDoorParts = Pick<HostDoorOptions, 'commands' | 'clock' | 'log'>;

/** This BMC on the KCS interface to the host: `path` is a device of the kernel's KCS driver, "/dev/ipmi-kcs3". */
export const kcsBmc = (path: string, parts: HostDoorParts): HostDoor =>
  new HostDoor({ ...parts, name: path, frames: KCS_FRAMES, open: async () => openFrameDevice(path) });
