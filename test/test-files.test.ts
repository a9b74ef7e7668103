import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

/** The lines on which a file waits, outside any test, after its first test: tap may end the file there, with the rest of its tests. */
function waitsBetweenTests(text: string): number[] {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => /^await t\.test\(/.test(line));
  return lines.flatMap((line, at) =>
    first !== -1 && at > first && /^(?=\S).*\bawait (?!t\.test\()/.test(line) && !/=>|^\W/.test(line)
      ? [at + 1]
      : [],
  );
}

await t.test('no test file waits between its tests', async (t) => {
  const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.test.ts'),
  );
  t.ok(files.length > 100, 'the files were found');
  for (const name of files) {
    t.same(waitsBetweenTests(readFileSync(join(import.meta.dirname, name), 'utf8')), [], name);
  }
});

await t.test('a planted wait is seen', async (t) => {
  const test = "await t.test('x', async (t) => {\n  await y();\n});\n";
  t.same(waitsBetweenTests(`const a = await b();\n${test}`), []);
  t.same(waitsBetweenTests(`${test}const a = await b();\n${test}`), [4]);
  t.same(waitsBetweenTests(`${test}await b();\n`), [4]);
});
