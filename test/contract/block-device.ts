import t from 'tap';
import type { BlockDevice } from '../../src/ports/index.ts';

/** What every BlockDevice promises. `make` gives a writable device of this size, full of zeros. */
export async function blockDeviceContract(
  name: string,
  make: (size: number) => Promise<{ device: BlockDevice; done?: () => Promise<void> }>,
): Promise<void> {
  const size = 64 * 1024;

  await t.test(`${name}: what is written is read, aligned or not, before and after a flush`, async (t) => {
    const { device, done } = await make(size);
    t.equal(device.capabilities.size, size);
    t.equal(device.capabilities.writable, true);
    const model = new Uint8Array(size);
    for (const [offset, length] of [
      [0, 512],
      [1, 1],
      [4095, 2],
      [511, 4098],
      [size - 3, 3],
      [8192, 8192],
      [size, 0],
    ] as const) {
      const data = Uint8Array.from({ length }, (_, i) => (offset * 7 + i * 13 + 1) & 0xff);
      await device.write(offset, data);
      model.set(data, offset);
      const back = new Uint8Array(length);
      await device.read(offset, back);
      t.same(back, data);
    }
    await device.flush();
    const whole = new Uint8Array(size);
    await device.read(0, whole);
    t.ok(Buffer.from(whole).equals(Buffer.from(model)));
    await device.close();
    await done?.();
  });

  await t.test(`${name}: anything not wholly inside is NS_BLOCK_RANGE and changes nothing`, async (t) => {
    const { device, done } = await make(size);
    const cases: [number, number][] = [
      [size, 1],
      [size - 1, 2],
      [-1, 1],
      [0, size + 1],
      [2 ** 53, 1],
      [0.5, 1],
      [Number.NaN, 1],
      [2 ** 32, 1],
    ];
    for (const [offset, length] of cases) {
      const buffer = new Uint8Array(length).fill(9);
      await t.rejects(device.write(offset, buffer), { code: 'NS_BLOCK_RANGE' });
      await t.rejects(device.read(offset, buffer), { code: 'NS_BLOCK_RANGE' });
      await t.rejects(device.trim(offset, length), { code: 'NS_BLOCK_RANGE' });
    }
    const whole = new Uint8Array(size);
    await device.read(0, whole);
    t.ok(whole.every((byte) => byte === 0));
    await device.close();
    await done?.();
  });

  await t.test(`${name}: the caller's buffer may be used again once a write has returned`, async (t) => {
    const { device, done } = await make(size);
    const buffer = new Uint8Array(4096).fill(1);
    await device.write(0, buffer);
    buffer.fill(2);
    const back = new Uint8Array(4096);
    await device.read(0, back);
    t.ok(back.every((byte) => byte === 1));
    await device.close();
    await done?.();
  });

  await t.test(`${name}: an aborted signal stops a call`, async (t) => {
    const { device, done } = await make(size);
    const reason = new Error('stopped');
    const signal = AbortSignal.abort(reason);
    await t.rejects(device.read(0, new Uint8Array(1), signal), reason);
    await t.rejects(device.write(0, new Uint8Array(1), signal), reason);
    await device.close();
    await done?.();
  });

  await t.test(`${name}: concurrent writes to neighbouring bytes are all kept`, async (t) => {
    const { device, done } = await make(size);
    await Promise.all(
      Array.from({ length: 256 }, (_, i) => device.write(i * 100, new Uint8Array(100).fill(i))),
    );
    const whole = new Uint8Array(256 * 100);
    await device.read(0, whole);
    t.ok(whole.every((byte, at) => byte === Math.floor(at / 100)));
    await device.close();
    await done?.();
  });
}
