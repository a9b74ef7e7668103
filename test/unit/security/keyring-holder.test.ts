import t from 'tap';
import { NsError } from '../../../src/base/index.ts';
import type { KeyStore, StateStore } from '../../../src/ports/index.ts';
import { KEYRING_DOCUMENTS, KeyringHolder } from '../../../src/security/keyring-holder.ts';
import { encodeKeyringCopy } from '../../../src/security/keyring-record.ts';
import { grant, NEXT_ROOTS, paper, ROOTS, rootsOf, signedPaper } from '../../kit/keyring-papers.ts';
import { testKey, testKeyring } from '../../kit/keys.ts';
import { MemoryState } from '../../kit/memory-state.ts';

const olga = testKey();
const pat = testKey();
const local = testKeyring({ pat: [pat, 'operator'] });
const opened = (store: StateStore) =>
  KeyringHolder.open({ store, tenant: 'acme', local, roots: paper().roots });
const knows = (holder: KeyringHolder, key: KeyStore) =>
  holder.current.lookup(key.publicKey.keyId) !== undefined;
const withOlga = { keys: [grant('olga', 'operator', olga)] };
const versionOf = ({ inForce }: KeyringHolder) =>
  inForce.source === 'document' ? inForce.signed.document.version : inForce.source;

await t.test('the local list counts until a document is accepted, and never again after', async (t) => {
  const store = new MemoryState();
  const holder = await opened(store);
  t.equal(versionOf(holder), 'local');
  t.ok(knows(holder, pat));
  const first = await holder.update(await signedPaper(withOlga));
  t.ok(first.ok && first.value.changed);
  t.ok(knows(holder, olga), 'at once, without a restart');
  t.notOk(knows(holder, pat));
  t.equal(holder.current.lookup(ROOTS.ann.publicKey.keyId)?.role, 'root');
  const again = await opened(store);
  t.equal(versionOf(again), 1);
  t.ok(knows(again, olga));
  t.notOk(knows(again, pat));
});

await t.test('the same document again changes nothing, and a refused one neither', async (t) => {
  const store = new MemoryState();
  const holder = await opened(store);
  const bytes = await signedPaper({ version: 3, ...withOlga });
  await holder.update(bytes);
  const same = await holder.update(bytes);
  t.ok(same.ok && !same.value.changed);
  for (const bad of [
    await signedPaper({ version: 2 }),
    await signedPaper({ version: 3 }),
    await signedPaper({ version: 4 }, [ROOTS.ann]),
    new Uint8Array(3),
  ]) {
    t.notOk((await holder.update(bad)).ok);
  }
  t.equal(versionOf(holder), 3);
  t.equal(versionOf(await opened(store)), 3);
});

await t.test(
  'the roots of the document in force decide on the next, not those of the configuration',
  async (t) => {
    const store = new MemoryState();
    const holder = await opened(store);
    const { dee, eve } = NEXT_ROOTS;
    const roots = rootsOf(2, { dee, eve });
    t.ok((await holder.update(await signedPaper({ roots }, [ROOTS.ann, ROOTS.ben, dee, eve]))).ok);
    const restarted = await opened(store);
    t.notOk((await restarted.update(await signedPaper({ version: 2 }))).ok, 'old roots');
    t.ok((await restarted.update(await signedPaper({ version: 2, roots }, [dee, eve]))).ok);
  },
);

await t.test('two updates at once are judged one after the other', async (t) => {
  const holder = await opened(new MemoryState());
  const [second, third] = await Promise.all([
    holder.update(await signedPaper({ version: 3 })),
    holder.update(await signedPaper({ version: 2 })),
  ]);
  t.ok(second.ok);
  t.equal(third.ok ? '' : third.refusal.code, 'KEYRING_OLDER');
});

