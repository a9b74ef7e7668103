import { KCS_FRAMES } from '../../ipmi/index.ts';
import { loadLibc } from '../libc.ts';
import { ATTENTION } from './attention.ts';
import { openFrameDevice } from './frame-device.ts';
import { HostDoor, type HostDoorOptions } from './host-door.ts';

export type HostDoorParts = Pick<HostDoorOptions, 'commands' | 'clock' | 'log'>;

/**
 * This BMC on the KCS interface to the host: `path` is a device of the kernel's KCS driver, "/dev/ipmi-kcs3". Without the
 * package koffi the host is answered all the same, but not told that something waits for it.
 */
export const kcsBmc = (path: string, parts: HostDoorParts): HostDoor =>
  new HostDoor({
    ...parts,
    name: path,
    frames: KCS_FRAMES,
    async open() {
      const libc = await loadLibc('NS_IPMI_DEVICE').catch(() => undefined);
      return openFrameDevice(path, libc && { attention: (fd, raised) => ATTENTION.kcs(libc, fd, raised) });
    },
  });
