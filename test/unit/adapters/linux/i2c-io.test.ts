import t from 'tap';
import { loadLibc } from '../../../../src/adapters/libc.ts';
import { I2C_TRANSFER, layTransfer } from '../../../../src/adapters/linux/i2c-abi.ts';
import { readBus } from '../../../../src/adapters/linux/i2c-io.ts';
import { I2cIo } from '../../../../src/adapters/linux/index.ts';
import { VirtualClock } from '../../../../src/adapters/sim/index.ts';
import { seconds } from '../../../../src/base/index.ts';
import type { Channel } from '../../../../src/ports/index.ts';
import { ioDevicesContract } from '../../../contract/io-devices.ts';
import { FakeKernelFiles } from '../../../kit/fake-kernel-files.ts';

const at = { on: 'i2c', bus: 3, address: 0x41, register: 0x1f, bytes: 4 } as const;
const channel: Channel = { name: 'cpld', kind: 'i2c', unit: 'bytes', readable: true, writable: false };
const BASE = 0x10_0000n;

function io(files = new FakeKernelFiles({})) {
  const clock = new VirtualClock();
  const asked: (typeof at)[] = [];
  const chips = new I2cIo([{ channel, at }], files, clock, async (place) => {
    asked.push(place as typeof at);
    return Uint8Array.of(1, 2, 3, 4);
  });
  return { chips, clock, asked };
}

await ioDevicesContract('chips on a bus', async () => {
  const { chips, clock } = io();
  return { io: chips, pass: () => clock.advance(seconds(3)) };
});

/** Does what the kernel does with a transfer: one chip at 0x41, whose registers hold their own numbers. */
function transfer(memory: Buffer, pointer: 4 | 8): number {
  const number = (start: number) =>
    Number(pointer === 8 ? memory.readBigUInt64LE(start) : memory.readUInt32LE(start));
  const first = number(0) - Number(BASE);
  const count = memory.readUInt32LE(pointer);
  let register = 0;
  for (let index = 0; index < count; index += 1) {
    const start = first + index * (pointer === 8 ? 16 : 12);
    const [address, flags, length] = [0, 2, 4].map((field) => memory.readUInt16LE(start + field));
    if (address !== 0x41) return 6;
    const buffer = number(start + 8) - Number(BASE);
    if (flags === 0) register = memory[buffer]!;
    else for (let n = 0; n < length!; n += 1) memory[buffer + n] = register + n;
  }
  return 0;
}

await t.test('a transfer is laid out as the kernel has it, for both sizes of a pointer', (t) => {
  for (const pointer of [4, 8] as const) {
    const laid = layTransfer(at, pointer, () => BASE);
    t.equal(transfer(laid.memory, pointer), 0);
    t.same(laid.read(), Uint8Array.of(0x1f, 0x20, 0x21, 0x22));
    const bare = layTransfer({ address: 0x41, bytes: 2 }, pointer, () => BASE);
    t.equal(transfer(bare.memory, pointer), 0);
    t.same(bare.read(), Uint8Array.of(0, 1), 'no register is written where there is none');
  }
  t.end();
});

await t.test('a chip is read by the bus, and one that does not answer is said', async (t) => {
  const codes: number[] = [];
  const bus = {
    addressOf: () => BASE,
    ioctlAside: async (_: number, code: number, memory: Buffer) => {
      codes.push(code);
      return transfer(memory, process.arch === 'arm' || process.arch === 'ia32' ? 4 : 8);
    },
  };
  t.same(await readBus(at, 'cpld', bus, '/dev/null'), Uint8Array.of(0x1f, 0x20, 0x21, 0x22));
  t.same(codes, [I2C_TRANSFER]);
  const silent = { ...at, address: 0x50 };
  await t.rejects(readBus(silent, 'cpld', bus, '/dev/null'), {
    code: 'NS_IO_FAILED',
    message: /cpld: nothing answers at 0x50 of I2C bus 3/,
  });
  const real = await loadLibc('NS_IO_FAILED');
  await t.rejects(readBus(at, 'cpld', real, '/dev/null'), { message: /nothing answers/ }, 'no bus at all');
  await t.rejects(readBus(at, 'cpld', real, '/dev/nightshift-no-bus'), { message: /ENOENT/ });
});

await t.test('what the kernel drives is left to it, and nothing is written', async (t) => {
  const files = new FakeKernelFiles({ '/sys/bus/i2c/devices/3-0041/driver': 'lm75' });
  const { chips, asked } = io(files);
  await t.rejects(chips.read('cpld'), { message: /the kernel has a driver/ });
  await t.rejects(chips.write('cpld'), { message: /cannot be written/ });
  t.same(asked, []);
});
