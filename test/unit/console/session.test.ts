import fc from 'fast-check';
import t from 'tap';
import { qrModules } from '../../../src/adapters/qr-code.ts';
import { utf8 } from '../../../src/base/index.ts';
import {
  type ConsoleCommand,
  ConsoleSession,
  drawQr,
  helpCommand,
  type Talk,
} from '../../../src/console/index.ts';
import { plain, wrap } from '../../../src/console/plain-text.ts';
import { eventually } from '../../kit/eventually.ts';

class Bench {
  screen = '';
  left = 0;
  readonly did: string[] = [];
  readonly session: ConsoleSession;

  constructor(run?: (talk: Talk, words: readonly string[]) => Promise<void>) {
    const commands: ConsoleCommand[] = [
      {
        name: 'do',
        says: 'does it',
        run: async (talk, words) => {
          this.did.push(words.join(' '));
          await run?.(talk, words);
        },
      },
    ];
    const all = (): readonly ConsoleCommand[] => [...commands, help];
    const help = helpCommand(all);
    this.session = new ConsoleSession({
      commands: all,
      banner: ['hello'],
      prompt: () => 'host> ',
      write: (text) => {
        this.screen += text;
      },
      onLeave: () => {
        this.left += 1;
      },
    });
    this.session.start();
  }

  async type(text: string): Promise<void> {
    this.session.receive(utf8(text));
    await new Promise((resolve) => setImmediate(resolve));
  }

  prompts(): number {
    return this.screen.split('host> ').length - 1;
  }
}

await t.test(
  'commands are found, listed, and those that are not there are named without their odd letters',
  async (t) => {
    const bench = new Bench();
    await bench.type('do this  thing\rDO\rnosuch\x1b[31m\rhelp\r\r');
    await eventually(() => bench.prompts() === 6);
    t.same(bench.did, ['this thing', '']);
    t.match(bench.screen, /hello\r\n/);
    t.match(bench.screen, /There is no command "nosuch"\. "help" lists them\.\r\n/);
    t.match(bench.screen, /do {8}does it\r\n/);
    t.match(bench.screen, /exit {6}leave this console\r\n/);
    await bench.session.close();
  },
);

