import t from 'tap';
import type { StateStore } from '../../src/ports/index.ts';

/** What every StateStore promises. `reopen` gives the same storage as a later run of the program finds it. */
export async function stateStoreContract(
  name: string,
  make: () => Promise<{ store: StateStore; reopen: () => Promise<StateStore>; done?: () => Promise<void> }>,
): Promise<void> {
  await t.test(`${name}: a document is absent, then there, then replaced, then gone`, async (t) => {
    const { store, reopen, done } = await make();
    t.equal(await store.readDocument('lock'), undefined);
    await store.writeDocument('lock', Uint8Array.of(1, 2, 3));
    t.same(await store.readDocument('lock'), Uint8Array.of(1, 2, 3));
    await store.writeDocument('lock', new Uint8Array(0));
    t.same(await (await reopen()).readDocument('lock'), new Uint8Array(0));
    await store.remove('lock');
    await store.remove('lock');
    t.equal(await store.readDocument('lock'), undefined);
    await done?.();
  });

  await t.test(`${name}: a region is zeros at first and keeps what was written and flushed`, async (t) => {
    const { store, reopen, done } = await make();
    const region = await store.region('journal', 300_000);
    const whole = new Uint8Array(300_000);
    await region.read(0, whole);
    t.ok(whole.every((byte) => byte === 0));
    await region.write(299_998, Uint8Array.of(7, 8));
    await region.flush();
    await region.close();
    const again = await (await reopen()).region('journal', 300_000);
    const tail = new Uint8Array(2);
    await again.read(299_998, tail);
    t.same(tail, Uint8Array.of(7, 8));
    await again.close();
    await t.rejects(store.region('journal', 299_999), { code: 'NS_STATE_SIZE' });
    await done?.();
  });

  await t.test(`${name}: a staged file has its size at once and is found again`, async (t) => {
    const { store, reopen, done } = await make();
    const staged = await store.stagedFile('in-1', 10_000);
    t.equal(staged.size, 10_000);
    t.equal(staged.data.capabilities.size, 10_000);
    await staged.data.write(9_999, Uint8Array.of(5));
    await staged.data.flush();
    await staged.data.close();
    const again = await (await reopen()).stagedFile('in-1', 10_000);
    const last = new Uint8Array(1);
    await again.data.read(9_999, last);
    t.same(last, Uint8Array.of(5));
    await again.data.close();
    await (await store.stagedFile('in-2', 0)).data.close();
    t.same(await store.names('in-'), ['in-1', 'in-2']);
    t.same(await store.names('out-'), []);
    await done?.();
  });

  await t.test(`${name}: a name that is a path or nothing is NS_STATE_NAME`, async (t) => {
    const { store, done } = await make();
    for (const bad of ['', '.', '..', '../x', 'a/b', '.hidden', 'a\0b', 'a b', 'é', 'x'.repeat(129), 'a\n']) {
      await t.rejects(store.readDocument(bad), { code: 'NS_STATE_NAME' });
      await t.rejects(store.writeDocument(bad, new Uint8Array(1)), { code: 'NS_STATE_NAME' });
      await t.rejects(store.region(bad, 1), { code: 'NS_STATE_NAME' });
      await t.rejects(store.stagedFile(bad, 1), { code: 'NS_STATE_NAME' });
      await t.rejects(store.remove(bad), { code: 'NS_STATE_NAME' });
    }
    await done?.();
  });

  await t.test(`${name}: what does not fit is NS_STATE_FULL, and all that was there stays`, async (t) => {
    const { store, done } = await make();
    await store.writeDocument('kept', Uint8Array.of(1));
    const free = await store.free();
    t.ok(free > 0);
    await t.rejects(store.stagedFile('big', free + 1), { code: 'NS_STATE_FULL' });
    await t.rejects(store.region('big', free + 1), { code: 'NS_STATE_FULL' });
    t.same(await store.names(''), ['kept']);
    t.same(await store.readDocument('kept'), Uint8Array.of(1));
    await done?.();
  });
}
