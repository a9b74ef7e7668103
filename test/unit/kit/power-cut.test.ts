import t from 'tap';
import { MemoryDevice } from '../../kit/memory-device.ts';
import { PowerRail } from '../../kit/power-cut.ts';

await t.test('the rail that cuts the power keeps, loses and tears, and never what was flushed', async (t) => {
  const fates = new Set<string>();
  for (let seed = 1; seed <= 60; seed += 1) {
    const memory = new MemoryDevice('disk0', 8192);
    const rail = new PowerRail({ cutAt: 4, seed });
    const device = rail.wrap(memory);
    await device.write(0, new Uint8Array(2048).fill(1));
    await device.flush();
    await device.write(0, new Uint8Array(1024).fill(2));
    await t.rejects(device.write(4096, new Uint8Array(2048).fill(3)), { code: 'NS_POWER_CUT' });
    await t.rejects(device.read(0, new Uint8Array(1)), { code: 'NS_POWER_CUT' });
    if (memory.bytes.subarray(1024, 2048).some((byte) => byte !== 1)) t.fail('a flushed byte was lost');
    const sectors = [0, 1, 2, 3].map((i) => memory.bytes[4096 + i * 512]);
    const kept = sectors.filter((byte) => byte === 3).length;
    fates.add(kept === 0 ? 'lost' : kept === 4 ? 'kept' : 'torn');
    fates.add(memory.bytes[0] === 2 && kept === 0 ? 'the earlier write outlived the later' : '');
    fates.add(memory.bytes[0] === 1 && kept === 4 ? 'the later write outlived the earlier' : '');
  }
  fates.delete('');
  t.equal(fates.size, 5);
});
