import fc from 'fast-check';
import t from 'tap';
import { LineEditor } from '../../../src/console/index.ts';

function typed(keys: string): { readonly lines: string[]; readonly echo: string } {
  const editor = new LineEditor();
  const lines: string[] = [];
  let echo = '';
  for (const byte of Buffer.from(keys, 'latin1')) {
    const step = editor.key(byte);
    echo += step.echo;
    if (step.ended === 'break') lines.push('BREAK');
    else if (typeof step.ended === 'object') lines.push(step.ended.line);
  }
  return { lines, echo };
}

await t.test('a line is edited as on the dumbest of terminals', async (t) => {
  const cases: readonly [keys: string, lines: readonly string[]][] = [
    ['status\r', ['status']],
    ['a\nb\r\nc\r', ['a', 'b', 'c']],
    ['\r\r', ['', '']],
    ['stax\x7ftus\r', ['status']],
    ['x\b\b\bok\r', ['ok']],
    ['garbage\x15ok\r', ['ok']],
    ['one two\x17three\r', ['one three']],
    ['half\x03ok\r', ['BREAK', 'ok']],
    ['o\x1b[15~k\x1bOP\x1b[24~\r', ['ok']],
    ['o\x1b[\rk\r', ['o', 'k']],
    ['\x00o\x07\xe9k\xff\x9b\r', ['ok']],
  ];
  for (const [keys, lines] of cases) t.same(typed(keys).lines, lines, JSON.stringify(keys));
  t.equal(typed('ab\b').echo, 'ab\b \b');
  t.equal(typed('x'.repeat(300)).echo.replaceAll('\x07', ''), 'x'.repeat(256), 'a line is bounded');
});

/** A terminal that knows letters, backspace and nothing else. */
class Paper {
  #line = '';
  #at = 0;

  print(text: string): void {
    for (const c of text) {
      if (c === '\b') this.#at -= 1;
      else if (c === '\n') {
        this.#line = '';
        this.#at = 0;
      } else if (c !== '\x07' && c !== '\r') {
        this.#line = this.#line.slice(0, this.#at) + c + this.#line.slice(this.#at + 1);
        this.#at += 1;
      }
    }
  }

  get line(): string {
    return this.#line.trimEnd();
  }

  get at(): number {
    return this.#at;
  }
}

await t.test('whatever is typed: the echo is seven bits, and what is drawn is what is taken', async () => {
  const keys = fc.array(
    fc.oneof(
      fc.integer({ min: 0, max: 255 }).map((byte) => [byte]),
      fc
        .constantFrom(0x08, 0x7f, 0x15, 0x17, 0x01, 0x02, 0x05, 0x06, 0x0b, 0x10, 0x0e, 0x09)
        .map((byte) => [byte]),
      fc
        .constantFrom('\x1b[A', '\x1b[B', '\x1b[C', '\x1b[D', '\x1b[3~', '\x1bOH', 'ab', 'x', ' ')
        .map((text) => [...Buffer.from(text)]),
    ),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(keys, (presses) => {
      const editor = new LineEditor();
      editor.begin({ history: ['first one', 'second'], complete: () => ['abc', 'abd'] });
      const paper = new Paper();
      for (const byte of presses.flat()) {
        const { echo, ended } = editor.key(byte);
        if (Array.from(echo).some((c) => c > '~' || (c < ' ' && !'\x07\b\r\n'.includes(c)))) return false;
        paper.print(echo);
        if (ended !== undefined) paper.print('\n');
        if (paper.line !== editor.text.trimEnd() || paper.at < 0 || paper.at > editor.text.length)
          return false;
        const anew = new Paper();
        anew.print(editor.drawn);
        if (anew.line !== paper.line || anew.at !== paper.at) return false;
      }
      return true;
    }),
    { numRuns: 400 },
  );
});

await t.test('lines are corrected in their midst, called back, and completed', async (t) => {
  const wish = {
    history: ['status', 'ls /etc'],
    complete: (text: string) => ['status', 'staged', 'stat'].filter((word) => word.startsWith(text)),
  };
  const cases: readonly [keys: string, line: string][] = [
    ['abd\x1b[Dc\r', 'abcd'],
    ['bc\x01a\x05d\r', 'abcd'],
    ['abxcd\x1b[D\x1b[D\x1b[D\x1b[3~\r', 'abcd'],
    ['abcd\x02\x02\x0b\r', 'ab'],
    ['\x1b[A\r', 'ls /etc'],
    ['\x10\x10\r', 'status'],
    ['half\x1b[A\x1b[A\x1b[A\x1b[B\x1b[B\r', 'half'],
    ['statu\t\r', 'status '],
    ['s\t\r', 'sta'],
    ['x\t\r', 'x'],
  ];
  for (const [keys, line] of cases) {
    const editor = new LineEditor();
    editor.begin(wish);
    const ended = [...Buffer.from(keys, 'latin1')].map((byte) => editor.key(byte).ended).at(-1);
    t.same(ended, { line }, JSON.stringify(keys));
  }
  const editor = new LineEditor();
  editor.begin(wish);
  for (const byte of Buffer.from('sta')) editor.key(byte);
  t.same(editor.key(0x09).choices, ['status', 'staged', 'stat']);
});

await t.test('what is hidden is not echoed, by no key', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const editor = new LineEditor();
      editor.begin({ hidden: true });
      return [...bytes].every((byte) => ['', '\x07', '\r\n', '^C\r\n'].includes(editor.key(byte).echo));
    }),
  );
  const editor = new LineEditor();
  editor.begin({ hidden: true });
  const steps = [...Buffer.from('pass\x7fword\r')].map((byte) => editor.key(byte));
  t.equal(steps.map(({ echo }) => echo).join(''), '\r\n');
  t.same(steps.at(-1)?.ended, { line: 'pasword' });
});
