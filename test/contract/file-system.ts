import t from 'tap';
import type { FileSystem } from '../../src/ports/index.ts';

/**
 * What every FileSystem promises. `make` gives one that holds: /file (the bytes 0 to 199, three times), /empty, /dir,
 * /dir/inner (the text "inner"), and the symbolic links /link → file, /dir/up → ../../file, /away → /dir, /broken →
 * nowhere, /loop → loop.
 */
export async function fileSystemContract(
  name: string,
  make: () => Promise<{ fs: FileSystem; done: () => Promise<void> }>,
): Promise<void> {
  const whole = Uint8Array.from({ length: 600 }, (_, i) => i % 200);
  const code = (verdict: { ok: boolean; refusal?: { code: string } }): string =>
    verdict.refusal?.code ?? 'ok';
  const { fs, done } = await make();

  await t.test(`${name}: a directory is listed without "." and ".."`, async (t) => {
    const names = async (path: string): Promise<string[]> => {
      const entries = await fs.list(path);
      if (!entries.ok) return [entries.refusal.code];
      const found: string[] = [];
      for await (const { name, rawName } of entries.value) {
        t.equal(Buffer.from(rawName).toString(), name);
        found.push(name ?? '');
      }
      return found.filter((each) => each !== 'lost+found').sort();
    };
    t.same(await names('/'), ['away', 'broken', 'dir', 'empty', 'file', 'link', 'loop']);
    t.same(await names('/dir'), ['inner', 'up']);
    t.same(await names('/away'), ['inner', 'up'], 'through a link');
    t.same(await names('/file'), ['NOT_A_DIRECTORY']);
    t.same(await names('/none'), ['NO_SUCH_FILE']);
  });

  await t.test(`${name}: a final link is followed or described, as asked`, async (t) => {
    t.match(await fs.stat('/link', false), { ok: true, value: { kind: 'symlink', target: 'file' } });
    t.match(await fs.stat('/link', true), { ok: true, value: { kind: 'file', size: 600 } });
    t.match(
      await fs.stat('/dir/up', true),
      { ok: true, value: { kind: 'file', size: 600 } },
      'never above the root',
    );
    t.match(await fs.stat('/away/inner', false), { ok: true, value: { kind: 'file', size: 5 } });
    t.match(await fs.stat('/', false), { ok: true, value: { kind: 'directory' } });
    t.match(await fs.stat('/broken', false), { ok: true, value: { kind: 'symlink', target: 'nowhere' } });
    t.equal(code(await fs.stat('/broken', true)), 'NO_SUCH_FILE');
    t.equal(code(await fs.stat('/loop', true)), 'SYMLINK_LOOP');
    t.equal(code(await fs.stat('/file/x', true)), 'NOT_A_DIRECTORY');
  });

  await t.test(`${name}: a file reads at any offset, and gives 0 bytes at its end`, async (t) => {
    const file = await fs.open('/link');
    if (!file.ok) throw new Error(file.refusal.sentence);
    t.equal(file.value.stat.size, 600);
    for (const [offset, length] of [
      [0, 600],
      [0, 1000],
      [1, 7],
      [599, 1],
      [599, 2],
      [600, 10],
      [1e12, 10],
      [5, 0],
    ] as const) {
      const into = new Uint8Array(length);
      const count = await file.value.read(offset, into);
      t.same(into.subarray(0, count), whole.subarray(offset, offset + length), `${length} at ${offset}`);
    }
    const empty = await fs.open('/empty');
    t.equal(empty.ok && (await empty.value.read(0, new Uint8Array(10))), 0);
    t.equal(code(await fs.open('/dir')), 'IS_A_DIRECTORY');
    t.equal(code(await fs.open('/none')), 'NO_SUCH_FILE');
  });

  await t.test(
    `${name}: what a file carries is told of any kind of file, sorted, with links followed or not`,
    async (t) => {
      for (const path of ['/', '/dir', '/file', '/link', '/broken', '/loop']) {
        const found = await fs.extras(path, false);
        t.match(found, { ok: true, value: { xattrs: Array } }, path);
        const names = found.ok ? found.value.xattrs.map((each) => each.name) : [];
        t.same(names, [...new Set(names)].sort(), path);
      }
      t.same(await fs.extras('/link', true), await fs.extras('/file', false));
      t.equal(code(await fs.extras('/none', false)), 'NO_SUCH_FILE');
      t.equal(code(await fs.extras('/loop', true)), 'SYMLINK_LOOP');
    },
  );

  await t.test(`${name}: the runs of a file cover it from any offset, and no more`, async (t) => {
    const file = await fs.open('/file');
    if (!file.ok) throw new Error(file.refusal.sentence);
    for (const [offset, length, covered] of [
      [0, 600, 600],
      [0, 1e9, 600],
      [123, 10, 10],
      [599, 5, 1],
      [600, 5, 0],
      [1e12, 5, 0],
    ] as const) {
      const runs = (await file.value.extents?.(offset, length)) ?? [{ length: covered, allocated: true }];
      t.equal(
        runs.reduce((sum, run) => sum + run.length, 0),
        covered,
        `${length} at ${offset}`,
      );
      t.ok(
        runs.every((run) => run.allocated),
        'it has no holes',
      );
    }
  });

  await t.test(`${name}: an aborted signal stops a call`, async (t) => {
    const reason = new Error('stopped');
    await t.rejects(fs.stat('/dir/inner', true, AbortSignal.abort(reason)), reason);
  });
  await done();
}
