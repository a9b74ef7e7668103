import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { utf8 } from '../../src/base/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import type { GiveOptions } from '../kit/ended.ts';
import { TestGovernor } from '../kit/governor.ts';
import { testKeyring } from '../kit/keys.ts';

const host = await ColdHost.start({
  fill: async (tree) => {
    for (const dir of ['etc', 'srv/tree', 'usr/bin']) await mkdir(join(tree, dir), { recursive: true });
    for (const file of ['etc/passwd', 'srv/tree/a', 'srv/tree/b', 'usr/bin/sh']) {
      await writeFile(join(tree, file), `${file}\n`);
    }
  },
  agent: { budget: { lock: 3, wipe: 2, plain: 256, raiseDelayHours: 24 } },
});
t.teardown(() => host.close());
const { officer: sam, officer2: tess, operator: olga, operator2: otto, governor } = host;

/** Of epochs that no other test of this file uses. */
const lockToken = (epoch: number, n: number, device = 'host1') =>
  governor.token('lock', device, { epoch, n });
const disable = (token?: Uint8Array, options: GiveOptions = {}) =>
  host.give('machine.disable', { reason: 'a try' }, { key: sam, tokens: async () => token, ...options });
const budget = async () => (await host.give('budget.read', {})).result;

await t.test('whoever holds two officers and no governor disables nothing', async (t) => {
  t.match(await disable(), { outcome: 'rejected', code: 'NEEDS_TOKEN' });
  const made = new TestGovernor('acme');
  t.match(await disable(await made.token('lock', 'host1')), { outcome: 'rejected', code: 'TOKEN_INVALID' });
  t.equal((await host.give('machine.status', {})).result?.lock.state, 'enabled');
});

await t.test(
  'whoever holds two officers and three tokens disables three times, wherever they repeat them',
  async (t) => {
    for (const n of [1, 2, 3]) {
      t.match(await disable(await lockToken(1001, n)), { outcome: 'succeeded' });
      t.match(await disable(await lockToken(1001, n)), { outcome: 'rejected', code: 'TOKEN_SPENT' });
      t.match(
        await host.give('machine.enable', {}, { key: sam }),
        { outcome: 'succeeded' },
        'enabling takes none',
      );
    }
    t.match(await disable(await lockToken(1001, 4)), { code: 'BUDGET_SPENT' });
    await host.restart();
    t.match(await disable(await lockToken(1001, 3)), { code: 'TOKEN_SPENT' }, 'also after a restart');
    t.match(await disable(await lockToken(1002, 1, 'host2')), { code: 'TOKEN_INVALID' });
    t.match(await budget(), { epoch: 1002, governors: ['gov'], inForce: { lock: 3, wipe: 2 } });
    const audit = await host.give('audit.read', { limit: 64 }, { key: sam });
    const spent = audit.result!.entries.filter(({ event }) => event === 'budget.spent');
    t.match(spent[0]?.detail, /^lock 1 of epoch 1001 by order [0-9a-f]{8}$/);
    t.equal(spent.length, 3);
  },
);

await t.test(
  'a token that shows a second one of its number stops its epoch, and status says so',
  async (t) => {
    t.match(await disable(await lockToken(1003, 1)), { outcome: 'succeeded' });
    t.match(await host.give('machine.enable', {}, { key: sam }), { outcome: 'succeeded' });
    t.match(await disable(await lockToken(1003, 1, 'host9')), { code: 'TOKEN_INVALID' });
    t.match(await disable(await lockToken(1003, 2)), { code: 'BUDGET_FORKED' });
    const status = await host.give('machine.status', {});
    t.ok(status.result?.limits.some((limit) => /Two tokens of one number.*1003/.test(limit)));
    t.match(await disable(await lockToken(1004, 1)), { outcome: 'succeeded' }, 'the next epoch');
    t.match(await host.give('machine.enable', {}, { key: sam }), { outcome: 'succeeded' });
  },
);