/** A store whose power goes at the n-th write: that one is lost, kept, or, on storage worse than promised, torn. */
function cutting(store: MemoryState, at: number, fate: 'lost' | 'kept' | 'torn'): StateStore {
  let writes = 0;
  return new Proxy<StateStore>(store, {
    get(target, name) {
      if (name !== 'writeDocument') {
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return async (document: string, bytes: Uint8Array) => {
        writes += 1;
        if (writes > at) throw new NsError('NS_POWER_CUT', 'the power is off');
        if (writes < at) return store.writeDocument(document, bytes);
        if (fate === 'kept') await store.writeDocument(document, bytes);
        if (fate === 'torn') await store.writeDocument(document, bytes.slice(0, bytes.byteLength >> 1));
        throw new NsError('NS_POWER_CUT', 'the power goes');
      };
    },
  });
}

await t.test('a power cut at any write leaves the old keyring or the new one, in both copies', async (t) => {
  const next = await signedPaper({ version: 2, ...withOlga });
  for (const first of [false, true]) {
    for (const fate of ['lost', 'kept', 'torn'] as const) {
      for (const at of [1, 2]) {
        const store = new MemoryState();
        if (first) await (await opened(store)).update(await signedPaper());
        const holder = await opened(cutting(store, at, fate));
        await t.rejects(holder.update(next));
        const before = first ? 1 : 'local';
        t.equal(versionOf(holder), before, 'what is not stored does not count');
        const after = await opened(store);
        const expected = at === 2 || fate === 'kept' ? 2 : before;
        const label = `${first} ${fate} ${at}`;
        // Torn while there was no other: nobody can tell what was known before.
        if (!first && fate === 'torn' && at === 1) t.equal(versionOf(after), 'damaged', label);
        else t.equal(versionOf(after), expected, label);
        const copies = await Promise.all(KEYRING_DOCUMENTS.map((name) => store.readDocument(name)));
        if (expected !== 'local') t.same(copies[0], copies[1], 'the copies agree again');
      }
    }
  }
});

await t.test('one damaged copy is mended from the other; of two, nobody is known', async (t) => {
  for (const name of KEYRING_DOCUMENTS) {
    const store = new MemoryState();
    await (await opened(store)).update(await signedPaper({ version: 7, ...withOlga }));
    const whole = (await store.readDocument(name))!;
    for (const spoilt of [
      whole.slice(0, -1),
      whole.map((b, n) => (n === 40 ? b ^ 1 : b)),
      new Uint8Array(5),
    ]) {
      await store.writeDocument(name, spoilt);
      t.equal(versionOf(await opened(store)), 7);
      t.same(await store.readDocument(name), whole);
    }
  }
  const store = new MemoryState();
  const holder = await opened(store);
  await holder.update(await signedPaper(withOlga));
  for (const name of KEYRING_DOCUMENTS) await store.writeDocument(name, new Uint8Array(40));
  const after = await opened(store);
  t.equal(versionOf(after), 'damaged');
  t.notOk(knows(after, olga));
  t.notOk(knows(after, pat), 'the local list could hold keys that were revoked since');
  t.notOk((await after.update(await signedPaper({ version: 9 }))).ok, 'nor can it tell what is newer');
});

await t.test(
  'a stored copy counts only with the signatures of its own roots, and for this tenant',
  async (t) => {
    for (const bytes of [await signedPaper({}, [ROOTS.ann]), await signedPaper({ tenant: 'other' })]) {
      const store = new MemoryState();
      for (const name of KEYRING_DOCUMENTS) await store.writeDocument(name, encodeKeyringCopy(bytes));
      t.equal(versionOf(await opened(store)), 'damaged');
    }
  },
);

await t.test('two whole copies of one version that differ are taken for damage', async (t) => {
  const store = new MemoryState();
  await store.writeDocument('keyring-a', encodeKeyringCopy(await signedPaper()));
  await store.writeDocument('keyring-b', encodeKeyringCopy(await signedPaper(withOlga)));
  t.equal(versionOf(await opened(store)), 'damaged');
});

await t.test('after a write of unknown fate the storage says what counts', async (t) => {
  const store = new MemoryState();
  const holder = await opened(cutting(store, 1, 'kept'));
  await t.rejects(holder.update(await signedPaper(withOlga)));
  t.notOk(knows(holder, olga));
  const whole = await opened(store);
  t.equal((await whole.reread()).source, 'document');
});
