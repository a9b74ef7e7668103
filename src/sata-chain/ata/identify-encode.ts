import { NsError } from '../../base/index.ts';
import {
  CHAIN_FLAG,
  CHAIN_MAGIC,
  CHAIN_WORDS_VERSION,
  IDENTIFY_BYTES,
  LBA_LIMIT,
  MOST_28_BIT,
  MOST_UNITS,
  TRIM_BLOCKS,
  WORD,
} from './identify-words.ts';
import type { ChainWords, DeviceIdentity } from './identity.ts';

/** Bits 15:14 = 01 say that the other bits of a word mean something. */
const VALID = 0x4000;

/**
 * The 512 bytes that answer IDENTIFY DEVICE. `linkSpeed` is the negotiated generation of this link (word 77), 0 where it
 * is not known. Throws NS_ATA_IDENTITY where the identity breaks a bound that it promises.
 */
export function encodeIdentity(identity: DeviceIdentity, linkSpeed: 0 | 1 | 2 | 3 = 0): Uint8Array {
  checkIdentity(identity);
  const bytes = new Uint8Array(IDENTIFY_BYTES);
  const view = new DataView(bytes.buffer);
  const put = (word: number, value: number): void => view.setUint16(word * 2, value, true);
  const { features } = identity;

  put(WORD.general, 0x0040);
  put(WORD.cylinders, 16_383);
  put(WORD.specificConfiguration, 0xc837);
  put(WORD.heads, 16);
  put(WORD.sectorsPerTrack, 63);
  putText(bytes, WORD.serial, 10, identity.serial);
  putText(bytes, WORD.firmware, 4, identity.firmware);
  putText(bytes, WORD.model, 20, identity.model);
  put(WORD.trustedComputing, VALID);
  // Standard standby timers, IORDY, LBA, DMA.
  put(WORD.capabilities, 0x2f00);
  put(WORD.capabilities2, VALID);
  // Words 64-70 and 88 are valid.
  put(WORD.validity, 0x0006);
  view.setUint32(WORD.sectors28 * 2, Math.min(identity.sectors, MOST_28_BIT), true);
  put(WORD.multiwordDma, 0x0007);
  put(WORD.pioModes, 0x0003);
  for (let i = 0; i < 4; i += 1) put(WORD.cycleTimes + i, 120);
  put(WORD.queueDepth, Math.max(0, features.ncqDepth - 1));
  put(
    WORD.sataCapabilities,
    (0x0e & ((2 << identity.generation) - 1)) | (features.ncqDepth > 0 ? 0x0100 : 0),
  );
  put(WORD.sataCurrent, linkSpeed << 1);
  // ATA/ATAPI-5 to ACS-2.
  put(WORD.majorVersion, 0x03e0);

  // Power management, look-ahead; and what this device has of SMART and write cache.
  const first = 0x0048 | (features.smart ? 0x0001 : 0) | (features.writeCache ? 0x0020 : 0);
  // FLUSH CACHE EXT, FLUSH CACHE, 48-bit addresses. No HPA, security, DCO or streaming.
  const second = 0x3400;
  const third = VALID | (features.fua ? 0x0040 : 0) | (features.ncqDepth > 0 ? 0x0020 : 0);
  put(WORD.supported1, first);
  put(WORD.supported2, VALID | second);
  put(WORD.supported3, third);
  put(WORD.enabled1, first);
  put(WORD.enabled2, 0x8000 | second);
  put(WORD.enabled3, third);
  put(WORD.ultraDma, 0x407f);
  put(WORD.supported4, VALID);
  put(WORD.enabled4, VALID);

  view.setBigUint64(WORD.sectors48 * 2, BigInt(identity.sectors), true);
  put(WORD.trimBlocks, features.trim ? TRIM_BLOCKS : 0);
  const ratio = Math.log2(identity.physicalSectorSize / identity.sectorSize);
  const large = identity.sectorSize > 512;
  put(WORD.physicalSector, VALID | (ratio > 0 ? 0x2000 : 0) | (large ? 0x1000 : 0) | ratio);
  if (large) view.setUint32(WORD.wordsPerSector * 2, identity.sectorSize / 2, true);
  if (identity.chain !== undefined) putChain(view, identity.chain);
  put(WORD.dataSetManagement, features.trim ? 1 : 0);
  put(WORD.alignment, VALID);
  put(WORD.rotation, identity.rotation);
  // Serial ATA, revisions up to 3.0.
  put(WORD.transport, 0x103f);

  bytes[WORD.integrity * 2] = 0xa5;
  let sum = 0;
  for (const byte of bytes) sum += byte;
  bytes[WORD.integrity * 2 + 1] = -sum & 0xff;
  return bytes;
}

