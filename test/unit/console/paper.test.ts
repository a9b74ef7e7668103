import fc from 'fast-check';
import t from 'tap';
import { fold, PLAIN_TERMINAL, paged, readWords, sevenBits, type Talk } from '../../../src/console/index.ts';

await t.test('words are parted as in a shell', async (t) => {
  const cases: readonly [string, readonly string[]][] = [
    ['', []],
    ['  a   b ', ['a', 'b']],
    ['"a b" c', ['a b', 'c']],
    ["'a\\b' ''", ['a\\b', '']],
    ['a\\ b\\"', ['a b"']],
    ['/x\\u{e9}\\u{1f600} "\\u{20}"', ['/x\u00e9\u{1f600}', ' ']],
    ['a"b"\'c\'', ['abc']],
  ];
  for (const [line, words] of cases) t.same(readWords(line), words, line);
  for (const line of ['"a', "a'", 'a\\', '\\u{110000}', '\\u{d800}', '\\x', '\\u{}']) {
    t.ok('wrong' in readWords(line), line);
  }
});

await t.test('what is shown of a name can be typed again, whatever is in it', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (name) => {
      // What is spelt shorter stands for one sign only where it is read, not typed.
      fc.pre(!/[\u2026\u2013\u2014\u2019\u00d7\u00b0]/u.test(name));
      const words = readWords(`"${sevenBits(name.replaceAll('\\', '\\\\').replaceAll('"', '\\"'))}"`);
      return Array.isArray(words) && words.length === 1 && words[0] === name;
    }),
  );
});

await t.test('lines fit 79 columns of seven bits, and nothing of them is lost', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
      const lines = fold(text);
      const bare = (all: string): string => all.replaceAll(' ', '');
      return (
        lines.every((line) => /^[ -~]{0,79}$/.test(line)) && bare(lines.join('')) === bare(sevenBits(text))
      );
    }),
  );
});

await t.test('a screenful, a question, and no more where that is enough', async (t) => {
  const printed: string[] = [];
  const answers = ['', 'q'];
  let asked = 0;
  const talk: Talk = {
    say: () => undefined,
    print: (line = '') => printed.push(line),
    ask: async () => {
      asked += 1;
      return answers.shift() ?? '';
    },
    signal: new AbortController().signal,
    terminal: { ...PLAIN_TERMINAL, rows: 21 },
    setTerminal: () => undefined,
    raw: () => () => undefined,
  };
  const lines = Array.from({ length: 60 }, (_, i) => String(i));
  t.equal(await paged(talk, lines), false);
  t.same([printed.length, asked], [40, 2]);
  t.equal(await paged(talk, lines.slice(0, 20)), true);
  t.equal(asked, 2, 'what fits asks nothing');
});
