import { BT_FRAMES } from '../../ipmi/index.ts';
import { loadLibc } from '../libc.ts';
import { ATTENTION } from './attention.ts';
import { openFrameDevice } from './frame-device.ts';
import { HostDoor } from './host-door.ts';
import type { HostDoorParts } from './kcs-bmc.ts';

/**
 * This BMC on the BT interface to the host, "/dev/ipmi-bt-host". Its driver makes readers and writers wait although they
 * ask it not to, so that poll(2) is asked first: needs the package koffi.
 */
export const btBmc = (path: string, parts: HostDoorParts): HostDoor =>
  new HostDoor({
    ...parts,
    name: path,
    frames: BT_FRAMES,
    async open() {
      const libc = await loadLibc('NS_IPMI_DEVICE');
      return openFrameDevice(path, {
        ready: (fd) => libc.poll(fd),
        attention: (fd, raised) => ATTENTION.bt(libc, fd, raised),
      });
    },
  });
