import { closeSync, write } from 'node:fs';
import { type Duration, milliseconds, NsError, sentenceOf } from '../../base/index.ts';
import type { LogSink, Watchdog } from '../../ports/index.ts';

/** What the service manager gave to its service in the environment: sd_notify(3), sd_watchdog_enabled(3). */
export interface ServiceEnvironment {
  readonly NOTIFY_SOCKET?: string | undefined;
  readonly WATCHDOG_USEC?: string | undefined;
}

/** Who started us, and wants to know how we are. */
export interface ServiceManager {
  ready(): Promise<void>;
  /** Absent where it does not watch us. Closing it says that we are about to end. */
  readonly watchdog: Watchdog | undefined;
  /** It hears no more of us. */
  close(): Promise<void>;
}

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;
/** sun_path of unix(7). */
const MOST_PATH = 108;

/**
 * The service manager's socket, by the package koffi: Node has no unix datagrams. Undefined where nobody wants to hear, or
 * it cannot be told, which is logged; a manager that waits then gives up by itself.
 */
export async function openServiceManager(
  { NOTIFY_SOCKET: path, WATCHDOG_USEC: usec }: ServiceEnvironment,
  log: LogSink,
): Promise<ServiceManager | undefined> {
  if (path === undefined || path === '') return undefined;
  try {
    const fd = await connected(path);
    const say = (text: string): Promise<void> => sent(fd, text);
    const timeout = timeoutOf(usec);
    const watchdog = timeout && {
      timeout,
      pet: () => say('WATCHDOG=1'),
      close: () => say('STOPPING=1'),
    };
    return { ready: () => say('READY=1'), watchdog, close: async () => closeSync(fd) };
  } catch (error) {
    log.log('error', 'service.manager-not-told', { error: sentenceOf(error) });
    return undefined;
  }
}

/** Bytes of a struct sockaddr_un; a first "@" stands for the zero byte of an abstract name. */
export function unixAddress(path: string): Buffer {
  const name = Buffer.from(path.startsWith('@') ? `\0${path.slice(1)}` : path);
  if (!/^[/@]/.test(path) || name.length >= MOST_PATH)
    throw new NsError('NS_SERVICE_MANAGER', 'its socket has no name that can be used');
  const end = path.startsWith('@') ? [] : [Buffer.alloc(1)];
  const family = Buffer.alloc(2);
  // In the processor's own order: little-endian wherever we run.
  family.writeUInt16LE(AF_UNIX);
  return Buffer.concat([family, name, ...end]);
}

async function connected(path: string): Promise<number> {
  const address = unixAddress(path);
  const { default: koffi } = await import('koffi').catch((cause: unknown) => {
    throw new NsError('NS_SERVICE_MANAGER', 'the package "koffi" is not installed here', { cause });
  });
  const libc = koffi.load(null);
  const socket = libc.func('int socket(int domain, int type, int protocol)');
  const connect = libc.func('int connect(int fd, const void *address, unsigned int length)');
  const fd = Number(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd < 0) throw new NsError('NS_SERVICE_MANAGER', `no socket (error ${koffi.errno()})`);
  if (Number(connect(fd, address, address.length)) === 0) return fd;
  const error = koffi.errno();
  closeSync(fd);
  throw new NsError('NS_SERVICE_MANAGER', `its socket cannot be reached (error ${error})`);
}

function sent(fd: number, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    write(fd, text, (error) => (error === null ? resolve() : reject(error)));
  });
}

function timeoutOf(usec: string | undefined): Duration | undefined {
  if (usec === undefined || !/^[0-9]{1,15}$/.test(usec)) return undefined;
  const timeout = Math.floor(Number(usec) / 1000);
  return timeout > 0 ? milliseconds(timeout) : undefined;
}