await t.test('one operator wipes nothing; two with a token do, once', async (t) => {
  const rm = (path: string, options: GiveOptions = {}) =>
    host.give('file.delete', { path, recursive: true }, options);
  const tokens = (n: number) => () => governor.token('wipe', 'host1', { epoch: 1004, n });
  t.match(await rm('/srv/tree', { tokens: async () => undefined }), { code: 'NEEDS_TOKEN' });
  t.match(
    await rm('/srv/tree', { cosigners: [sam] }),
    { code: 'NOT_PERMITTED' },
    'each for the work of his role',
  );
  t.match(await rm('/srv/tree', { key: olga, cosigners: [otto], tokens: tokens(1) }), {
    outcome: 'succeeded',
  });
  t.match(await host.give('file.delete', { path: '/etc/passwd' }, { tokens: async () => undefined }), {
    code: 'NEEDS_TOKEN',
  });
  const lost = utf8('x');
  t.match(await host.put('/usr/bin/sh', lost, { replace: true, tokens: async () => undefined }), {
    code: 'NEEDS_TOKEN',
  });
  t.match(await host.put('/usr/bin/sh', lost, { replace: true, tokens: tokens(2) }), {
    outcome: 'succeeded',
  });
});

await t.test('the budget: down at once, up by two officers and a day of running', async (t) => {
  const update = (version: number, lock: number, options: GiveOptions = {}) =>
    host.give('budget.update', { version, lock, wipe: 2 }, { key: sam, ...options });
  t.match(await update(1, 9, { key: olga }), { code: 'NOT_PERMITTED' });
  t.match(await update(1, 9, { cosigners: [olga] }), { code: 'NOT_PERMITTED' });
  t.match(await update(1, 2), {
    outcome: 'succeeded',
    result: { changed: true, budget: { version: 1, inForce: { lock: 2 } } },
  });
  t.match(await update(1, 2), { result: { changed: false } });
  t.match(await disable(await lockToken(1005, 3)), { code: 'BUDGET_SPENT' });
  t.match(await update(2, 1024), { result: { budget: { inForce: { lock: 2 }, pending: { lock: 1024 } } } });
  t.match(await disable(await lockToken(1005, 3)), { code: 'BUDGET_SPENT' }, 'it waits');
  await host.restart();
  t.match(await budget(), { version: 2, inForce: { lock: 2 }, pending: { lock: 1024 } }, 'over restarts');
  const status = await host.give('machine.status', {});
  t.ok(status.result?.limits.some((limit) => /rises to lock 1024/.test(limit)));
  t.match(await update(1, 9), { code: 'BUDGET_OLDER' });
  t.match(await update(3, 2), { outcome: 'succeeded' });
  t.equal((await budget())?.pending, undefined, 'and a later change cancels it');
  t.match(await host.give('budget.update', { version: 9, lock: 0, wipe: 0, dryRun: true }, { key: tess }), {
    result: { dryRun: true, changed: true, budget: { version: 3 } },
  });
});

await t.test('a stolen key takes a host apart no faster than its share of a day', async (t) => {
  await host.stop();
  await host.boot({ budget: { lock: 3, wipe: 2, plain: 3, raiseDelayHours: 24 } });
  for (const n of [1, 2]) {
    t.match(
      await host.put(`/srv/${n}`, utf8('a')),
      { outcome: 'succeeded' },
      'what is new takes nothing away',
    );
    t.match(await host.put(`/srv/${n}`, utf8('b'), { replace: true }), { outcome: 'succeeded' });
  }
  t.match(await host.give('file.delete', { path: '/srv/*' }), { outcome: 'refused', code: 'BUDGET_SPENT' });
  t.match(await host.give('file.delete', { path: '/srv/1' }), { outcome: 'succeeded' });
  t.match(await host.give('file.delete', { path: '/srv/2' }), { outcome: 'refused', code: 'BUDGET_SPENT' });
  t.match(await host.give('file.delete', { path: '/srv/2', dryRun: true }), { outcome: 'succeeded' });
  t.match(await host.give('file.delete', { path: '/srv/2' }, { key: otto }), { outcome: 'succeeded' });
});

await t.test('where nobody holds the budget, nothing is disabled; and status says so', async (t) => {
  await host.stop();
  await host.boot({
    keyring: testKeyring({ olga: [olga, 'operator'], sam: [sam, 'security'], tess: [tess, 'security'] }),
  });
  t.match(await disable(await lockToken(1006, 1)), { code: 'TOKEN_INVALID' });
  t.match(await disable(), { code: 'NEEDS_TOKEN', remedy: /Enrol a governor/ });
  const status = await host.give('machine.status', {});
  t.ok(status.result?.limits.includes('No governor is enrolled, so no destructive order is obeyed.'));
});