/** ATA strings: two characters a word, the first in the high byte, padded with spaces. */
function putText(bytes: Uint8Array, word: number, words: number, text: string): void {
  const padded = text.padEnd(words * 2, ' ');
  for (let i = 0; i < words * 2; i += 1) bytes[word * 2 + (i ^ 1)] = padded.charCodeAt(i);
}

/** Words 129-130 magic, 131 version, 132 flags, 133-134 depth, 135-136 epoch, 137-140 membership, 141-144 chain, 145-148 before, zero for none; the rest zero. */
function putChain(view: DataView, chain: ChainWords): void {
  const at = WORD.chain * 2;
  view.setUint32(at, CHAIN_MAGIC, true);
  view.setUint16(at + 4, CHAIN_WORDS_VERSION, true);
  view.setUint16(
    at + 6,
    (chain.held ? CHAIN_FLAG.held : 0) | (chain.degraded ? CHAIN_FLAG.degraded : 0),
    true,
  );
  view.setUint32(at + 8, chain.depth, true);
  view.setUint32(at + 12, chain.epoch, true);
  for (let i = 0; i < 8; i += 1) view.setUint8(at + 16 + i, chain.membership[i]!);
  view.setBigUint64(at + 24, BigInt(`0x${chain.chain ?? 0}`));
  view.setBigUint64(at + 32, BigInt(`0x${chain.before ?? 0}`));
}

function checkIdentity(identity: DeviceIdentity): void {
  const { features, chain } = identity;
  const whole = (value: number, least: number, most: number): boolean =>
    Number.isSafeInteger(value) && value >= least && value <= most;
  const broken =
    brokenText('serial', identity.serial, 20) ??
    brokenText('firmware', identity.firmware, 8) ??
    brokenText('model', identity.model, 40) ??
    (whole(identity.sectors, 0, LBA_LIMIT - 1) ? undefined : 'sectors') ??
    (isPhysicalSize(identity.physicalSectorSize, identity.sectorSize) ? undefined : 'physicalSectorSize') ??
    (whole(features.ncqDepth, 0, 32) ? undefined : 'ncqDepth') ??
    (isRotation(identity.rotation) ? undefined : 'rotation') ??
    (chain === undefined || whole(chain.depth, 1, MOST_UNITS) ? undefined : 'depth') ??
    (chain === undefined || whole(chain.epoch, 0, 0xffff_ffff) ? undefined : 'epoch') ??
    (chain === undefined || chain.membership.byteLength === 8 ? undefined : 'membership') ??
    (isDigits(chain?.chain) ? undefined : 'chain') ??
    (isDigits(chain?.before) ? undefined : 'before');
  if (broken === undefined) return;
  throw new NsError('NS_ATA_IDENTITY', `no IDENTIFY data can say this ${broken}`, { family: 'caller' });
}

const isDigits = (text: string | undefined): boolean => text === undefined || /^[0-9a-f]{16}$/.test(text);

const brokenText = (what: string, text: string, most: number): string | undefined =>
  text.length <= most && /^[\x20-\x7e]*$/.test(text) && text.trim() === text ? undefined : what;

const isPhysicalSize = (physical: number, logical: number): boolean => {
  const ratio = Math.log2(physical / logical);
  return Number.isInteger(ratio) && ratio >= 0 && ratio <= 15;
};

/** Word 217: 1 solid state, 0 not reported, else rotations a minute, of which 0401h is the least. */
export const isRotation = (value: number): boolean =>
  Number.isInteger(value) && (value === 0 || value === 1 || (value >= 0x0401 && value <= 0xfffe));
