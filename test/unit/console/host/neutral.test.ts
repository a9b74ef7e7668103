import fc from 'fast-check';
import t from 'tap';
import { utf8 } from '../../../../src/base/index.ts';
import { Neutral } from '../../../../src/console/host/neutral.ts';

const shown = (text: string, bits: 7 | 8 = 7): string => new Neutral(bits).take(utf8(text));

await t.test('text and line ends stay, whatever drives a terminal goes', async (t) => {
  const cases: readonly [string, string][] = [
    ['login: ', 'login: '],
    ['a\r\nb\nc\rd', 'a\r\nb\r\nc\r\nd'],
    ['\x1b[1;31mred\x1b[0m\x1b[2J\x1b[?25l', 'red'],
    ['\x1b]0;title\x07x\x1bP1$q\x1b\\y', 'xy'],
    ['\x1b(Bz\x1b7', 'z'],
    ['a\x00\x08\x7f\x07', 'a^@^H^?^G'],
    ['a\tb', 'a       b'],
    ['caf\u00e9 \u{1f600}\u202e', 'caf? ??'],
    // A sequence that never ends takes no line with it.
    ['\x1b[12\r\nnext', '\r\nnext'],
    ['\x1b]0;no end\nnext', '\r\nnext'],
  ];
  for (const [from, to] of cases) t.equal(shown(from), to, JSON.stringify(from));
  t.equal(shown('caf\u00e9 \u{1f600}\u202e\u009b2J', 8), 'caf\u00e9 \u{1f600}??2J');
});

await t.test(
  'of any bytes in any pieces only seven bits are left, and pieces make no difference',
  async () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }), (pieces) => {
        const one = new Neutral();
        const parts = pieces.map((piece) => one.take(piece)).join('');
        const whole = new Neutral().take(Uint8Array.from(pieces.flatMap((piece) => [...piece])));
        return parts === whole && /^(?:[ -~]|\r\n)*$/.test(whole);
      }),
    );
  },
);

await t.test('a sequence without end does not swallow what comes for good', async (t) => {
  t.match(shown(`\x1b]0;${'x'.repeat(300)}shown`), /shown$/);
});
