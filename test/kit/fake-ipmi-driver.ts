import { constants } from 'node:os';
import type { DriverFile } from '../../src/adapters/local-ipmi/driver-file.ts';

const { EAGAIN, EFAULT, EMSGSIZE, ENOTTY } = constants.errno;

export interface DriverRequest {
  readonly address: Uint8Array;
  readonly id: number;
  readonly netFn: number;
  readonly command: number;
  readonly data: Uint8Array;
}

/** Offsets as a C compiler gives them for struct ipmi_req and struct ipmi_recv of linux/ipmi.h. */
const C = {
  8: {
    send: 0x8028_690d,
    receive: 0xc030_690b,
    req: { addr: 0, addr_len: 8, msgid: 16, netfn: 24, cmd: 25, data_len: 26, data: 32 },
    recv: { addr: 8, addr_len: 16, msgid: 24, netfn: 32, cmd: 33, data_len: 34, data: 40 },
  },
  4: {
    send: 0x8014_690d,
    receive: 0xc018_690b,
    req: { addr: 0, addr_len: 4, msgid: 8, netfn: 12, cmd: 13, data_len: 14, data: 16 },
    recv: { addr: 4, addr_len: 8, msgid: 12, netfn: 16, cmd: 17, data_len: 18, data: 20 },
  },
} as const;

/** As much of Linux' ipmi_devintf as a user of it can see, over memory that starts at `base`. */
export class FakeIpmiDriver implements DriverFile {
  readonly word: 4 | 8;
  readonly requests: DriverRequest[] = [];
  /** What a send, or a receive, fails with. */
  sendFails = 0;
  receiveFails = 0;
  closed = false;
  readonly #base: bigint;
  readonly #queue: { type: number; id: number; netFn: number; command: number; data: Uint8Array }[] = [];
  readonly #answer: (request: DriverRequest) => Uint8Array | undefined;

  /** `answer`: completion code and data; undefined for none. */
  constructor(word: 4 | 8, answer: (request: DriverRequest) => Uint8Array | undefined) {
    this.word = word;
    this.#base = word === 8 ? 0x7f12_3456_7000n : 0xb6f0_1000n;
    this.#answer = answer;
  }

  addressOf(): bigint {
    return this.#base;
  }

  close(): void {
    this.closed = true;
  }

  /** Puts something into the queue of what the user is to receive. */
  deliver(type: number, id: number, netFn: number, command: number, data: Uint8Array): void {
    this.#queue.push({ type, id, netFn, command, data });
  }

  ioctl(code: number, memory: Buffer): number {
    if (code === C[this.word].send) return this.#send(memory);
    if (code === C[this.word].receive) return this.#receive(memory);
    return ENOTTY;
  }

  #send(memory: Buffer): number {
    if (this.sendFails !== 0) return this.sendFails;
    const at = C[this.word].req;
    const address = this.#at(memory, at.addr, memory.readUInt32LE(at.addr_len));
    const data = this.#at(memory, at.data, memory.readUInt16LE(at.data_len));
    if (address === undefined || data === undefined) return EFAULT;
    const request = {
      address: Uint8Array.from(address),
      id: this.#long(memory, at.msgid),
      netFn: memory[at.netfn]!,
      command: memory[at.cmd]!,
      data: Uint8Array.from(data),
    };
    this.requests.push(request);
    const answer = this.#answer(request);
    if (answer !== undefined) this.deliver(1, request.id, request.netFn | 1, request.command, answer);
    return 0;
  }

  #receive(memory: Buffer): number {
    if (this.receiveFails !== 0) return this.receiveFails;
    const next = this.#queue.shift();
    if (next === undefined) return EAGAIN;
    const at = C[this.word].recv;
    const room = this.#at(memory, at.data, memory.readUInt16LE(at.data_len));
    const address = this.#at(memory, at.addr, memory.readUInt32LE(at.addr_len));
    if (room === undefined || address === undefined) return EFAULT;
    memory.writeInt32LE(next.type, 0);
    if (this.word === 8) memory.writeBigInt64LE(BigInt(next.id), at.msgid);
    else memory.writeInt32LE(next.id, at.msgid);
    memory[at.netfn] = next.netFn;
    memory[at.cmd] = next.command;
    const data = next.data.subarray(0, room.byteLength);
    room.set(data);
    memory.writeUInt16LE(data.byteLength, at.data_len);
    return data.byteLength < next.data.byteLength ? EMSGSIZE : 0;
  }

  /** The bytes that a pointer points to, where they are in the user's memory. */
  #at(memory: Buffer, pointer: number, size: number): Buffer | undefined {
    const raw = this.word === 8 ? memory.readBigUInt64LE(pointer) : BigInt(memory.readUInt32LE(pointer));
    const offset = Number(raw - this.#base);
    const inside = offset >= 0 && offset + size <= memory.byteLength;
    return inside ? memory.subarray(offset, offset + size) : undefined;
  }

  #long(memory: Buffer, at: number): number {
    return this.word === 8 ? Number(memory.readBigInt64LE(at)) : memory.readInt32LE(at);
  }
}
