import t from 'tap';
import { loadLibc } from '../../../../src/adapters/libc.ts';
import { ATTENTION } from '../../../../src/adapters/local-ipmi/attention.ts';
import { type FrameDevice, openFrameDevice } from '../../../../src/adapters/local-ipmi/frame-device.ts';
import { HostDoor } from '../../../../src/adapters/local-ipmi/host-door.ts';
import { openSerialLine } from '../../../../src/adapters/serial-line.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { BT_FRAMES, KCS_FRAMES } from '../../../../src/ipmi/index.ts';
import { ptyPair } from '../../../kit/chain-links.ts';
import { eventually } from '../../../kit/eventually.ts';

const libc = await loadLibc('NS_IPMI_DEVICE');

/** A pseudo terminal in the device's place, and what its other end hears. */
async function standIn(waits: boolean) {
  const pty = await ptyPair();
  const host = await openSerialLine(pty.paths[1]!, { baudRate: 115_200 });
  const heard: number[] = [];
  host.onData((bytes) => void heard.push(...bytes));
  // Opened first by a line, which makes it raw.
  await (await openSerialLine(pty.paths[0]!, { baudRate: 115_200 })).close();
  const ready = waits ? (fd: number) => libc.poll(fd) : undefined;
  const open = (): FrameDevice | undefined => openFrameDevice(pty.paths[0]!, ready && { ready });
  t.teardown(async () => {
    await host.close();
    await pty.unplug();
  });
  return { host, heard, open };
}

for (const waits of [false, true]) {
  const name = waits ? 'asked by poll first' : 'that does not wait';

  await t.test(`a real device ${name} gives what is there, and takes what is given`, async (t) => {
    const { host, heard, open } = await standIn(waits);
    const device = open();
    t.equal(device?.read(), undefined);
    host.write(Uint8Array.of(0x18, 0x01));
    let read: Uint8Array | undefined;
    await eventually(() => {
      read = device?.read();
      return read !== undefined;
    });
    t.same(read, Uint8Array.of(0x18, 0x01));
    t.equal(device?.write(Uint8Array.of(0x1c, 0x01, 0x00)), 'taken');
    await eventually(() => heard.length === 3);
    t.same(heard, [0x1c, 0x01, 0x00]);
    // Nobody reads the terminal's other end as fast as this.
    let end = device?.write(new Uint8Array(512));
    for (let n = 0; n < 100_000 && end === 'taken'; n += 1) end = device?.write(new Uint8Array(512));
    t.equal(end, 'later');
    device?.close();
  });
}

await t.test('a host gets its answer through a real file, by KCS and by BT', async (t) => {
  const rows = [
    { frames: KCS_FRAMES, waits: false, asks: [0x18, 0x37], answer: [0x1c, 0x37, 0x00, 0xaa] },
    {
      frames: BT_FRAMES,
      waits: true,
      asks: [3, 0x18, 0x21, 0x37],
      answer: [5, 0x1c, 0x21, 0x37, 0x00, 0xaa],
    },
  ];
  for (const { frames, waits, asks, answer } of rows) {
    const { host, heard, open } = await standIn(waits);
    const door = new HostDoor({
      name: 'a pseudo terminal',
      open: async () => open(),
      frames,
      commands: { answer: async () => ({ completion: 0, data: Uint8Array.of(0xaa) }) },
      clock: systemClock,
      log: { log: () => {} },
    });
    await eventually(() => door.state.is === 'open');
    host.write(Uint8Array.from(asks));
    await eventually(() => heard.length === answer.length);
    t.same(heard, answer);
    await door.close();
  }
});

await t.test('a device that is not there is undefined; one that cannot be opened is an error', (t) => {
  t.equal(openFrameDevice('/dev/nightshift-no-such-device'), undefined);
  t.throws(() => openFrameDevice('/dev'), { code: 'NS_IPMI_DEVICE', message: /\/dev: EISDIR/ });
  t.end();
});

await t.test('a device whose other end is gone is broken', async (t) => {
  const pty = await ptyPair();
  const device = openFrameDevice(pty.paths[0]!);
  await pty.unplug();
  await eventually(() => {
    try {
      device?.read();
      return false;
    } catch (error) {
      t.match(error, { code: 'NS_IPMI_DEVICE', retryable: true });
      return true;
    }
  });
  device?.close();
});

await t.test('a driver is told by its own codes that something waits for the host', (t) => {
  const told: [number, number][] = [];
  const heard = { ioctl: (fd: number, code: number) => told.push([fd, code]) * 0 };
  for (const raised of [true, false]) ATTENTION.kcs(heard, 7, raised);
  for (const raised of [true, false]) ATTENTION.bt(heard, 8, raised);
  t.same(told, [
    [7, 0xb100],
    [7, 0xb101],
    [8, 0xb100],
  ]);
  const none = libc.ioctl(1, 0xb100, Buffer.alloc(0));
  t.not(none, 0, 'a file that knows nothing of it says so, and no more');
  t.end();
});
