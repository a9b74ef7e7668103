/** linux/i2c-dev.h */
export const I2C_TRANSFER = 0x0707;
const READ = 1;
const FLAGS_AT = 2;
const LENGTH_AT = 4;
const BUFFER_AT = 8;

/** Bytes of a pointer: what an i2c_msg is as long as. */
export type PointerSize = 4 | 8;

/**
 * One transfer of the kernel's i2c-dev, laid out in one piece of memory with all that it points to (linux/i2c.h, i2c_msg
 * and i2c_rdwr_ioctl_data): the register's number is written, then bytes are read without letting the bus go in between.
 */
export interface I2cTransfer {
  readonly memory: Buffer;
  /** What was read, once the kernel has done it. */
  read(): Uint8Array;
}

export function layTransfer(
  wanted: { readonly address: number; readonly register?: number | undefined; readonly bytes: number },
  pointer: PointerSize,
  addressOf: (memory: Buffer) => bigint,
): I2cTransfer {
  const { address, register, bytes } = wanted;
  const message = pointer === 8 ? 16 : 12;
  const count = register === undefined ? 1 : 2;
  const messagesAt = 16;
  const registerAt = messagesAt + 2 * message;
  const bytesAt = registerAt + 8;
  const memory = Buffer.alloc(bytesAt + bytes);
  const base = addressOf(memory);
  const put = (at: number, value: bigint): void => {
    if (pointer === 8) memory.writeBigUInt64LE(value, at);
    else memory.writeUInt32LE(Number(value), at);
  };
  const lay = (index: number, flags: number, length: number, at: number): void => {
    const start = messagesAt + index * message;
    memory.writeUInt16LE(address, start);
    memory.writeUInt16LE(flags, start + FLAGS_AT);
    memory.writeUInt16LE(length, start + LENGTH_AT);
    put(start + BUFFER_AT, base + BigInt(at));
  };
  put(0, base + BigInt(messagesAt));
  memory.writeUInt32LE(count, pointer);
  if (register !== undefined) {
    memory[registerAt] = register;
    lay(0, 0, 1, registerAt);
  }
  lay(count - 1, READ, bytes, bytesAt);
  return { memory, read: () => Uint8Array.from(memory.subarray(bytesAt)) };
}
