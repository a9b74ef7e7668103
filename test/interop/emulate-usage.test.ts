import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = new URL('../../', import.meta.url);
const told = (board: string) =>
  spawnSync(process.execPath, [fileURLToPath(new URL('scripts/emulate.mjs', root)), board], {
    encoding: 'utf8',
  });

await t.test(
  'whoever names a board that nothing is shown of is told what there is, and what to do',
  async (t) => {
    const shown = readdirSync(new URL('test/emulation/', root)).map((file) => file.replace(/\.ts$/, ''));
    for (const board of ['nosuch', 'quanta-s6q', '../kit/cli']) {
      const { status, stderr } = told(board);
      t.equal(status, 2);
      for (const name of shown) t.match(stderr, name);
      t.equal(
        /docs\/board-maker\.md has the line that starts its image/.test(stderr),
        board === 'quanta-s6q',
      );
    }
  },
);
