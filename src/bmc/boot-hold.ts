import { fromUtf8, utf8 } from '../base/index.ts';
import type { BootGuard, StateStore } from '../ports/index.ts';

/** How the boot stood before the lock; there while the lock holds it. */
export const BOOT_BEFORE = 'lock-boot';

type Documents = Pick<StateStore, 'readDocument' | 'writeDocument' | 'remove'>;

/** What was there is stored before it is changed, and only once: to hold again must not store our own setting. */
export async function holdBoot(store: Documents, boot: BootGuard, signal: AbortSignal): Promise<void> {
  if ((await store.readDocument(BOOT_BEFORE)) === undefined) {
    await store.writeDocument(BOOT_BEFORE, utf8(await boot.setting(signal)));
  }
  await boot.guard(signal);
}

/** Nothing where the lock does not hold it. Cut off after the release, it is released again at the next start. */
export async function releaseBoot(store: Documents, boot: BootGuard, signal: AbortSignal): Promise<void> {
  const before = await store.readDocument(BOOT_BEFORE);
  if (before === undefined) return;
  await boot.release(fromUtf8(before), signal);
  await store.remove(BOOT_BEFORE);
}
