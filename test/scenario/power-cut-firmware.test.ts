import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { equalBytes } from '../../src/base/index.ts';
import type { FlashLayout } from '../../src/board/index.ts';
import { BootBook, confirm, type Slot } from '../../src/firmware/index.ts';
import { packUpdate } from '../kit/firmware-image.ts';
import { FlashBench, type FlashCut, PowerGone, smallLayout } from '../kit/flash-bench.ts';
import { testKey } from '../kit/keys.ts';
import { MemoryState } from '../kit/memory-state.ts';
import { noise } from '../kit/noise.ts';
import { giveUpdate, ownFirmware } from '../kit/update-bench.ts';

/** What starts a real board is a shell script: it is asked about some of the cut media too. */
const INIT = resolve('flash/initramfs/init');
const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
const BUSYBOX = join(cache, 'nightshift-test/guest-system/busybox');
const SHARES: readonly FlashCut['share'][] = ['none', 'half', 'all'];

const home = await mkdtemp(join(tmpdir(), 'nightshift-cut-flash-'));
t.teardown(() => rm(home, { recursive: true }));
const maker = testKey();
const operator = testKey();
const first = noise(100_000, 1);
const second = noise(90_000, 2);

const run = promisify(execFile);

interface Kept {
  readonly medium: Uint8Array;
  readonly copies: readonly Uint8Array[];
  readonly start: Slot | 'recovery';
}

type Image = Awaited<ReturnType<typeof packUpdate>>;

/** From power-on to the moment at which the new firmware stays: an update, its start on trial, its confirmation. */
async function live(bench: FlashBench, store: MemoryState, image: Image): Promise<void> {
  const { start } = await bench.boot();
  if (await proven(bench, start)) {
    const slots = await bench.open(start);
    try {
      const answer = await giveUpdate(await ownFirmware(bench.description, slots), store, image, operator);
      if (!answer.ok) throw new Error(answer.refusal.sentence);
    } finally {
      await slots.close();
    }
    await proven(bench, (await bench.boot()).start);
  }
}

/** False where what was started was on trial; it is confirmed then. */
async function proven(bench: FlashBench, start: Slot | 'recovery'): Promise<boolean> {
  const slots = await bench.open(start);
  try {
    const book = await BootBook.open(slots.record);
    if (start === 'recovery' || book.record.slots[start].is !== 'trying') return true;
    await book.change((record) => confirm(record, start));
    return false;
  } finally {
    await slots.close();
  }
}

for (const kind of ['nor', 'emmc'] as const) {
  const holds = kind === 'nor' ? 'app' : 'root';
  await t.test(`${kind}: a cut at any write or erase leaves something whole that starts`, async (t) => {
    const directory = await mkdtemp(join(home, kind));
    const layout = smallLayout(kind);
    const image = await packUpdate(
      second,
      maker,
      { board: 'sim-host', version: '2.0.0', rollback: 3 },
      holds,
    );
    const make = () => FlashBench.make(directory, layout, first, [maker]);
    const whole = await make();
    await live(whole, new MemoryState(), image);
    const operations = whole.operations;
    t.ok(equalBytes((await whole.boot()).bytes, second));

    const kept: Kept[] = [];
    let cuts = 0;
    for (let operation = 1; operation <= operations; operation += 1) {
      for (const share of SHARES) {
        const bench = await make();
        const store = new MemoryState();
        bench.restore({ operation, share });
        const cut: unknown = await live(bench, store, image).catch((error: unknown) => error);
        const where = `${kind}, operation ${operation}, ${share} of it`;
        if (!(cut instanceof PowerGone)) throw new Error(`${where}: ${String(cut)}`);
        cuts += 1;
        bench.restore();
        const copies = await bench.copies();
        const medium = cuts % 7 === 0 ? await readFile(bench.medium) : undefined;
        const { start, bytes } = await bench.boot();
        if (medium !== undefined) kept.push({ medium, copies, start });
        if (start === 'recovery' || ![first, second].some((one) => equalBytes(one, bytes)))
          t.fail(`${where}: ${start} starts, and what is in it is no whole firmware`);
        // And the same update again comes to its end, whatever the cut has left.
        await live(bench, store, image);
        if (!equalBytes((await bench.boot()).bytes, second))
          t.fail(`${where}: the update cannot be done any more`);
      }
    }
    t.ok(cuts >= 3 * 5);
    t.comment(
      `figure: ${kind}: ${cuts} cuts at ${operations} writes and erases, one good slot started after each`,
    );
    t.same(
      await startedByScript(kept, layout),
      kept.map(({ start }) => start),
      'the script starts the same',
    );
  });
}

/** What the script of the initial RAM disk starts on these media. */
async function startedByScript(kept: readonly Kept[], layout: FlashLayout): Promise<string[]> {
  const lines = ['NIGHTSHIFT_RULES_ONLY=1', `. ${INIT}`];
  const offset = (slot: Slot) => layout.partitions.find((part) => part.slot === slot)?.offset ?? 0;
  lines.push(
    'is_whole() {',
    `  case "$1" in a) at=${offset('a')} ;; b) at=${offset('b')} ;; esac`,
    '  [ "$(tail -c +$((at + 1)) "$medium" | head -c "$2" | sha256sum | cut -d" " -f1)" = "$3" ]',
    '}',
  );
  for (const [index, { medium, copies }] of kept.entries()) {
    const path = join(home, `kept${index}`);
    await writeFile(path, medium);
    for (const [copy, bytes] of copies.entries()) await writeFile(`${path}.${copy}`, bytes);
    lines.push(`medium=${path}`, `choose_slot "$(newest_copy ${path}.0 ${path}.1)"`, 'echo "$start"');
  }
  const script = join(home, 'script');
  await writeFile(script, `${lines.join('\n')}\n`);
  const { stdout } = await run(BUSYBOX, ['sh', script], { env: {} });
  return stdout.split('\n').slice(0, -1);
}
