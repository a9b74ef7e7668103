import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { holdAlone } from '../../../src/adapters/single-instance.ts';

await t.test('a directory is held once, by whatever name, until it is released', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'ns-hold-'));
  t.teardown(() => rm(dir, { recursive: true }));
  await symlink(dir, join(dir, 'again'));
  const release = await holdAlone(dir);
  await t.rejects(holdAlone(dir), { code: 'NS_STATE_IN_USE' });
  await t.rejects(holdAlone(join(dir, 'again')), { code: 'NS_STATE_IN_USE' });
  await release();
  const next = await holdAlone(dir);
  await next();
});

await t.test('other directories are not concerned', async (t) => {
  const a = await mkdtemp(join(tmpdir(), 'ns-hold-'));
  const b = await mkdtemp(join(tmpdir(), 'ns-hold-'));
  t.teardown(() => Promise.all([a, b].map((dir) => rm(dir, { recursive: true }))));
  const releases = await Promise.all([holdAlone(a), holdAlone(b)]);
  for (const release of releases) await release();
});
