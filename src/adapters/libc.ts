import { type Duration, NsError } from '../base/index.ts';

/** A code of NsError. */
type Code = `NS_${string}`;

/** The few calls of the C library that Node has no name for. Only `ioctlAside` and `waitReadable` wait, in another thread. */
export interface Libc {
  /** 0, or the error number. */
  ioctl(fd: number, code: number, argument: Buffer): number;
  /** The same for what takes long, in a thread of Node's pool; which error it was is not told: 5 (EIO) then. */
  ioctlAside(fd: number, code: number, argument: Buffer): Promise<number>;
  /** poll(2) without waiting. An error of the file counts as both: the call itself tells which. */
  poll(fd: number): { readonly readable: boolean; readonly writable: boolean };
  /** poll(2) in a thread of Node's pool until one of the files can be read, or the time is over: those that can be. */
  waitReadable(fds: readonly number[], longest: Duration): Promise<readonly number[]>;
  /** Two ends of a pipe; neither of them waits. */
  pipe(): readonly [readEnd: number, writeEnd: number];
  /** Where the buffer lies in memory, as long as it lives. */
  addressOf(buffer: Buffer): bigint;
}

const IO_ERROR = 5;
const POLL_IN = 0x01;
const POLL_OUT = 0x04;
const POLL_BROKEN = 0x08 | 0x10 | 0x20;
const POLL_FILE_BYTES = 8;
const O_NONBLOCK = 0x800;
const O_CLOEXEC = 0x80000;

/**
 * Loads the package koffi, so that a program that needs none of this does not carry it. Throws `code` where it is missing,
 * or has no build for this processor.
 */
export async function loadLibc(code: Code): Promise<Libc> {
  const { default: koffi } = await import('koffi').catch((cause: unknown) => {
    throw new NsError(code, 'the package "koffi" is not installed here', { cause });
  });
  const library = koffi.load(null);
  const ioctl = library.func('int ioctl(int fd, unsigned long code, void *argument)');
  const poll = library.func('int poll(void *files, unsigned long count, int timeout)');
  const pipe2 = library.func('int pipe2(void *ends, int flags)');
  const file = Buffer.alloc(POLL_FILE_BYTES);
  return {
    ioctl: (fd, request, argument) => (Number(ioctl(fd, request, argument)) < 0 ? koffi.errno() : 0),
    ioctlAside: (fd, request, argument) =>
      new Promise((resolve, reject) => {
        ioctl.async(fd, request, argument, (error: Error | null, result: number) => {
          if (error) reject(new NsError(code, 'ioctl failed', { cause: error }));
          else resolve(Number(result) < 0 ? IO_ERROR : 0);
        });
      }),
    poll(fd) {
      putPollFile(file, 0, fd, POLL_IN | POLL_OUT);
      if (Number(poll(file, 1, 0)) < 1) return { readable: false, writable: false };
      const events = file.readInt16LE(6);
      const is = (mask: number): boolean => (events & (mask | POLL_BROKEN)) !== 0;
      return { readable: is(POLL_IN), writable: is(POLL_OUT) };
    },
    waitReadable(fds, longest) {
      const files = Buffer.alloc(fds.length * POLL_FILE_BYTES);
      fds.forEach((fd, index) => {
        putPollFile(files, index, fd, POLL_IN);
      });
      return new Promise((resolve, reject) => {
        poll.async(files, fds.length, longest, (error: Error | null) => {
          if (error) reject(new NsError(code, 'poll failed', { cause: error }));
          else resolve(fds.filter((_, index) => files.readInt16LE(index * POLL_FILE_BYTES + 6) !== 0));
        });
      });
    },
    pipe() {
      const ends = Buffer.alloc(8);
      if (Number(pipe2(ends, O_NONBLOCK | O_CLOEXEC)) < 0)
        throw new NsError(code, `pipe2 failed (error ${koffi.errno()})`);
      return [ends.readInt32LE(0), ends.readInt32LE(4)];
    },
    addressOf: (buffer) => koffi.address(buffer),
  };
}

function putPollFile(files: Buffer, index: number, fd: number, events: number): void {
  const at = index * POLL_FILE_BYTES;
  files.writeInt32LE(fd, at);
  files.writeInt16LE(events, at + 4);
  files.writeInt16LE(0, at + 6);
}
