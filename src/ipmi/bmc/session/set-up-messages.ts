import { ByteView, concatBytes } from '../../../base/index.ts';
import { le32 } from '../../wire/bits.ts';
import { type CipherSuite, suiteOf } from '../../wire/cipher-suite.ts';

/** RMCP+ status codes that this side gives (IPMI 2.0, table 13-15). */
export const STATUS = {
  ok: 0x00,
  noResources: 0x01,
  invalidSession: 0x02,
  invalidRole: 0x09,
  roleNotAllowed: 0x0a,
  nameLength: 0x0c,
  nameNotAllowed: 0x0d,
  wrongCheckValue: 0x0f,
  noSuite: 0x11,
  illegalParameter: 0x12,
} as const;

const OPEN_SIZE = 32;
const BLOCK_SIZE = 8;
const RANDOM_SIZE = 16;
const RAKP1_SIZE = 28;
const RAKP3_SIZE = 8;

export interface OpenAsked {
  readonly tag: number;
  /** 0 for the highest there is. */
  readonly level: number;
  readonly consoleSession: number;
  /** Undefined where the three algorithms are no suite spoken here, or one is left to the BMC. */
  readonly suite: CipherSuite | undefined;
  readonly wellFormed: boolean;
}

/** IPMI 2.0, table 13-9. NS_BYTES_SHORT where even its head is not whole. */
export function decodeOpenAsked(bytes: Uint8Array): OpenAsked {
  const view = new ByteView(bytes, 'an open session request');
  const head = { tag: view.u8(0), level: view.u8(1) & 0x0f, consoleSession: view.u32le(4) };
  if (bytes.byteLength !== OPEN_SIZE) return { ...head, suite: undefined, wellFormed: false };
  const algorithm = (kind: number): number => {
    const at = BLOCK_SIZE * (1 + kind);
    return view.u8(at) === kind && view.u8(at + 3) === BLOCK_SIZE ? view.u8(at + 4) : -1;
  };
  return { ...head, suite: suiteOf(algorithm(0), algorithm(1), algorithm(2)), wellFormed: true };
}

/** Table 13-10. */
export function encodeOpened(asked: OpenAsked, suite: CipherSuite, level: number, id: number): Uint8Array {
  const block = (kind: number, algorithm: number): number[] => [kind, 0, 0, BLOCK_SIZE, algorithm, 0, 0, 0];
  return Uint8Array.from([
    ...[asked.tag, STATUS.ok, level, 0],
    ...le32(asked.consoleSession),
    ...le32(id),
    ...block(0, suite.authentication),
    ...block(1, suite.integrity),
    ...block(2, suite.confidentiality),
  ]);
}

export interface Rakp1Heard {
  readonly tag: number;
  readonly bmcSession: number;
  readonly consoleRandom: Uint8Array;
  /** As sent: level, and 10h for a look-up by name alone. */
  readonly role: number;
  readonly name: Uint8Array;
  /** The name is as long as it is said to be, and nothing follows it. */
  readonly wellFormed: boolean;
}

/** Table 13-11. */
export function decodeRakp1(bytes: Uint8Array): Rakp1Heard {
  const view = new ByteView(bytes, 'RAKP 1');
  return {
    tag: view.u8(0),
    bmcSession: view.u32le(4),
    consoleRandom: view.slice(8, RANDOM_SIZE),
    role: view.u8(24),
    name: bytes.subarray(RAKP1_SIZE),
    wellFormed: view.u8(27) === bytes.byteLength - RAKP1_SIZE,
  };
}

/** Table 13-12, without its tag. */
export const encodeRakp2Body = (
  consoleSession: number,
  bmcRandom: Uint8Array,
  guid: Uint8Array,
  code: Uint8Array,
): Uint8Array =>
  concatBytes(Uint8Array.from([STATUS.ok, 0, 0, ...le32(consoleSession)]), bmcRandom, guid, code);

export interface Rakp3Heard {
  readonly tag: number;
  readonly status: number;
  readonly bmcSession: number;
  readonly code: Uint8Array;
}

/** Table 13-13. */
export function decodeRakp3(bytes: Uint8Array): Rakp3Heard {
  const view = new ByteView(bytes, 'RAKP 3');
  return {
    tag: view.u8(0),
    status: view.u8(1),
    bmcSession: view.u32le(4),
    code: bytes.subarray(RAKP3_SIZE),
  };
}

/** Table 13-14, without its tag. */
export const encodeRakp4Body = (consoleSession: number, code: Uint8Array): Uint8Array =>
  concatBytes(Uint8Array.from([STATUS.ok, 0, 0, ...le32(consoleSession)]), code);

/** How any step is refused. */
export const encodeRefused = (tag: number, status: number, consoleSession: number): Uint8Array =>
  Uint8Array.from([tag, status, 0, 0, ...le32(consoleSession)]);
