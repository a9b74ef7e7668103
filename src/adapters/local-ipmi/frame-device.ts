import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { NsError, sentenceOf } from '../../base/index.ts';

/** A character device that gives and takes whole messages, and never makes anybody wait. What it throws, it is broken by. */
export interface FrameDevice {
  /** The message that is there; undefined where none is. */
  read(): Uint8Array | undefined;
  /** "later": it has no room now. "refused": nobody waits for this message any more. */
  write(frame: Uint8Array): 'taken' | 'later' | 'refused';
  /** Tells the host that something waits for it, or that nothing does any more. Absent where there is no way to. */
  attention?(raised: boolean): void;
  close(): void;
}

/** Whether a read, or a write, of this file would end at once. */
export type Readiness = (fd: number) => { readonly readable: boolean; readonly writable: boolean };

export interface FrameDeviceCalls {
  /** For a driver that makes its callers wait whatever they say (ipmi-bt-host does). */
  readonly ready?: Readiness;
  readonly attention?: (fd: number, raised: boolean) => void;
}

/** The longest message of the drivers, and more. */
const ROOM = 1024;
const ABSENT: ReadonlySet<unknown> = new Set(['ENOENT', 'ENXIO', 'ENODEV']);

/**
 * Opens a device of the BMC's side of the system interface. Undefined where this machine has none; NS_IPMI_DEVICE where it
 * cannot be opened.
 */
export function openFrameDevice(
  path: string,
  { ready, attention }: FrameDeviceCalls = {},
): FrameDevice | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    if (ABSENT.has(codeOf(error))) return undefined;
    throw broken(path, error);
  }
  const buffer = new Uint8Array(ROOM);
  return {
    read() {
      if (ready?.(fd).readable === false) return undefined;
      const size = attempt(path, () => readSync(fd, buffer));
      if (size === 0) throw broken(path, new Error('the device has ended'));
      return typeof size === 'number' ? buffer.slice(0, size) : undefined;
    },
    write(frame) {
      if (ready?.(fd).writable === false) return 'later';
      const size = attempt(path, () => writeSync(fd, frame));
      return typeof size === 'number' ? 'taken' : size;
    },
    ...(attention === undefined ? {} : { attention: (raised: boolean) => attention(fd, raised) }),
    close: () => closeSync(fd),
  };
}

/** What the call gives, or how it failed where that is no fault of the device. */
function attempt(path: string, call: () => number): number | 'later' | 'refused' {
  try {
    return call();
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EAGAIN' || code === 'EINTR') return 'later';
    // The host has begun anew since it asked.
    if (code === 'EINVAL') return 'refused';
    throw broken(path, error);
  }
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;

const broken = (path: string, cause: unknown): NsError =>
  new NsError('NS_IPMI_DEVICE', `${path}: ${sentenceOf(cause)}`, { cause, retryable: true });
