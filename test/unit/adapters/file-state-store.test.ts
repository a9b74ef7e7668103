import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openFileStateStore } from '../../../src/adapters/file-state-store.ts';
import { stateStoreContract } from '../../contract/state-store.ts';
import { MemoryState } from '../../kit/memory-state.ts';

const directory = await mkdtemp(join(tmpdir(), 'ns-state-'));
t.teardown(() => rm(directory, { recursive: true }));
let count = 0;
const fresh = (): string => {
  count += 1;
  return join(directory, `${count}`);
};

await stateStoreContract('file state store', async () => {
  const path = fresh();
  return {
    store: await openFileStateStore(path, { quota: 1_000_000 }),
    reopen: () => openFileStateStore(path, { quota: 1_000_000 }),
  };
});
await stateStoreContract('memory state', async () => {
  const store = new MemoryState(1_000_000);
  return { store, reopen: async () => store };
});

await t.test('the quota follows what is written, replaced, removed, and found at the start', async (t) => {
  const path = fresh();
  const store = await openFileStateStore(path, { quota: 1000 });
  await store.writeDocument('a', new Uint8Array(300));
  await store.writeDocument('a', new Uint8Array(100));
  await (await store.region('b', 200)).close();
  await (await store.stagedFile('c', 400)).data.close();
  t.equal(await store.free(), 300);
  await t.rejects(store.writeDocument('d', new Uint8Array(301)), { code: 'NS_STATE_FULL' });
  t.equal(await (await openFileStateStore(path, { quota: 1000 })).free(), 300);
  await store.remove('c');
  await store.writeDocument('d', new Uint8Array(301));
  t.equal(await store.free(), 399);
});

await t.test('the directory is for its owner alone, and so are the files', async (t) => {
  const path = fresh();
  const store = await openFileStateStore(path);
  await store.writeDocument('a', Uint8Array.of(1));
  await (await store.region('b', 10)).close();
  await (await store.stagedFile('c', 10)).data.close();
  t.equal((await stat(path)).mode & 0o777, 0o700);
  for (const name of ['a', 'b', 'c']) t.equal((await stat(store.pathOf(name))).mode & 0o777, 0o600);
});

await t.test(
  'a half-made file of an earlier run is gone after opening, and never shows as a name',
  async (t) => {
    const path = fresh();
    await openFileStateStore(path);
    await writeFile(join(path, '.new.journal'), 'half');
    const store = await openFileStateStore(path);
    t.same(await readdir(path), []);
    t.same(await store.names(''), []);
  },
);

await t.test('a region takes its blocks when it is made, not when it is written', async (t) => {
  const store = await openFileStateStore(fresh());
  await (await store.region('journal', 1_000_000)).close();
  const { blocks } = await stat(store.pathOf('journal'));
  t.ok(blocks * 512 >= 1_000_000);
});

await t.test('a staged file is a plain file that a tool can read', async (t) => {
  const store = await openFileStateStore(fresh());
  const staged = await store.stagedFile('in', 5);
  await staged.data.write(0, new TextEncoder().encode('hello'));
  await staged.data.flush();
  t.equal(await readFile(store.pathOf('in'), 'utf8'), 'hello');
  await staged.data.close();
});

await t.test('a directory that cannot be made is NS_STATE_IO', async (t) => {
  await t.rejects(openFileStateStore('/dev/null/state'), { code: 'NS_STATE_IO' });
});

await t.test('names that are removed one after another, first of all, are all removed', async (t) => {
  const path = fresh();
  const store = await openFileStateStore(path);
  const names = Array.from({ length: 16 }, (_, n) => `staged-${n}`);
  for (let round = 0; round < 5; round += 1) {
    for (const name of names) await store.writeDocument(name, new Uint8Array(1));
    const anew = await openFileStateStore(path);
    const failures: unknown[] = [];
    const removals: Promise<void>[] = [];
    for (const name of names) {
      removals.push(anew.remove(name).catch((error) => void failures.push(error)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(removals);
    t.same(failures, []);
    t.same(await anew.names(''), []);
  }
});
