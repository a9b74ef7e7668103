import { ByteView, concatBytes, NsError } from '../../base/index.ts';
import { decryptPayload, encryptPayload, isSealed, type SessionKeys, sealPacket } from './protection.ts';

/** Payload types (IPMI 2.0, table 13-16). */
export const PAYLOAD = {
  ipmi: 0x00,
  sol: 0x01,
  openSessionRequest: 0x10,
  openSessionResponse: 0x11,
  rakp1: 0x12,
  rakp2: 0x13,
  rakp3: 0x14,
  rakp4: 0x15,
} as const;

/** One datagram of the LAN interface, without its RMCP header. */
export type IpmiPacket =
  /** Before a session, in the frame of IPMI 1.5 without authentication. */
  | { readonly is: 'sessionless'; readonly message: Uint8Array }
  /** Session set-up: plain, session id 0, sequence 0. */
  | { readonly is: 'setup'; readonly payloadType: number; readonly payload: Uint8Array }
  /** Within a session: encrypted, and with an integrity code. */
  | {
      readonly is: 'session';
      readonly payloadType: number;
      /** The receiver's own id of the session. */
      readonly sessionId: number;
      readonly sequence: number;
      readonly payload: Uint8Array;
    };

const RMCP_IPMI = Uint8Array.of(0x06, 0x00, 0xff, 0x07);
const AUTH_NONE = 0x00;
const AUTH_RMCP_PLUS = 0x06;
const ENCRYPTED = 0x80;
const AUTHENTICATED = 0x40;
const SESSION_HEADER = 12;
/** Larger than any datagram of the LAN interface. */
export const LARGEST_DATAGRAM = 2048;

export function encodeSessionless(message: Uint8Array): Uint8Array {
  const header = new Uint8Array(10);
  header[9] = message.byteLength;
  return concatBytes(RMCP_IPMI, header, message);
}

export function encodeSetup(payloadType: number, payload: Uint8Array): Uint8Array {
  return concatBytes(RMCP_IPMI, sessionHeader(payloadType, 0, 0, payload.byteLength), payload);
}

/** `iv`: 16 fresh random bytes. */
export function encodeSession(
  packet: Omit<Extract<IpmiPacket, { is: 'session' }>, 'is'>,
  keys: SessionKeys,
  iv: Uint8Array,
): Uint8Array {
  const payload = encryptPayload(keys, iv, packet.payload);
  const type = packet.payloadType | ENCRYPTED | AUTHENTICATED;
  const header = sessionHeader(type, packet.sessionId, packet.sequence, payload.byteLength);
  return sealPacket(keys, concatBytes(RMCP_IPMI, header, payload), RMCP_IPMI.byteLength);
}

/**
 * Reads a datagram. `keysOf` gives the keys of a session that the receiver has; a packet of any other session, one that
 * is not both encrypted and authenticated, and one whose code is wrong are NS_IPMI_PACKET: to be dropped, never answered.
 */
export function decodePacket(
  bytes: Uint8Array,
  keysOf: (sessionId: number) => SessionKeys | undefined,
): IpmiPacket {
  if (bytes.byteLength > LARGEST_DATAGRAM) throw bad('is too long');
  const view = new ByteView(bytes, 'an IPMI datagram');
  if (view.u8(0) !== 0x06 || view.u8(3) !== 0x07) throw bad('is not IPMI over RMCP');
  if (view.u8(4) === AUTH_NONE) return { is: 'sessionless', message: view.slice(14, view.u8(13)) };
  if (view.u8(4) !== AUTH_RMCP_PLUS) throw bad('has an authentication type of IPMI 1.5');
  const type = view.u8(5);
  const sessionId = view.u32le(6);
  const sequence = view.u32le(10);
  const payload = view.slice(4 + SESSION_HEADER, view.u16le(14));
  const payloadType = type & 0x3f;
  // A protected packet of session 0 is for whoever has keys under that number: nobody, but by a quirk.
  if (sessionId === 0 && (type & (ENCRYPTED | AUTHENTICATED)) === 0) {
    return { is: 'setup', payloadType, payload };
  }
  if ((type & ENCRYPTED) === 0 || (type & AUTHENTICATED) === 0)
    throw bad('is not protected, within a session');
  const keys = keysOf(sessionId);
  if (keys === undefined) throw bad('is of a session that is not here');
  if (!isSealed(keys, bytes, RMCP_IPMI.byteLength)) throw bad('has a wrong integrity code');
  return { is: 'session', payloadType, sessionId, sequence, payload: decryptPayload(keys, payload) };
}

function sessionHeader(type: number, sessionId: number, sequence: number, length: number): Uint8Array {
  const header = Buffer.alloc(SESSION_HEADER);
  header[0] = AUTH_RMCP_PLUS;
  header[1] = type;
  header.writeUInt32LE(sessionId, 2);
  header.writeUInt32LE(sequence, 6);
  header.writeUInt16LE(length, 10);
  return header;
}

function bad(what: string): NsError {
  return new NsError('NS_IPMI_PACKET', `a datagram ${what}`, { family: 'peer' });
}
