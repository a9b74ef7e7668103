import { publicKeyText } from '../../src/security/index.ts';
import { testKey } from '../../test/kit/keys.ts';
import { MemoryState } from '../../test/kit/memory-state.ts';
import { startDiskless } from '../rtt/diskless-device.ts';
import { eachStarted, serveFleet } from './setup.ts';

/** Room for the orders of the longest run; each agent has its own. */
const JOURNAL_BYTES = 512 << 10;
const AUDIT_SLOTS = 64;

/**
 * The agents: each with its own key, keyring, journal, audit log and connection, and everything that an order goes
 * through. Their own storage is in memory, since thousands of devices do not share one disk.
 */
await serveFleet(async (setup) => ({
  keys: await eachStarted(setup, async (name) => {
    const keyStore = testKey();
    const { tenant, url, operator } = setup;
    const store = new MemoryState(2 << 20);
    const sizes = { journalBytes: JOURNAL_BYTES, auditSlots: AUDIT_SLOTS };
    await startDiskless({ name, tenant, url, operator, keyStore, store, ...sizes });
    return publicKeyText(keyStore.publicKey);
  }),
}));
