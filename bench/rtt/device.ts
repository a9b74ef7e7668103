import { join } from 'node:path';
import { openFileStateStore } from '../../src/adapters/file-state-store.ts';
import type { BlockDevice, StateStore } from '../../src/ports/index.ts';
import { publicKeyText } from '../../src/security/index.ts';
import { testKey } from '../../test/kit/keys.ts';
import { startDiskless } from './diskless-device.ts';
import { TENANT } from './tenant.ts';

/** Milliseconds that each flush of the journal took. */
const flushes: number[] = [];

/** The same store with the flushes of its regions timed, or left out. */
function withFlush(store: StateStore, flush: 'timed' | 'none'): StateStore {
  const wrap = (device: BlockDevice): BlockDevice => ({
    name: device.name,
    capabilities: device.capabilities,
    read: (offset, into) => device.read(offset, into),
    write: (offset, data) => device.write(offset, data),
    flush: async () => {
      if (flush === 'none') return;
      const begin = performance.now();
      await device.flush();
      flushes.push(performance.now() - begin);
    },
    trim: (offset, length) => device.trim(offset, length),
    close: () => device.close(),
  });
  return {
    readDocument: (name) => store.readDocument(name),
    writeDocument: (name, bytes) => store.writeDocument(name, bytes),
    region: async (name, size) => wrap(await store.region(name, size)),
    remove: (name) => store.remove(name),
    names: (prefix) => store.names(prefix),
    stagedFile: (name, size) => store.stagedFile(name, size),
    free: () => store.free(),
  };
}

/** Its journal is on a real directory. Gives its public key. */
async function startDevice(
  name: string,
  url: string,
  directory: string,
  operator: string,
  flush: 'timed' | 'none',
): Promise<string> {
  const keyStore = testKey();
  const store = withFlush(await openFileStateStore(join(directory, name)), flush);
  await startDiskless({ name, tenant: TENANT, url, operator, keyStore, store, journalBytes: 8 << 20 });
  return publicKeyText(keyStore.publicKey);
}

if (process.send !== undefined) {
  const [url, directory, operator] = process.argv.slice(2) as [string, string, string];
  const synced = await startDevice('synced', url, directory, operator, 'timed');
  const unsynced = await startDevice('unsynced', url, directory, operator, 'none');
  process.on('message', () => process.send?.({ flushes: flushes.splice(0) }));
  process.send({ synced, unsynced });
}
