import { readFileSync } from 'node:fs';
import t from 'tap';
import { faultOfJsonLine, fieldsOf, JSON_LINES, jsonLine } from '../../../src/fleet/index.ts';

await t.test('what a device or a BMC says moves no cursor and turns no text, also as JSON', async (t) => {
  const said = 'a\u009b31mb\u202ec\u001b[2Jd\u007fe\u2028f';
  const line = jsonLine('key', { name: said });
  t.notMatch(line, /[\p{Cc}\p{Zl}\u202e]/u);
  t.equal((JSON.parse(line) as { name: string }).name, said, 'and it still says the same');
});

await t.test('every kind of line is written down, with all its fields', async (t) => {
  const rows = readFileSync('docs/json.md', 'utf8').matchAll(/^\| ([a-z-]+) \| ([^|]*) \| [^|]+ \|$/gm);
  const written = [...rows].map(([, line, fields]) => ({ line, fields: fields?.trim() })).slice(2);
  const real = JSON_LINES.map((line) => {
    const { always, else: some } = fieldsOf(line);
    const names = [...always.map((name) => `\`${name}\``), ...some.map((name) => `[\`${name}\`]`)];
    return { line, fields: names.join(', ') };
  });
  t.same(written, real);
});

await t.test('the lines that people are shown are such lines', async (t) => {
  for (const page of ['docs/json.md', 'docs/operator.md']) {
    const lines = readFileSync(page, 'utf8').match(/^\{"v".*$/gm) ?? [];
    t.ok(lines.length > 0, page);
    for (const line of lines) t.equal(faultOfJsonLine(line), undefined, line.slice(0, 60));
  }
});

await t.test(
  'a line with another version, an unknown kind, a field too many or too few is told apart',
  async (t) => {
    const line = jsonLine('code', { code: 'A', sentence: 'B.', remedy: 'C.', v: 7, line: 'answer' });
    t.equal(faultOfJsonLine(line), undefined, 'what is printed cannot change its own kind');
    const wrong = [
      'no json',
      '{"v":1}',
      line.replace('"v":1', '"v":2'),
      line.replace('"code"', '"nothing"'),
      line.replace('}', ',"more":1}'),
      jsonLine('code', { code: 'A' }),
      jsonLine('answer', { host: 'a', outcome: 'perhaps' }),
    ];
    for (const text of wrong) t.type(faultOfJsonLine(text), 'string', text);
  },
);
