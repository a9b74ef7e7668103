import type { Libc } from '../libc.ts';

/** linux/bt-bmc.h and linux/ipmi_bmc.h: _IO(0xb1, 0) and _IO(0xb1, 1), which take no argument. */
const SET_ATTENTION = 0xb100;
const CLEAR_ATTENTION = 0xb101;
const NO_ARGUMENT = Buffer.alloc(0);

/**
 * How a driver is told that something waits for the host. BT's flag is the host's to clear (IPMI 2.0, 11.6.3). A driver
 * that knows nothing of it leaves the host to ask by itself, so what it answers is not looked at.
 */
export const ATTENTION: Readonly<
  Record<'kcs' | 'bt', (libc: Pick<Libc, 'ioctl'>, fd: number, raised: boolean) => void>
> = {
  kcs: (libc, fd, raised) => void libc.ioctl(fd, raised ? SET_ATTENTION : CLEAR_ATTENTION, NO_ARGUMENT),
  bt: (libc, fd, raised) => {
    if (raised) libc.ioctl(fd, SET_ATTENTION, NO_ARGUMENT);
  },
};
