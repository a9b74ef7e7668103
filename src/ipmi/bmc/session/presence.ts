import { concatBytes } from '../../../base/index.ts';

const RMCP_ASF = [0x06, 0x00, 0xff, 0x06];
const ASF_ENTERPRISE = [0x00, 0x00, 0x11, 0xbe];
const PING = 0x80;
const PONG = 0x40;
/** IPMI, and ASF 1.0. */
const ENTITIES = 0x81;
const DATA_SIZE = 16;

/** The answer to a presence ping (IPMI 2.0, 13.2.3); undefined for any other datagram of ASF's class. */
export function pongTo(bytes: Uint8Array): Uint8Array | undefined {
  const isPing =
    bytes.byteLength === 12 &&
    bytes[0] === RMCP_ASF[0] &&
    bytes[3] === RMCP_ASF[3] &&
    ASF_ENTERPRISE.every((byte, n) => bytes[4 + n] === byte) &&
    bytes[8] === PING;
  if (!isPing) return undefined;
  const data = new Uint8Array(DATA_SIZE);
  data.set(ASF_ENTERPRISE);
  data[8] = ENTITIES;
  return concatBytes(Uint8Array.from([...RMCP_ASF, ...ASF_ENTERPRISE, PONG, bytes[9]!, 0, DATA_SIZE]), data);
}

export const isAsf = (bytes: Uint8Array): boolean => bytes[3] === RMCP_ASF[3];
