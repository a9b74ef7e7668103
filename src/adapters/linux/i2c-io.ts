import { open } from 'node:fs/promises';
import { NsError, sentenceOf } from '../../base/index.ts';
import type { ChannelPlace } from '../../board/index.ts';
import type { Channel, ChannelValue, Clock, IoDevices, Stop } from '../../ports/index.ts';
import { type Libc, loadLibc } from '../libc.ts';
import { I2C_TRANSFER, layTransfer } from './i2c-abi.ts';
import type { KernelFiles } from './kernel-files.ts';
import { NamedChannels, notWritable } from './named-channels.ts';
import { watchBySample } from './samples.ts';

type I2cPlace = Extract<ChannelPlace, { readonly on: 'i2c' }>;

export interface I2cChannel {
  readonly channel: Channel;
  readonly at: I2cPlace;
}

/** Reads from a chip. NS_IO_FAILED where there is no such bus, or nothing answers. */
export type I2cRead = (at: I2cPlace, channel: string) => Promise<Uint8Array>;

/** Chips that nobody has a driver for, read as their board says. Nothing is ever written but a register's number. */
export class I2cIo implements IoDevices {
  readonly #wanted: NamedChannels<I2cChannel>;
  readonly #files: KernelFiles;
  readonly #clock: Clock;
  readonly #read: I2cRead;

  constructor(wanted: readonly I2cChannel[], files: KernelFiles, clock: Clock, read: I2cRead) {
    this.#wanted = new NamedChannels(wanted);
    this.#files = files;
    this.#clock = clock;
    this.#read = read;
  }

  channels(): readonly Channel[] {
    return this.#wanted.channels();
  }

  async read(name: string, signal?: AbortSignal): Promise<ChannelValue> {
    signal?.throwIfAborted();
    const { at } = this.#wanted.find(name);
    const driver = `/sys/bus/i2c/devices/${at.bus}-${at.address.toString(16).padStart(4, '0')}/driver`;
    // Two who talk to one chip read each other's registers.
    if (await this.#files.has(driver))
      throw new NsError('NS_IO_FAILED', `${name}: the kernel has a driver for what is there`);
    return this.#read(at, name);
  }

  async write(name: string): Promise<void> {
    this.#wanted.find(name);
    throw notWritable(name);
  }

  watch(name: string, listener: (value: ChannelValue) => void): Stop {
    this.#wanted.find(name);
    return watchBySample(this.#clock, (signal) => this.read(name, signal), listener);
  }
}

const NARROW: readonly NodeJS.Architecture[] = ['arm', 'ia32'];

/** By the kernel's own bus devices, "/dev/i2c-7": needs its module i2c_dev, and the package koffi. */
export const readI2c: I2cRead = async (at, channel) =>
  readBus(at, channel, await loadLibc('NS_IO_FAILED'), `/dev/i2c-${at.bus}`);

export async function readBus(
  at: I2cPlace,
  channel: string,
  libc: Pick<Libc, 'ioctlAside' | 'addressOf'>,
  path: string,
): Promise<Uint8Array> {
  const file = await open(path, 'r+').catch((cause: unknown) => {
    throw new NsError('NS_IO_FAILED', `${channel}: ${path}: ${sentenceOf(cause)}`, { cause });
  });
  try {
    const pointer = NARROW.includes(process.arch) ? 4 : 8;
    const transfer = layTransfer(at, pointer, (memory) => libc.addressOf(memory));
    const error = await libc.ioctlAside(file.fd, I2C_TRANSFER, transfer.memory);
    if (error === 0) return transfer.read();
    throw new NsError(
      'NS_IO_FAILED',
      `${channel}: nothing answers at 0x${at.address.toString(16)} of I2C bus ${at.bus}`,
      { retryable: true },
    );
  } finally {
    await file.close();
  }
}
