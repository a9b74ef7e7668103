import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
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

await t.test('whoever follows the page comes from an empty directory to a receipt that holds', async (t) => {
  const blocks = shownBlocks(PAGE, 'first receipt');
  t.match(blocks[0]?.commands[0]?.command, /^nightshift init /, 'the path begins with init');
  t.match(blocks.at(-1)?.commands.at(-1)?.command, /^nightshift verify/, 'and ends with a receipt');
  const session = new ShownSession({
    cwd,
    env: { PATH: `${bin}:${process.env.PATH}:/usr/sbin:/sbin`, HOME: home, LANG: 'C.UTF-8' },
    instead: (text) => text.replaceAll('1883', port),
  });
  t.teardown(async () => {
    await session.close();
    rmSync(home, { recursive: true, force: true });
  });
  const began = performance.now();
  for (const block of blocks) t.same(await session.follow(block), [], String(block.commands[0]?.command));
  t.ok(performance.now() - began < FIVE_MINUTES, 'in less than five minutes');
});
