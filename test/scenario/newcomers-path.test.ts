import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Fleet } from '../../src/programs/library/index.ts';
import { builtPrograms } from '../kit/built-programs.ts';
import { freeTcpPort } from '../kit/free-port.ts';
import { shownBlocks } from '../kit/page-commands.ts';
import { ShownSession } from '../kit/shown-session.ts';

const PAGE = 'docs/operator.md';
const FIVE_MINUTES = 300_000;

const home = mkdtempSync(join(tmpdir(), 'nightshift-newcomer-'));
const port = String(await freeTcpPort());
const bin = await builtPrograms(home);
const cwd = join(home, 'empty');
mkdirSync(cwd);

const session = new ShownSession({
  cwd,
  env: { PATH: `${bin}:${process.env.PATH}:/usr/sbin:/sbin`, HOME: home, LANG: 'C.UTF-8' },
  instead: (text) => text.replaceAll('1883', port),
});
t.teardown(async () => {
  await session.close();
  rmSync(home, { recursive: true, force: true });
});

await t.test('whoever follows the page comes from an empty directory to a receipt that holds', async (t) => {
  const blocks = shownBlocks(PAGE, 'first receipt');
  t.match(blocks[0]?.commands[0]?.command, /^nightshift init /, 'the path begins with init');
  t.match(blocks.at(-1)?.commands.at(-1)?.command, /^nightshift verify/, 'and ends with a receipt');
  const began = performance.now();
  for (const block of blocks) t.same(await session.follow(block), [], String(block.commands[0]?.command));
  t.ok(performance.now() - began < FIVE_MINUTES, 'in less than five minutes');
});

await t.test('and a program of theirs does the same by the library, on the same device', async (t) => {
  const fleet = await Fleet.open({ config: join(cwd, 'nightshift.yaml'), keepReceipts: false });
  const host = 'rack1';
  const [status] = await fleet.power('@all').succeeded();
  t.match(status, { host, result: { state: 'S5' }, receipt: { verification: { holds: true } } });
  const pieces: Uint8Array[] = [];
  for await (const piece of fleet.read(host, '/etc/hostname')) pieces.push(piece);
  t.equal(Buffer.concat(pieces).toString(), 'rack1\n');
  const bytes = new TextEncoder().encode('put by a program\n');
  const [put] = await fleet.put(host, '/srv/note', bytes, { parents: true }).succeeded();
  t.match(put?.result.effect.changes.at(-1), { change: 'create', path: '/srv/note' });
  t.match(await fleet.put(host, '/srv/note', bytes), [{ is: 'refused', refusal: { code: 'FILE_EXISTS' } }]);
  const to = join(home, 'fetched');
  t.match(await fleet.get(host, '/srv', { to, recursive: true }), [
    { is: 'succeeded', result: { notKept: [] } },
  ]);
  t.equal(readFileSync(join(to, 'note'), 'utf8'), 'put by a program\n');
  t.match(await fleet.rm(host, '/srv/note'), [{ is: 'succeeded', result: { removed: 1 } }]);
  await fleet.close();
});
