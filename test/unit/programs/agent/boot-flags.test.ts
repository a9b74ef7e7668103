import t from 'tap';
import { silentLog } from '../../../../src/adapters/log.ts';
import { VirtualClock } from '../../../../src/adapters/sim/virtual-clock.ts';
import { seconds } from '../../../../src/base/index.ts';
import { KeptBootFlags } from '../../../../src/programs/agent/boot-flags.ts';
import { MemoryState } from '../../../kit/memory-state.ts';

async function bench(store = new MemoryState()) {
  const clock = new VirtualClock();
  const written: number[] = [];
  const counted = {
    readDocument: (name: string) => store.readDocument(name),
    async writeDocument(name: string, bytes: Uint8Array) {
      written.push(bytes.byteLength);
      await store.writeDocument(name, bytes);
    },
  };
  return {
    clock,
    store,
    written,
    flags: await KeptBootFlags.open({ store: counted, clock, log: silentLog }),
  };
}

await t.test('a boot device for every boot outlives a restart, one for the next boot does not', async (t) => {
  const { flags, store } = await bench();
  t.same(flags.get(), { valid: false });
  await flags.set({ valid: true, persistent: true, efi: true, device: 'disk' });
  await flags.close();
  const again = await bench(store);
  t.match(again.flags.get(), { valid: true, persistent: true, efi: true, device: 'disk' });
  await again.flags.set({ valid: true, persistent: false, device: 'pxe' });
  t.match(again.flags.get(), { device: 'pxe' }, 'in force at once');
  await again.flags.close();
  t.same((await bench(store)).flags.get(), { valid: false });
});

await t.test('a host that sets them without end wears no storage out', async (t) => {
  const { flags, clock, written, store } = await bench();
  for (let n = 0; n < 1000; n += 1) {
    await flags.set({ valid: true, persistent: true, device: n % 2 === 0 ? 'disk' : 'cdrom' });
    await clock.advance(seconds(0.01));
  }
  await clock.advance(seconds(2));
  t.ok(written.length >= 2 && written.length <= 13, `${written.length} writes in 10 s`);
  await flags.close();
  t.match((await bench(store)).flags.get(), { device: 'cdrom' }, 'the last of them');
});

await t.test('what is stored and makes no sense is no boot device', async (t) => {
  for (const bytes of ['', 'c0', 'c0300000', 'c030000000', 'c00800000000']) {
    const store = new MemoryState();
    await store.writeDocument('bmc-boot-flags', Buffer.from(bytes, 'hex'));
    t.same((await bench(store)).flags.get(), { valid: false }, bytes);
  }
});

await t.test('where the storage fails they hold until the restart', async (t) => {
  const lines: string[] = [];
  const flags = await KeptBootFlags.open({
    store: {
      readDocument: async () => undefined,
      writeDocument: async () => {
        throw new Error('full');
      },
    },
    clock: new VirtualClock(),
    log: { log: (level, event) => lines.push(`${level} ${event}`) },
  });
  await flags.set({ valid: true, persistent: true, device: 'disk' });
  await flags.close();
  t.match(flags.get(), { device: 'disk' });
  t.same(lines, ['error boot-flags.not-kept']);
});
