import t from 'tap';
import type { ChannelValue, IoDevices } from '../../src/ports/index.ts';

export interface IoUnderTest {
  readonly io: IoDevices;
  /** Lets enough time pass for a sample of every analogue channel. */
  readonly pass: () => Promise<void>;
}

const BYTES = new Set(['uart', 'camera', 'gnss', 'eeprom', 'i2c']);

/** What every IoDevices promises, for whatever channels it has. */
export async function ioDevicesContract(name: string, make: () => Promise<IoUnderTest>): Promise<void> {
  await t.test(
    `${name}: channels have names of their own, and safe values within their limits`,
    async (t) => {
      const { io } = await make();
      const channels = io.channels();
      t.ok(channels.length > 0);
      t.equal(new Set(channels.map((channel) => channel.name)).size, channels.length);
      for (const { minimum, maximum, safe } of channels) {
        if (safe === undefined) continue;
        t.ok(minimum === undefined || safe >= minimum);
        t.ok(maximum === undefined || safe <= maximum);
      }
    },
  );

  await t.test(`${name}: a reading is a whole number or bytes, as its kind says`, async (t) => {
    const { io } = await make();
    for (const { name: channel, kind, readable } of io.channels()) {
      if (!readable) continue;
      const value = await io.read(channel);
      if (BYTES.has(kind)) t.ok(value instanceof Uint8Array, channel);
      else t.ok(Number.isSafeInteger(value), channel);
    }
    await t.rejects(io.read('no such channel'), { code: 'NS_IO_UNKNOWN' });
    await t.rejects(io.write('no such channel', 1), { code: 'NS_IO_UNKNOWN' });
    await t.rejects(io.read(io.channels()[0]!.name, AbortSignal.abort(new Error('no'))), { message: 'no' });
  });

  await t.test(`${name}: an output keeps what is written`, async (t) => {
    const { io } = await make();
    for (const { name: channel, kind, writable, readable, maximum } of io.channels()) {
      if (!writable || !readable || maximum === undefined || kind === 'watchdog') continue;
      await io.write(channel, maximum);
      t.equal(await io.read(channel), maximum, channel);
    }
  });

  await t.test(`${name}: a watcher hears changes or samples until it stops`, async (t) => {
    const { io, pass } = await make();
    for (const { name: channel, kind, readable, writable, minimum, maximum } of io.channels()) {
      if (!readable || kind === 'uart') continue;
      const digital = kind === 'gpio' || kind === 'led';
      if (digital && (!writable || minimum === undefined || maximum === undefined)) continue;
      const heard: ChannelValue[] = [];
      const stop = io.watch(channel, (value) => heard.push(value));
      if (digital) {
        await io.write(channel, maximum!);
        await io.write(channel, minimum!);
      }
      await pass();
      t.ok(heard.length > 0, channel);
      if (digital) t.equal(heard.at(-1), minimum);
      stop();
      const count = heard.length;
      await pass();
      t.equal(heard.length, count, 'silence after the stop');
    }
  });
}
