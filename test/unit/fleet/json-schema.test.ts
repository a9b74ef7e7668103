import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { jsonLineSchema } from '../../../scripts/json-schema-of.ts';
import { fieldsOf, JSON_LINES, jsonLine } from '../../../src/fleet/index.ts';
import { buildCli, runCli } from '../../kit/cli.ts';
import { faultBySchema, resultFault, SCHEMA_FILE } from '../../kit/json-schema.ts';
import { librarySite } from '../../kit/library-site.ts';

interface Published {
  readonly $defs: Readonly<
    Record<string, { readonly properties: object; readonly required: readonly string[] }>
  >;
}

const published = JSON.parse(readFileSync(SCHEMA_FILE, 'utf8')) as Published;
const home = mkdtempSync(join(tmpdir(), 'nightshift-schema-'));
const cli = await buildCli(home);
const site = await librarySite(home, { dead: [] });
t.teardown(async () => {
  await site.close();
  rmSync(home, { recursive: true, force: true });
});

await t.test('the schema that is published is the one that the sources make', async (t) => {
  t.same(published, jsonLineSchema(), 'run: node --import=tsx scripts/json-schema.mjs');
  const rows = [
    ...readFileSync('docs/json.md', 'utf8').matchAll(/^\| ([a-z-]+) \| ([^|]*) \| [^|]+ \|$/gm),
  ].slice(2);
  t.same(
    rows.map(([, line]) => line),
    [...JSON_LINES],
  );
  for (const [, line = '', written = ''] of rows) {
    const { properties, required } = published.$defs[line]!;
    const names = [...written.matchAll(/`(\w+)`/g)].map(([, name = '']) => name);
    t.same(Object.keys(properties).toSorted(), ['v', 'line', ...names].toSorted(), line);
    t.same(required, ['v', 'line', ...fieldsOf(line as (typeof JSON_LINES)[number]).always], line);
  }
});

await t.test('what the pages show fits it, results too', async (t) => {
  let results = 0;
  for (const page of ['docs/json.md', 'docs/operator.md']) {
    for (const line of readFileSync(page, 'utf8').match(/^\{"v".*$/gm) ?? []) {
      t.equal(faultBySchema(line), undefined, line.slice(0, 60));
      const { verb, result } = JSON.parse(line) as { readonly verb?: string; readonly result?: unknown };
      if (verb === undefined || result === undefined) continue;
      results += 1;
      t.equal(resultFault(verb, result), undefined, verb);
    }
  }
  t.ok(results > 0);
});

await t.test('and so does what the command really prints', async (t) => {
  const commands = [
    ['status', 'rack[1-3]'],
    ['find', 'rack1', '/etc', '--name', '*.pem'],
    ['memcheck', 'rack[1-2]', '--medium', 'dram'],
    ['get', 'rack1', '/etc/motd', 'motd'],
  ];
  const kinds = new Set<string>();
  for (const { stdout } of await Promise.all(
    commands.map((args) => runCli(cli, ['--json', ...args], { cwd: home })),
  )) {
    for (const printed of stdout.trim().split('\n')) {
      const { line, verb, outcome, result } = JSON.parse(printed) as Readonly<Record<string, string>>;
      t.equal(faultBySchema(printed), undefined, printed.slice(0, 80));
      kinds.add(`${line} ${outcome ?? ''}`);
      if (outcome === 'succeeded') t.equal(resultFault(verb ?? '', result), undefined, verb ?? '');
    }
  }
  t.ok(
    kinds.has('answer succeeded') && kinds.has('answer refused') && kinds.has('event '),
    [...kinds].join(),
  );
});

await t.test(
  'it tells wrong from right, and takes what a later version of the same shape adds',
  async (t) => {
    const right = JSON.parse(jsonLine('code', { code: 'A', sentence: 'B.', remedy: 'C.' })) as object;
    for (const more of [{}, { added: 1 }, { line: 'later', code: undefined }])
      t.equal(faultBySchema(JSON.stringify({ ...right, ...more })), undefined, JSON.stringify(more));
    for (const wrong of [{ v: 2 }, { line: 7 }, { line: undefined }, { code: 7 }, { code: undefined }])
      t.type(faultBySchema(JSON.stringify({ ...right, ...wrong })), 'string', JSON.stringify(wrong));
    const answer = { v: 1, line: 'answer', host: 'a', outcome: 'succeeded', verb: 'file.stat' };
    t.equal(faultBySchema(JSON.stringify(answer)), undefined);
    t.type(faultBySchema(JSON.stringify({ ...answer, outcome: 'perhaps' })), 'string');
    t.type(faultBySchema(JSON.stringify({ ...answer, id: 'XYZ' })), 'string');
    t.type(resultFault('file.stat', { path: '/x' }), 'string');
    t.type(resultFault('file.upload', { sha256: 'no hex' }), 'string');
  },
);
