import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seconds } from '../../src/base/index.ts';
import type { KeyStore } from '../../src/ports/index.ts';
import { ColdHost } from './cold-host.ts';
import { FlashBench, smallLayout } from './flash-bench.ts';
import { LeapingClock } from './leaping-clock.ts';

/** A device whose flash is a file, with version 1.0.0 in slot a, beside a host that is off. */
export async function openUpdatableHost(
  t: { teardown(done: () => unknown): void },
  first: Uint8Array,
  maker: KeyStore,
) {
  const directory = await mkdtemp(join(tmpdir(), 'nightshift-update-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const flash = await FlashBench.make(directory, smallLayout('nor'), first, [maker]);
  const clock = new LeapingClock();
  const files = { description: flash.descriptionFile, medium: flash.medium, slot: flash.slotFile };
  const host = await ColdHost.start({
    size: 8,
    clock,
    agent: { firmware: { image: files, trialMinutes: 1 } },
  });
  t.teardown(async () => {
    await host.close();
    // What still repeats the end of a transfer, every two seconds and fifteen times, ends too.
    for (let n = 0; n < 20; n += 1) {
      clock.leap(seconds(3));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  });
  return { host, flash, clock };
}
