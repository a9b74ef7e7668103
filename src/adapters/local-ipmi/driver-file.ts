import { closeSync, constants, openSync } from 'node:fs';
import { NsError, sentenceOf } from '../../base/index.ts';
import { loadLibc } from '../libc.ts';
import type { WordSize } from './driver-messages.ts';

/** An open IPMI driver of the kernel. No call waits. */
export interface DriverFile {
  readonly word: WordSize;
  /** 0, or the error number. */
  ioctl(code: number, argument: Buffer): number;
  /** Where the buffer lies in memory, as long as it lives. */
  addressOf(buffer: Buffer): bigint;
  close(): void;
}

/** By the distribution, the same driver has one of these names. */
export const DRIVER_PATHS: readonly string[] = ['/dev/ipmi0', '/dev/ipmi/0', '/dev/ipmidev/0'];

/** Where a structure is laid out, and an ioctl's code made, as driver-messages.ts has it. */
const WORDS: Readonly<Partial<Record<NodeJS.Architecture, WordSize>>> = {
  arm: 4,
  ia32: 4,
  arm64: 8,
  x64: 8,
  riscv64: 8,
  loong64: 8,
};
const ABSENT: ReadonlySet<unknown> = new Set(['ENOENT', 'ENXIO', 'ENODEV', 'ENOTDIR']);

/** Undefined where this machine has no such driver; NS_IPMI_DEVICE where it cannot be used. */
export async function openDriver(paths: readonly string[] = DRIVER_PATHS): Promise<DriverFile | undefined> {
  for (const path of paths) {
    const fd = openIfThere(path);
    if (fd === undefined) continue;
    try {
      const word = WORDS[process.arch];
      if (word === undefined) {
        throw new NsError(
          'NS_IPMI_DEVICE',
          `${path}: not known how its driver is spoken to on ${process.arch}`,
        );
      }
      const libc = await loadLibc('NS_IPMI_DEVICE');
      return {
        word,
        ioctl: (code, argument) => libc.ioctl(fd, code, argument),
        addressOf: (buffer) => libc.addressOf(buffer),
        close: () => closeSync(fd),
      };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }
  return undefined;
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && ABSENT.has(cause.code)) return undefined;
    throw new NsError('NS_IPMI_DEVICE', `${path}: ${sentenceOf(cause)}`, { cause, retryable: true });
  }
}
