import { NsError } from '../base/index.ts';

/** Where a link between two units is. */
export type LinkAddress =
  | { readonly is: 'connect' | 'listen'; readonly path: string }
  | { readonly is: 'serial'; readonly device: string; readonly baud: number };

const SERIAL_BAUD = 115_200;
const [SLOWEST, FASTEST] = [1200, 12_000_000];
/** What the address of a unix socket can hold, in bytes. */
const LONGEST_SOCKET_PATH = 107;

/** Reads connect:PATH, listen:PATH or serial:DEVICE[@BAUD]. NS_LINK_ADDRESS says in one sentence what is wrong with it. */
export function readLinkAddress(text: string): LinkAddress {
  const unix = /^(connect|listen):(.+)$/.exec(text);
  if (unix?.[2] !== undefined) {
    return checkedAddress({ is: unix[1] === 'listen' ? 'listen' : 'connect', path: unix[2] });
  }
  const serial = /^serial:([^@]+)(?:@(\d{1,9}))?$/.exec(text);
  if (serial?.[1] === undefined) {
    throw wrong(`"${text}" is no link; write connect:PATH, listen:PATH or serial:DEVICE`);
  }
  const baud = serial[2] === undefined ? SERIAL_BAUD : Number(serial[2]);
  return checkedAddress({ is: 'serial', device: serial[1], baud });
}

/** The address, where it can be used; NS_LINK_ADDRESS. */
export function checkedAddress(address: LinkAddress): LinkAddress {
  if (address.is === 'serial') {
    if (address.baud < SLOWEST || address.baud > FASTEST) {
      throw wrong(`the baud rate is a number from ${SLOWEST} to ${FASTEST}`);
    }
  } else if (Buffer.byteLength(address.path) > LONGEST_SOCKET_PATH) {
    throw wrong(`${address.path} is longer than the ${LONGEST_SOCKET_PATH} bytes of a socket's path`);
  }
  return address;
}

function wrong(sentence: string): NsError {
  return new NsError('NS_LINK_ADDRESS', sentence, { family: 'caller' });
}