await t.test('a command that fails is told of, and the console goes on', async (t) => {
  const bench = new Bench(async () => {
    throw new Error('no\x1b[2J disk');
  });
  await bench.type('do\r');
  await eventually(() => bench.prompts() === 2);
  t.match(bench.screen, /That failed: no\?\[2J disk/);
  await bench.session.close();
});

await t.test(
  'Ctrl-C leaves a command, exit leaves the console; what is typed ahead waits for its question',
  async (t) => {
    const heard: string[] = [];
    const bench = new Bench(async (talk) => {
      heard.push(await talk.ask('first? '), await talk.ask('second? '));
    });
    await bench.type('do\rone\rtwo\r');
    await eventually(() => bench.prompts() === 2);
    t.same(heard, ['one', 'two']);
    await bench.type('do\rthree\r');
    await eventually(() => bench.screen.endsWith('second? '));
    await bench.type('\x03');
    await eventually(() => bench.prompts() === 4 - 0 || bench.screen.endsWith('host> '));
    t.same(heard, ['one', 'two']);
    t.equal(bench.left, 0);
    await bench.type('exit\r');
    await eventually(() => bench.left === 1);
    t.equal(bench.screen.split('hello').length - 1, 2, 'the next one is greeted');
    await bench.session.close();
  },
);

await t.test('who leaves in the middle of a command leaves nothing to the next one', async (t) => {
  let go = (): void => undefined;
  const heard: string[] = [];
  const bench = new Bench(async (talk) => {
    heard.push(await talk.ask('first? '));
    await new Promise<void>((resolve) => {
      go = resolve;
    });
    heard.push(await talk.ask('second? '));
  });
  await bench.type('do\rsecret\r');
  await eventually(() => heard.length === 1);
  bench.session.leave();
  await bench.type('ahead\r');
  go();
  await eventually(() => bench.left === 1);
  await bench.type('help\r');
  await eventually(() => bench.screen.includes('this list'));
  t.same(heard, ['secret']);
  await bench.session.close();
});

await t.test('Ctrl-C stops a command at work, and Ctrl-D on an empty line leaves', async (t) => {
  const bench = new Bench(async (talk) => {
    await new Promise<void>((_, reject) => {
      talk.signal.addEventListener('abort', () => reject(talk.signal.reason as Error), { once: true });
    });
  });
  await bench.type('do\r');
  await eventually(() => bench.did.length === 1);
  await bench.type('\x03');
  await eventually(() => bench.prompts() === 2);
  t.equal(bench.left, 0);
  await bench.type('\x04');
  await eventually(() => bench.left === 1);
  await bench.session.close();
});

await t.test('who comes next cannot call back what somebody has typed', async (t) => {
  const bench = new Bench();
  await bench.type('do secret\rexit\r');
  await eventually(() => bench.left === 1);
  const before = bench.screen.length;
  await bench.type('\x1b[A\x10\r');
  await eventually(() => bench.screen.length > before);
  t.notMatch(bench.screen.slice(before), /secret/);
  await bench.session.close();
});

await t.test('what is typed while nobody asks is bounded', async (t) => {
  let go = (): void => undefined;
  const bench = new Bench(async () => {
    await new Promise<void>((resolve) => {
      go = resolve;
    });
  });
  await bench.type('do\r');
  await eventually(() => bench.did.length === 1);
  for (let i = 0; i < 100; i += 1) bench.session.receive(utf8('\r'.repeat(1000)));
  go();
  await eventually(() => bench.prompts() > 1 + 32 * 1024);
  t.equal(bench.prompts(), 2 + 32 * 1024, 'of 100,000 lines so many are kept');
  await bench.session.close();
});

await t.test('printed text has seven bits and 80 columns', async (t) => {
  t.equal(plain('a\r\nb\x1b[0m\u00e9\u{1f600}'), 'a??b?[0m??');
  fc.assert(fc.property(fc.string(), (text) => wrap(text).every((line) => /^[ -~]*$/.test(line))));
  t.ok(wrap('word '.repeat(100)).every((line) => line.length <= 80));
  const words = fc.array(fc.string({ maxLength: 300 }), { maxLength: 5 });
  fc.assert(
    fc.property(
      words,
      fc.constantFrom('', '  '),
      fc.integer({ min: 20, max: 132 }),
      (all, indent, columns) => {
        const text = all.join(' ');
        const lines = wrap(text, indent, columns);
        t.ok(lines.every((line) => line.length < columns));
        const kept = (what: string): string => what.replaceAll(/\s/g, '');
        return kept(lines.join('')) === kept(plain(text));
      },
    ),
  );
  t.same(
    wrap(`There is no command "${'x'.repeat(256)}".`).map(({ length }) => length),
    [19, 78, 78, 78, 25],
  );
});

await t.test('a QR code is drawn whole, with four light modules on each side', async (t) => {
  const modules = qrModules('NS1:host1:0123456789ABCDE');
  t.equal(modules.length, 25);
  const rows = drawQr(modules);
  t.equal(rows.length, 33);
  t.ok(rows.every((row) => /^[# ]{66}$/.test(row)));
  t.ok([...rows.slice(0, 4), ...rows.slice(-4)].every((row) => row === '#'.repeat(66)));
  const back = rows.slice(4, -4).map((row) => Array.from({ length: 25 }, (_, i) => row[8 + 2 * i] === ' '));
  t.same(back, modules);
});

await t.test(
  'a command may have the line to itself, what was typed ahead first, and gives back what was not its own',
  async (t) => {
    let heard = '';
    let back: (rest?: Uint8Array) => void = () => undefined;
    let over = (): void => undefined;
    const bench = new Bench(async (talk) => {
      back = talk.raw((bytes) => {
        heard += Buffer.from(bytes).toString('latin1');
      });
      await new Promise<void>((resolve) => {
        over = resolve;
      });
    });
    await bench.type('do\rahead');
    await eventually(() => bench.did.length === 1);
    await bench.type('\x03\x00~');
    t.equal(heard, 'ahead\x03\x00~');
    t.notOk(bench.screen.includes('ahead'), 'nothing of it is echoed');
    over();
    back(utf8('help\r'));
    await bench.type('');
    t.match(bench.screen, /this list/);
    await bench.type('do\r');
    await eventually(() => bench.did.length === 2);
    bench.session.leave();
    await bench.type('of the next one');
    t.notMatch(heard, /next one/);
    over();
    await eventually(() => bench.left === 1);
    await bench.session.close();
  },
);

await t.test('what is said of the terminal holds until somebody leaves', async (t) => {
  const seen: string[] = [];
  const bench = new Bench(async (talk) => {
    if (talk.terminal.kind === 'plain') talk.setTerminal({ ...talk.terminal, kind: 'vt100', columns: 40 });
    seen.push(talk.terminal.kind);
    talk.say('word '.repeat(20));
  });
  await bench.type('do\rdo\rexit\r');
  await eventually(() => bench.left === 1);
  await bench.type('do\r');
  await eventually(() => bench.did.length === 3);
  t.same(seen, ['vt100', 'vt100', 'vt100']);
  t.ok(bench.screen.split('\r\n').every((line) => line.length <= 40));
  await bench.session.close();
});
