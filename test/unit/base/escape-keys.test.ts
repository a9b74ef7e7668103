import fc from 'fast-check';
import t from 'tap';
import { EscapeKeys, type EscapeStep, fromUtf8Lossy, utf8 } from '../../../src/base/index.ts';

/** "ab<break>c": what is sent, and what else is to be done, in order. */
const shown = (steps: readonly EscapeStep[]): string =>
  steps.map((step) => (step.is === 'send' ? fromUtf8Lossy(step.bytes) : `<${step.is}>`)).join('');
const typed = (text: string): string => shown(new EscapeKeys().take(utf8(text)));

await t.test('~ at the beginning of a line is an escape, and nowhere else', async (t) => {
  const cases: readonly [string, string][] = [
    ['~.', '<end>'],
    ['ls\r~.', 'ls\r<end>'],
    ['ls\n~.', 'ls\n<end>'],
    ['a~.', 'a~.'],
    ['~B~?x', '<break><help>x'],
    ['~~.', '~.'],
    ['~~', '~'],
    ['~x~.', '~x~.'],
    ['~\r~.', '~\r<end>'],
    ['\r~~~.', '\r~~.'],
    ['~.after', '<end>'],
    ['\u0003\u001a', '\u0003\u001a'],
  ];
  for (const [keys, expected] of cases) t.equal(typed(keys), expected, JSON.stringify(keys));
});

await t.test('it makes no difference in which pieces keys come', async () => {
  const key = fc.constantFrom('~', '.', 'B', '?', '\r', '\n', 'a', 'b');
  fc.assert(
    fc.property(fc.array(fc.array(key, { maxLength: 5 }), { maxLength: 8 }), (pieces) => {
      const whole = typed(pieces.flat().join(''));
      const keys = new EscapeKeys();
      let parts = '';
      for (const piece of pieces) {
        if (!parts.includes('<end>')) parts += shown(keys.take(utf8(piece.join(''))));
      }
      return parts === whole;
    }),
  );
});

await t.test('another character may be the escape, and what comes after the end is not lost', async (t) => {
  t.equal(shown(new EscapeKeys('%').take(utf8('~.\r%B%%\r%.'))), '~.\r<break>%\r<end>');
  const [, end] = new EscapeKeys().take(utf8('ls\r~.help\r'));
  t.same(end, { is: 'end', rest: utf8('help\r') });
});
