/**
 * Word numbers of the IDENTIFY DEVICE data (ACS-3 7.12.7, SATA 3.0 13.2.1), as far as an answer is built from a
 * DeviceIdentity or read into one.
 */
export const WORD = {
  general: 0,
  cylinders: 1,
  specificConfiguration: 2,
  heads: 3,
  sectorsPerTrack: 6,
  serial: 10,
  firmware: 23,
  model: 27,
  trustedComputing: 48,
  capabilities: 49,
  capabilities2: 50,
  validity: 53,
  sectors28: 60,
  multiwordDma: 63,
  pioModes: 64,
  cycleTimes: 65,
  queueDepth: 75,
  sataCapabilities: 76,
  sataCurrent: 77,
  majorVersion: 80,
  supported1: 82,
  supported2: 83,
  supported3: 84,
  enabled1: 85,
  enabled2: 86,
  enabled3: 87,
  ultraDma: 88,
  sectors48: 100,
  trimBlocks: 105,
  physicalSector: 106,
  wordsPerSector: 117,
  supported4: 119,
  enabled4: 120,
  chain: 129,
  dataSetManagement: 169,
  alignment: 209,
  rotation: 217,
  transport: 222,
  integrity: 255,
} as const;

export const IDENTIFY_BYTES = 512;

/** "NSCH", the first two of the vendor words of a Nightshift chain. */
export const CHAIN_MAGIC = 0x4e53_4348;
export const CHAIN_WORDS_VERSION = 1;
/** Bits of vendor word 132. */
export const CHAIN_FLAG = { held: 1, degraded: 2 } as const;
/** A chain that says it is longer than this is not believed. */
export const MOST_UNITS = 1_048_576;

/** First count that words 100-103 cannot hold as an address of a 48-bit command. */
export const LBA_LIMIT = 2 ** 48;
/** What words 60-61 hold where there are more. */
export const MOST_28_BIT = 0x0fff_ffff;
/** 512-byte pages of range entries that one DATA SET MANAGEMENT may carry (word 105). */
export const TRIM_BLOCKS = 8;
