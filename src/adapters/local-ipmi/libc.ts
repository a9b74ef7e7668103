import { NsError } from '../../base/index.ts';

/** The few calls of the C library that Node has no name for. None of them waits. */
export interface Libc {
  /** 0, or the error number. */
  ioctl(fd: number, code: number, argument: Buffer): number;
  /** poll(2) without waiting. An error of the file counts as both: the call itself tells which. */
  poll(fd: number): { readonly readable: boolean; readonly writable: boolean };
  /** Where the buffer lies in memory, as long as it lives. */
  addressOf(buffer: Buffer): bigint;
}

const POLL_IN = 0x01;
const POLL_OUT = 0x04;
const POLL_BROKEN = 0x08 | 0x10 | 0x20;

/** Loads the package koffi, so that a program without local IPMI devices does not carry it. NS_IPMI_DEVICE where it is missing. */
export async function loadLibc(): Promise<Libc> {
  const { default: koffi } = await import('koffi').catch((cause: unknown) => {
    throw new NsError('NS_IPMI_DEVICE', 'the package "koffi" is not installed here', { cause });
  });
  const library = koffi.load(null);
  const ioctl = library.func('int ioctl(int fd, unsigned long code, void *argument)');
  const poll = library.func('int poll(void *files, unsigned long count, int timeout)');
  const file = Buffer.alloc(8);
  return {
    ioctl: (fd, code, argument) => (Number(ioctl(fd, code, argument)) < 0 ? koffi.errno() : 0),
    poll(fd) {
      file.writeInt32LE(fd, 0);
      file.writeInt32LE(POLL_IN | POLL_OUT, 4);
      if (Number(poll(file, 1, 0)) < 1) return { readable: false, writable: false };
      const events = file.readInt16LE(6);
      const is = (mask: number): boolean => (events & (mask | POLL_BROKEN)) !== 0;
      return { readable: is(POLL_IN), writable: is(POLL_OUT) };
    },
    addressOf: (buffer) => koffi.address(buffer),
  };
}
