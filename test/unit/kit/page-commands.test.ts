import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { differs, shownBlocks } from '../../kit/page-commands.ts';

const KEY = 'ed25519:n6fpJYVNR7jsThr_BMWPM3pVEPz6ynVMC7NlDTR0ioQ';

await t.test('keys, ids, hashes, times and lengths of time may be others; no other word may', async (t) => {
  const shown = [
    `rack1: ${KEY}`,
    '  took 3 ms at 2026-11-21 19:06:35Z, up 2 min 54 s',
    `  ${'ab'.repeat(16)}`,
  ];
  const real = [
    `rack1: ed25519:${'A'.repeat(43)}`,
    '  took 1.5 s at 2027-01-01 00:00:00Z, up 9 s',
    `  ${'0f'.repeat(16)}`,
  ];
  t.equal(differs(shown, real), undefined);
  for (const n of real.keys()) {
    t.type(differs(shown, real.with(n, `${real[n]} more`)), 'string', 'a word more');
    t.type(differs(shown, real.toSpliced(n, 1)), 'string', 'a line less');
    t.type(differs(shown, real.toSpliced(n, 0, 'x')), 'string', 'a line more');
  }
  t.type(differs(['S5 throughout'], ['S0 throughout']), 'string');
  t.type(differs(['a.b'], ['axb']), 'string', 'what is shown is no pattern');
});

await t.test('an ellipsis is any text in a line, and any lines where it stands alone', async (t) => {
  t.equal(differs(['a … c'], ['a b c']), undefined);
  t.type(differs(['a … c'], ['a b d']), 'string');
  t.equal(differs(['…', 'end'], ['1', '2', 'end']), undefined);
  t.equal(differs(['begin', '…'], ['begin']), undefined);
  t.type(differs(['…', 'end'], ['1', '2']), 'string');
  t.type(differs(['…', 'end'], ['1', 'end', '3']), 'string');
});

await t.test('only marked blocks are followed, in their order', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-page-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const page = join(folder, 'page.md');
  const fence = '```';
  writeFileSync(
    page,
    `${fence}\n$ rm -r x\n${fence}\n<!-- way: here -->\n${fence}\n$ a b\nout\n$ c\n${fence}\n<!-- way: terminal -->\n${fence}\n$ d\n${fence}\n`,
  );
  t.same(shownBlocks(page, 'way'), [
    {
      where: 'here',
      commands: [
        { command: 'a b', output: ['out'] },
        { command: 'c', output: [] },
      ],
    },
    { where: 'terminal', commands: [{ command: 'd', output: [] }] },
  ]);
  t.same(shownBlocks(page, 'other'), []);
});
