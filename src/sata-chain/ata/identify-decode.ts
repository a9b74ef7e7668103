import { NsError } from '../../base/index.ts';
import { isRotation } from './identify-encode.ts';
import {
  CHAIN_FLAG,
  CHAIN_MAGIC,
  CHAIN_WORDS_VERSION,
  IDENTIFY_BYTES,
  LBA_LIMIT,
  MOST_UNITS,
  WORD,
} from './identify-words.ts';
import type { ChainWords, DeviceIdentity } from './identity.ts';

/**
 * Reads what a device answered to IDENTIFY DEVICE. Nothing in it is trusted: throws NS_ATA_IDENTIFY where it is not 512
 * bytes of an ATA device, its checksum is wrong, its sectors are neither 512 nor 4096 bytes, or it claims 2^48 sectors
 * or more. A character that is not printable ASCII becomes a question mark.
 */
export function decodeIdentity(bytes: Uint8Array): DeviceIdentity {
  if (bytes.byteLength !== IDENTIFY_BYTES)
    throw bad(`${bytes.byteLength} bytes instead of ${IDENTIFY_BYTES}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (index: number): number => view.getUint16(index * 2, true);
  if ((word(WORD.general) & 0x8000) !== 0) throw bad('the device is not an ATA device');
  checkIntegrity(bytes);

  const sectorSize = logicalSectorSize(view);
  const physical = word(WORD.physicalSector);
  const multiple = isValid(physical) && (physical & 0x2000) !== 0;
  const sata = word(WORD.sataCapabilities) === 0xffff ? 0 : word(WORD.sataCapabilities);
  const supported = isValid(word(WORD.supported2));
  const enabled = isValid(word(WORD.enabled3));
  const rotation = word(WORD.rotation);
  const identity: DeviceIdentity = {
    serial: text(bytes, WORD.serial, 10),
    firmware: text(bytes, WORD.firmware, 4),
    model: text(bytes, WORD.model, 20),
    sectors: sectorsOf(view),
    sectorSize,
    physicalSectorSize: multiple ? sectorSize * 2 ** (physical & 0x0f) : sectorSize,
    features: {
      ncqDepth: (sata & 0x0100) === 0 ? 0 : (word(WORD.queueDepth) & 0x1f) + 1,
      trim: (word(WORD.dataSetManagement) & 1) !== 0,
      fua: supported && isValid(word(WORD.supported3)) && (word(WORD.supported3) & 0x0040) !== 0,
      writeCache: enabled && (word(WORD.enabled1) & 0x0020) !== 0,
      smart: supported && (word(WORD.supported1) & 0x0001) !== 0,
    },
    rotation: isRotation(rotation) ? rotation : 0,
    generation: (sata & 0x08) !== 0 ? 3 : (sata & 0x04) !== 0 ? 2 : 1,
  };
  const chain = chainOf(view);
  return chain === undefined ? identity : { ...identity, chain };
}

const isValid = (word: number): boolean => (word & 0xc000) === 0x4000;

/** Word 255: without the A5h in its low byte there is no checksum to check. */
function checkIntegrity(bytes: Uint8Array): void {
  if (bytes[WORD.integrity * 2] !== 0xa5) return;
  let sum = 0;
  for (const byte of bytes) sum += byte;
  if ((sum & 0xff) !== 0) throw bad('the checksum is wrong');
}

function logicalSectorSize(view: DataView): 512 | 4096 {
  const shape = view.getUint16(WORD.physicalSector * 2, true);
  if (!isValid(shape) || (shape & 0x1000) === 0) return 512;
  const size = view.getUint32(WORD.wordsPerSector * 2, true) * 2;
  if (size !== 512 && size !== 4096) throw bad(`sectors of ${size} bytes`);
  return size;
}

function sectorsOf(view: DataView): number {
  const supported = view.getUint16(WORD.supported2 * 2, true);
  if (!isValid(supported) || (supported & 0x0400) === 0) return view.getUint32(WORD.sectors28 * 2, true);
  const sectors = view.getBigUint64(WORD.sectors48 * 2, true);
  if (sectors >= BigInt(LBA_LIMIT)) throw bad(`${sectors} sectors`);
  return Number(sectors);
}

function text(bytes: Uint8Array, word: number, words: number): string {
  let out = '';
  for (let i = 0; i < words * 2; i += 1) {
    const code = bytes[word * 2 + (i ^ 1)]!;
    out += code === 0 ? ' ' : code >= 0x20 && code <= 0x7e ? String.fromCharCode(code) : '?';
  }
  return out.trim();
}

function chainOf(view: DataView): ChainWords | undefined {
  const at = WORD.chain * 2;
  if (view.getUint32(at, true) !== CHAIN_MAGIC) return undefined;
  const version = view.getUint16(at + 4, true);
  const depth = view.getUint32(at + 8, true);
  if (version !== CHAIN_WORDS_VERSION) throw bad(`chain words of version ${version}`);
  if (depth < 1 || depth > MOST_UNITS) throw bad(`a chain of ${depth} units`);
  const flags = view.getUint16(at + 6, true);
  const chain = digits(view.getBigUint64(at + 24));
  const before = digits(view.getBigUint64(at + 32));
  return {
    depth,
    epoch: view.getUint32(at + 12, true),
    membership: new Uint8Array(view.buffer.slice(view.byteOffset + at + 16, view.byteOffset + at + 24)),
    held: (flags & CHAIN_FLAG.held) !== 0,
    degraded: (flags & CHAIN_FLAG.degraded) !== 0,
    ...(chain === undefined ? {} : { chain }),
    ...(before === undefined ? {} : { before }),
  };
}

const digits = (word: bigint): string | undefined =>
  word === 0n ? undefined : word.toString(16).padStart(16, '0');

const bad = (what: string): NsError =>
  new NsError('NS_ATA_IDENTIFY', `the IDENTIFY data make no sense: ${what}`, { family: 'peer' });
