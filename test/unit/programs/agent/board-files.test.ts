import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { allDescriptions, readDescription } from '../../../../src/programs/agent/board-parts.ts';
import { boardTest } from '../../../../src/programs/agent/board-test.ts';

const boards = await mkdtemp(join(tmpdir(), 'nightshift-boards-'));
t.teardown(() => rm(boards, { recursive: true }));
const evb = await readFile(new URL('../../../../boards/ast2600-evb/board.json', import.meta.url), 'utf8');

/** What is said of a board "mine" whose file holds this. */
async function saidOf(text: string): Promise<string> {
  await mkdir(join(boards, 'mine'), { recursive: true });
  await writeFile(join(boards, 'mine/board.json'), text);
  return readDescription('mine', boards).then(
    ({ name }) => `read as ${name}`,
    ({ code, message }: { code: string; message: string }) => {
      t.equal(code, 'NS_CONFIG_INVALID');
      return message;
    },
  );
}
const mine = evb.replace('"name": "ast2600-evb"', '"name": "mine"');

await t.test('what is wrong with a description is said with its file and its place', async (t) => {
  t.equal(await saidOf(mine), 'read as mine');
  for (const [text, said] of [
    [evb, /mine\/board\.json: it names "ast2600-evb", and its folder is mine/],
    ['{ "name": "mine", }', /mine\/board\.json: it is not JSON: .+/],
    [mine.replace('"minimum": 0,', ''), /aux-relay: a channel that takes numbers needs a minimum/],
    [mine.replace('"name": "board-fru"', '"name": "board-temp"'), /differ: board-temp is there twice/],
    [mine.replace('"i2c_dev"', '"i2c-dev"'), /firmware\.modules\.\d+": .*"_", also where its file has "-"/],
    [mine.replace('"8-004d"', '"8/4d"'), /at\.device": as sysfs calls it, .*"8-004d"/],
  ] as const)
    t.match(await saidOf(text), said);
});

await t.test('every board of this tree is found for a machine to be recognised by', async (t) => {
  const names = (await allDescriptions()).map(({ name }) => name);
  t.ok(names.includes('ast2600-evb') && names.includes('rainier'));
});

await t.test('a word that is not known is told once, with where to look', async (t) => {
  const wrong: { message: string } = await boardTest(['test', '--drvie'], { print: () => {}, env: {} }).then(
    () => ({ message: 'nothing' }),
    (error: Error) => error,
  );
  t.match(wrong.message, /--drvie.*see nightshift-agent --help \[NS_USAGE\]$/);
  t.equal(wrong.message.split('[NS_USAGE]').length, 2);
});
