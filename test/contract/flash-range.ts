import t from 'tap';
import type { FlashRange } from '../../src/ports/index.ts';

/** What every part of a medium promises. `make` gives one of at least four erase blocks, with anything in it. */
export async function flashRangeContract(name: string, make: (t: Tap) => Promise<FlashRange>): Promise<void> {
  await t.test(`${name}: what is written after an erase is read, and nothing beside it`, async (t) => {
    const range = await make(t);
    const block = range.eraseSize;
    await range.erase(0, 4 * block);
    await range.write(0, new Uint8Array(4 * block).fill(0x5a));
    await range.flush();
    await range.erase(block, 2 * block);
    await range.write(block, Uint8Array.of(1, 2, 3));
    await range.flush();
    const whole = new Uint8Array(4 * block);
    await range.read(0, whole);
    t.same(whole.subarray(block, block + 3), [1, 2, 3]);
    t.equal(whole[block - 1], 0x5a);
    t.equal(whole[3 * block], 0x5a);
    const odd = new Uint8Array(5);
    await range.read(block - 2, odd);
    t.same(odd, [0x5a, 0x5a, 1, 2, 3]);
  });

  await t.test(`${name}: a range outside changes nothing`, async (t) => {
    const range = await make(t);
    const { size, eraseSize } = range;
    t.equal(size % eraseSize, 0);
    await t.rejects(range.erase(size - eraseSize, 2 * eraseSize), { code: 'NS_BLOCK_RANGE' });
    await t.rejects(range.write(size - 2, new Uint8Array(3)), { code: 'NS_BLOCK_RANGE' });
    await t.rejects(range.write(-1, new Uint8Array(1)), { code: 'NS_BLOCK_RANGE' });
    await t.rejects(range.read(size, new Uint8Array(1)), { code: 'NS_BLOCK_RANGE' });
  });
}

type Tap = { teardown(done: () => unknown): void };
