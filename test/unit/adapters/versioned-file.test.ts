import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { DISK, type Disk, VersionedFile } from '../../../src/adapters/versioned-file.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-versions-'));
t.teardown(() => rmSync(home, { recursive: true, force: true }));
let directories = 0;
function fresh(): string {
  directories += 1;
  return join(home, String(directories));
}

/** A disk whose power goes at the nth call: what was begun is done or not, and nothing after it. */
function cutAt(nth: number, done: boolean): { readonly disk: Disk; readonly calls: () => number } {
  let calls = 0;
  const step =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      calls += 1;
      if (calls > nth || (calls === nth && !done)) throw new Error('power cut');
      const result = await call(...args);
      if (calls === nth) throw new Error('power cut');
      return result;
    };
  const disk = {
    list: step(DISK.list),
    read: step(DISK.read),
    write: step(DISK.write),
    link: step(DISK.link),
    syncDirectory: step(DISK.syncDirectory),
    remove: step(DISK.remove),
  };
  return { disk, calls: () => calls };
}

/** Takes the next number; it counts as given out only where this returns. */
async function take(file: VersionedFile): Promise<number> {
  let number = 0;
  await file.update((text) => {
    number = Number(text ?? 0) + 1;
    return String(number);
  });
  return number;
}

await t.test('a text is there as it was last put', async (t) => {
  const file = new VersionedFile(fresh());
  t.equal(await file.read(), undefined);
  for (const n of [1, 2, 3]) t.equal(await take(file), n);
  t.equal(await new VersionedFile(file.directory).read(), '3');
});

await t.test('whatever step the power is cut at, no number is given twice', async (t) => {
  for (const done of [false, true]) {
    for (let nth = 1; ; nth += 1) {
      const directory = fresh();
      const given = [await take(new VersionedFile(directory)), await take(new VersionedFile(directory))];
      const cut = cutAt(nth, done);
      const ended = await take(new VersionedFile(directory, cut.disk)).then(
        (number) => given.push(number),
        () => undefined,
      );
      for (let more = 0; more < 3; more += 1) given.push(await take(new VersionedFile(directory)));
      t.equal(new Set(given).size, given.length, `cut ${done ? 'after' : 'at'} step ${nth}: ${given.join()}`);
      t.same(
        given,
        given.toSorted((a, b) => a - b),
      );
      if (ended !== undefined && cut.calls() < nth) break;
    }
  }
});

await t.test('writers at the same time each get numbers of their own, and none is lost', async (t) => {
  const directory = fresh();
  const writers = Array.from({ length: 6 }, async () => {
    const numbers: number[] = [];
    const file = new VersionedFile(directory);
    for (let n = 0; n < 5; n += 1) numbers.push(await take(file));
    return numbers;
  });
  const numbers = (await Promise.all(writers)).flat().toSorted((a, b) => a - b);
  t.same(
    numbers,
    Array.from({ length: 30 }, (_, n) => n + 1),
  );
  t.ok(readdirSync(directory).length <= 17, 'old versions are cleared away');
});

await t.test('a writer that slept while its name was cleared away begins again', async (t) => {
  const directory = fresh();
  const quick = new VersionedFile(directory);
  const given = [await take(quick)];
  let slept = false;
  const sleeper = new VersionedFile(directory, {
    ...DISK,
    link: async (from, to) => {
      if (!slept) {
        slept = true;
        for (let n = 0; n < 40; n += 1) given.push(await take(quick));
      }
      return DISK.link(from, to);
    },
  });
  given.push(await take(sleeper), await take(quick));
  t.equal(new Set(given).size, given.length);
  t.equal(Math.max(...given), given.length);
});

await t.test('an error of whoever makes the text ends it with nothing written', async (t) => {
  const file = new VersionedFile(fresh());
  await take(file);
  const refused = file.update(() => {
    throw new Error('no');
  });
  await t.rejects(refused, { message: 'no' });
  t.equal(await file.read(), '1');
});
