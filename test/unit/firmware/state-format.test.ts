import t from 'tap';
import { fromUtf8, utf8 } from '../../../src/base/index.ts';
import { type Migration, settleStateFormat } from '../../../src/firmware/index.ts';
import { MemoryState } from '../../kit/memory-state.ts';

/** Made up: two documents become one, and that one's text then becomes another. */
const joins: Migration = {
  to: 2,
  documents: ['name', 'place', 'label'],
  change: (before) =>
    new Map([
      ['label', utf8(`${textOf(before.get('name'))}@${textOf(before.get('place'))}`)],
      ['name', undefined],
      ['place', undefined],
    ]),
};
const shouts: Migration = {
  to: 3,
  documents: ['label'],
  change: (before) => new Map([['label', utf8(textOf(before.get('label')).toUpperCase())]]),
};
const textOf = (bytes: Uint8Array | undefined): string =>
  bytes === undefined ? 'none' : (fromUtf8(bytes) ?? '?');

async function made(): Promise<MemoryState> {
  const store = new MemoryState();
  await store.writeDocument('name', utf8('kim'));
  await store.writeDocument('place', utf8('rack1'));
  await store.writeDocument('other', utf8('stays'));
  return store;
}

async function held(store: MemoryState): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of await store.names('')) {
    if (name !== 'state-format' && !name.startsWith('kept-'))
      found[name] = textOf(await store.readDocument(name));
  }
  return found;
}

const OLD = { name: 'kim', place: 'rack1', other: 'stays' };

await t.test('a firmware on trial leaves the state as the one before wrote it', async (t) => {
  const store = await made();
  t.same(await settleStateFormat(store, [joins], false), { format: 1, did: 'waits' });
  t.same(await held(store), OLD);
  t.same(await settleStateFormat(store, [], true), { format: 1, did: 'nothing' });
});

await t.test(
  'a proven one migrates it, over several formats at once, and an older one gets its own back',
  async (t) => {
    const store = await made();
    t.same(await settleStateFormat(store, [joins, shouts], true), { format: 3, did: 'migrated' });
    t.same(await held(store), { label: 'KIM@RACK1', other: 'stays' });
    t.same(await settleStateFormat(store, [joins, shouts], true), { format: 3, did: 'nothing' });
    t.same(await settleStateFormat(store, [], true), { format: 1, did: 'went-back' });
    t.same(await held(store), OLD);
    t.same(
      await settleStateFormat(store, [joins], true),
      { format: 2, did: 'migrated' },
      'and forward again',
    );
    t.same(await held(store), { label: 'kim@rack1', other: 'stays' });
  },
);

await t.test('where no copy leads back, the state is not guessed at', async (t) => {
  const store = await made();
  await settleStateFormat(store, [joins], true);
  await settleStateFormat(store, [joins, shouts], true);
  t.same(await held(store), { label: 'KIM@RACK1', other: 'stays' });
  await t.rejects(settleStateFormat(store, [], true), { code: 'NS_STATE_NEWER' });
  t.same(await settleStateFormat(store, [joins], true), { format: 2, did: 'went-back' });
  t.same(await held(store), { label: 'kim@rack1', other: 'stays' });
});

await t.test('a cut at any write leaves one format or the other, whole', async (t) => {
  for (const way of ['forward', 'back'] as const) {
    let cuts = 0;
    for (let cut = 1; ; cut += 1) {
      const store = await made();
      if (way === 'back') await settleStateFormat(store, [joins], true);
      const migrations = way === 'forward' ? [joins] : [];
      const failing = failsAt(store, cut);
      const ended = await settleStateFormat(failing, migrations, true).then(
        () => true,
        () => false,
      );
      if (ended) break;
      cuts += 1;
      // Whichever of both firmware starts then.
      const other = await copyOf(store);
      await settleStateFormat(store, [joins], true);
      t.same(await held(store), { label: 'kim@rack1', other: 'stays' }, `${way}, cut ${cut}, the newer`);
      await settleStateFormat(other, [], true);
      t.same(await held(other), OLD, `${way}, cut ${cut}, the older`);
    }
    t.ok(cuts > 4);
  }
});

await t.test('a cut in a second migration leaves what the first or the second made', async (t) => {
  let cuts = 0;
  for (let cut = 1; ; cut += 1) {
    const store = await made();
    await settleStateFormat(store, [joins], true);
    const ended = await settleStateFormat(failsAt(store, cut), [joins, shouts], true).then(
      () => true,
      () => false,
    );
    if (ended) break;
    cuts += 1;
    const other = await copyOf(store);
    await settleStateFormat(store, [joins, shouts], true);
    t.same(await held(store), { label: 'KIM@RACK1', other: 'stays' }, `cut ${cut}, the newer`);
    await settleStateFormat(other, [joins], true);
    t.same(await held(other), { label: 'kim@rack1', other: 'stays' }, `cut ${cut}, the older`);
  }
  t.ok(cuts > 4);
});

await t.test('what guards the device is in no migration', async (t) => {
  // An older copy of one of the last would take back that a pass was used, a technician removed, a code tried.
  const guards = ['keyring-a', 'lock-b', 'audit', 'budget', 'firmware-update', 'absence-a', 'staged.orders'];
  const doors = [
    'console-passes',
    'technicians',
    'technician-logins',
    'release',
    'relay-seen',
    'device-key.pem',
  ];
  for (const name of [...guards, ...doors]) {
    const bad = { to: 2, documents: [name], change: () => new Map() };
    await t.rejects(settleStateFormat(await made(), [bad], true), { code: 'NS_INTERNAL' }, name);
  }
});

/** The power goes before the n-th write or removal. */
function failsAt(
  store: MemoryState,
  n: number,
): Pick<MemoryState, 'readDocument' | 'writeDocument' | 'remove'> {
  let done = 0;
  const step = (): void => {
    done += 1;
    if (done >= n) throw new Error('the power is cut');
  };
  return {
    readDocument: (name) => store.readDocument(name),
    writeDocument: async (name, bytes) => {
      step();
      await store.writeDocument(name, bytes);
    },
    remove: async (name) => {
      step();
      await store.remove(name);
    },
  };
}

async function copyOf(store: MemoryState): Promise<MemoryState> {
  const copy = new MemoryState();
  for (const name of await store.names('')) {
    const bytes = await store.readDocument(name);
    if (bytes !== undefined) await copy.writeDocument(name, bytes);
  }
  return copy;
}
