import { readFileSync } from 'node:fs';
import t from 'tap';
import * as v from 'valibot';
import { boardDescription, flashLayout } from '../../../src/board/index.ts';

const json = (path: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8'));
interface Layout {
  readonly partitions: readonly { readonly name: string; readonly offset: number; readonly size: number }[];
}
interface Board {
  readonly host: { readonly signals: readonly { readonly gpio: object }[]; readonly buttons: object };
}

const layout = json('flash/layouts/nor-64m.json') as Layout;
const board = json('boards/ast2600-evb/board.json') as Board;

/** What is said of a layout of which one partition is another. */
function saidOfLayout(name: string, part: object, more: object = {}): string {
  const partitions = layout.partitions.map((each) => (each.name === name ? { ...each, ...part } : each));
  return said(flashLayout, { ...layout, partitions, ...more });
}
function said(schema: v.GenericSchema, value: unknown): string {
  const judged = v.safeParse(schema, value);
  return judged.success ? 'nothing' : judged.issues.map(({ message }) => message).join('; ');
}

await t.test('a file of flash that does not fit together is refused, whoever reads it', async (t) => {
  t.equal(saidOfLayout('base', {}), 'nothing');
  t.match(
    saidOfLayout('base', { size: 28315648 }),
    /app-a begins at 38797312, before base has ended at 38801408/,
  );
  t.match(
    saidOfLayout('kernel', { offset: 1048577 }),
    /kernel begins at 1048577, not at a multiple of the erase size 4096/,
  );
  t.match(saidOfLayout('kernel', { size: 9437183 }), /kernel has 9437183 bytes, not a multiple/);
  t.match(
    saidOfLayout('rwfs', { size: 23072768 }),
    /rwfs ends at 67112960, behind the end of 67108864 bytes/,
  );
  t.match(saidOfLayout('app-b', { name: 'app-a' }), /two partitions are called app-a/);
  t.match(saidOfLayout('app-b', { encrypted: true }), /Expected never/);
  t.match(saidOfLayout('app-b', {}, { bootcount: 3 }), /Expected never/);
  t.match(saidOfLayout('app-b', { offset: -4096 }), /Expected >=0/);
});

await t.test(
  'so is a board file with a line that has two uses, or with a key that nobody knows',
  async (t) => {
    t.equal(said(boardDescription, board), 'nothing');
    const { host } = board;
    const line = host.signals[0]?.gpio;
    const buttons = { ...host.buttons, nmiOut: line };
    t.match(
      said(boardDescription, { ...board, host: { ...host, buttons } }),
      /button nmiOut: line 14 .* is already signal ps-pwrok/,
    );
    t.match(said(boardDescription, { ...board, colour: 'green' }), /Expected never/);
    t.match(
      said(boardDescription, {
        ...board,
        host: { ...host, signals: [{ signal: 'sio-s3', gpio: { ...line, invert: true } }] },
      }),
      /Expected never/,
    );
  },
);
