import { readdir, readFile } from 'node:fs/promises';
import t from 'tap';
import * as v from 'valibot';
import { boardDescription } from '../../../src/board/index.ts';

const boards = new URL('../../../boards/', import.meta.url);
const read = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(new URL(`${name}/board.json`, boards), 'utf8'));

await t.test('every board in boards/ is described rightly, and under its own name', async (t) => {
  const names = (await readdir(boards, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  t.ok(names.length > 0);
  for (const { name } of names) {
    t.equal(v.parse(boardDescription, await read(name)).name, name);
    t.match(
      await readFile(new URL(`${name}/README.md`, boards), 'utf8'),
      /\*\*Evidence: /,
      'says what was tried',
    );
  }
});

await t.test('what could hurt is refused: outputs without limits, names twice, unknown keys', async (t) => {
  const good = (await read('sim-host')) as { channels: Record<string, unknown>[] };
  const fan = { name: 'fan9', kind: 'fan', readable: true, writable: true, unit: 'rpm' };
  const judge = (change: object) => v.safeParse(boardDescription, { ...good, ...change });
  t.ok(judge({}).success);
  t.match(judge({ channels: [fan] }).issues?.[0], { message: /minimum and a maximum/ });
  t.ok(judge({ channels: [{ ...fan, minimum: 0, maximum: 10 }] }).success);
  t.match(judge({ channels: [...good.channels, ...good.channels] }).issues?.[0], { message: /must differ/ });
  t.notOk(judge({ handBackMs: 0 }).success);
  t.notOk(judge({ handBack: 2000 }).success);
  t.notOk(judge({ protectedPaths: ['boot'] }).success);
});
