/** Bytes of a pointer, and of a long, in this process. */
export type WordSize = 4 | 8;

export interface DriverMessage {
  /** Of the driver's own address structures: systemInterface() or ipmb(). */
  readonly address: Uint8Array;
  readonly id: number;
  readonly netFn: number;
  readonly command: number;
  readonly data: Uint8Array;
}

export interface DriverAnswer extends Omit<DriverMessage, 'address'> {
  /** 1 for an answer to a command; others are events, and commands to this machine. */
  readonly type: number;
}

/** The layout of the kernel's ipmi_req and ipmi_recv (linux/ipmi.h), by the size of a word. Offsets in bytes. */
const REQUEST = {
  4: { size: 20, address: 0, addressSize: 4, id: 8, message: 12, data: 16 },
  8: { size: 40, address: 0, addressSize: 8, id: 16, message: 24, data: 32 },
} as const;
const RECEIVED = {
  4: { size: 24, address: 4, addressSize: 8, id: 12, message: 16, data: 20 },
  8: { size: 48, address: 8, addressSize: 16, id: 24, message: 32, data: 40 },
} as const;

/** ioctl codes: direction, size of the structure, 'i', number; as Linux makes them but for a few old architectures. */
const code = (direction: number, size: number, number: number): number =>
  ((direction << 30) | (size << 16) | (0x69 << 8) | number) >>> 0;
export const SEND_COMMAND = {
  4: code(2, REQUEST[4].size, 13),
  8: code(2, REQUEST[8].size, 13),
} as const;
/** Takes a message too long for its room all the same, and says so by EMSGSIZE. */
export const RECEIVE_MESSAGE = {
  4: code(3, RECEIVED[4].size, 11),
  8: code(3, RECEIVED[8].size, 11),
} as const;

/** One piece of memory for a structure and all that it points to. */
export const ARENA_SIZE = 2048;
const ADDRESS_AT = 64;
const ADDRESS_ROOM = 40;
const DATA_AT = 128;
const DATA_ROOM = ARENA_SIZE - DATA_AT;
/** IPMI_MAX_MSG_LENGTH of linux/ipmi_msgdefs.h. */
export const LONGEST_MESSAGE = 272;

const SYSTEM_INTERFACE = 0x0c;
const BMC_CHANNEL = 0x0f;
const IPMB = 0x01;

/** The host's own BMC. */
export const systemInterface = (lun: number): Uint8Array =>
  addressed(SYSTEM_INTERFACE, BMC_CHANNEL, [lun, 0]);
/** A controller on a bus of the BMC. */
export const ipmb = (channel: number, address: number, lun: number): Uint8Array =>
  addressed(IPMB, channel, [address, lun]);

/** Lays an ipmi_req out; `base` is where the arena lies in memory. */
export function writeRequest(arena: Buffer, word: WordSize, base: bigint, message: DriverMessage): void {
  const at = REQUEST[word];
  arena.fill(0);
  arena.set(message.address, ADDRESS_AT);
  arena.set(message.data, DATA_AT);
  writePointer(arena, word, at.address, base + BigInt(ADDRESS_AT));
  arena.writeUInt32LE(message.address.byteLength, at.addressSize);
  writeLong(arena, word, at.id, message.id);
  arena.set([message.netFn, message.command], at.message);
  arena.writeUInt16LE(message.data.byteLength, at.message + 2);
  writePointer(arena, word, at.data, base + BigInt(DATA_AT));
}

/** Lays an empty ipmi_recv out, with room for what comes. */
export function writeReceive(arena: Buffer, word: WordSize, base: bigint): void {
  const at = RECEIVED[word];
  arena.fill(0);
  writePointer(arena, word, at.address, base + BigInt(ADDRESS_AT));
  arena.writeUInt32LE(ADDRESS_ROOM, at.addressSize);
  arena.writeUInt16LE(DATA_ROOM, at.message + 2);
  writePointer(arena, word, at.data, base + BigInt(DATA_AT));
}

export function readReceived(arena: Buffer, word: WordSize): DriverAnswer {
  const at = RECEIVED[word];
  const size = Math.min(arena.readUInt16LE(at.message + 2), DATA_ROOM);
  return {
    type: arena.readInt32LE(0),
    id: word === 8 ? Number(arena.readBigInt64LE(at.id)) : arena.readInt32LE(at.id),
    netFn: arena[at.message]!,
    command: arena[at.message + 1]!,
    data: Uint8Array.from(arena.subarray(DATA_AT, DATA_AT + size)),
  };
}

function addressed(type: number, channel: number, rest: readonly [number, number]): Uint8Array {
  const address = Buffer.alloc(8);
  address.writeInt32LE(type, 0);
  address.writeInt16LE(channel, 4);
  address.set(rest, 6);
  return address;
}

function writePointer(arena: Buffer, word: WordSize, at: number, value: bigint): void {
  if (word === 8) arena.writeBigUInt64LE(value, at);
  else arena.writeUInt32LE(Number(value), at);
}

function writeLong(arena: Buffer, word: WordSize, at: number, value: number): void {
  if (word === 8) arena.writeBigInt64LE(BigInt(value), at);
  else arena.writeInt32LE(value, at);
}
