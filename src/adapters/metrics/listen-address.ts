import { isIP, isIPv4 } from 'node:net';
import { NsError } from '../../base/index.ts';

/** Where a server of metrics listens. */
export interface ListenAddress {
  /** An address in digits. */
  readonly host: string;
  readonly port: number;
  /** Nobody but programs of this machine reaches it. */
  readonly loopback: boolean;
}

const SHAPE = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/;

function isLoopback(host: string): boolean {
  return isIPv4(host) ? host.startsWith('127.') : host === '::1';
}

/** "127.0.0.1:9460", "[::1]:9460"; port 0 for a free one. NS_LISTEN_ADDRESS. */
export function readListenAddress(text: string): ListenAddress {
  const [, six, four, digits] = SHAPE.exec(text) ?? [];
  const host = six ?? four ?? '';
  const port = Number(digits);
  if (isIP(host) !== (six === undefined ? 4 : 6) || !(port <= 65_535)) {
    throw new NsError(
      'NS_LISTEN_ADDRESS',
      `"${text.slice(0, 64)}" is no address in digits with a port, such as 127.0.0.1:9460 or [::1]:9460`,
      { family: 'caller' },
    );
  }
  return { host, port, loopback: isLoopback(host) };
}
