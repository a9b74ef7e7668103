import t from 'tap';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { allow, refuse, utf8 } from '../../../../src/base/index.ts';
import type { JoinParts } from '../../../../src/console/host/join.ts';
import { HostUart, joinHost, PLAIN_TERMINAL, type Talk } from '../../../../src/console/index.ts';
import { eventually } from '../../../kit/eventually.ts';
import { FakeHostConsole } from '../../../kit/fake-host-console.ts';

/** Somebody at a console who has joined the host's. */
function rig(wishes: Partial<JoinParts> = {}, uart?: HostUart) {
  const host = new FakeHostConsole();
  const shared = uart ?? new HostUart({ console: host, scrollback: 16 * 1024 });
  const leaving = new AbortController();
  const seat = { screen: '', reads: true, allowed: true, back: '', typed: (text: string): void => void text };
  const gone: (() => void)[] = [];
  const talk: Talk = {
    print: (line = '') => {
      seat.screen += `${line}\r\n`;
    },
    say: (text) => {
      seat.screen += `${text}\r\n`;
    },
    ask: async () => '',
    signal: leaving.signal,
    terminal: PLAIN_TERMINAL,
    setTerminal: () => undefined,
    raw: (listener) => {
      seat.typed = (text) => listener(utf8(text));
      return (rest) => {
        seat.back = Buffer.from(rest ?? []).toString();
      };
    },
  };
  const joined = joinHost({
    ...{
      talk,
      uart: shared,
      clock: systemClock,
      who: 'tim here',
      escapeKey: '~',
      back: false,
      wish: 'write',
    },
    terminal: {
      push: (bytes) => {
        seat.screen += Buffer.from(bytes).toString('latin1');
      },
      empty: () =>
        seat.reads
          ? Promise.resolve()
          : new Promise<void>((resolve) => {
              gone.push(resolve);
            }),
      drop: () => undefined,
    },
    may: () => (seat.allowed ? allow(undefined) : refuse('DISABLED')),
    ...wishes,
  });
  const readOn = (): void => {
    seat.reads = true;
    for (const go of gone.splice(0)) go();
  };
  return { host, uart: shared, seat, joined, leaving, readOn };
}

await t.test(
  'what is typed reaches the host in order, with breaks, and what came after ~. is given back',
  async (t) => {
    const { host, seat, joined } = rig();
    seat.typed('ls\r~Bx~.y\r~~.\r');
    await eventually(() => host.heard.endsWith('~.\r'));
    t.equal(host.heard, 'ls\r<break>x~.y\r~.\r');
    seat.typed('~.status\r');
    const { mode, why, toHost } = await joined;
    t.same([mode, why, toHost, seat.back], ['writing', 'left', 11, 'status\r']);
    t.equal(host.listeners, 1, 'the host is heard on, and nobody is told');
  },
);

await t.test(
  'one writes at a time: others watch and are told who; it can be taken, by hand or by a door',
  async (t) => {
    const first = rig();
    const { uart, host } = first;
    const second = rig({ who: 'uma there' }, uart);
    t.match(second.seat.screen, /tim here has the console/);
    second.seat.typed('no');
    t.match(second.seat.screen, /this is only to watch/);
    host.say('both');
    await eventually(() => first.seat.screen.includes('both') && second.seat.screen.includes('both'));
    t.match(
      uart.door.claim!('IPMI user olga', () => undefined),
      { ok: false, holder: 'tim here' },
    );
    const third = rig({ who: 'zoe there', wish: 'take' }, uart);
    t.equal((await first.joined).why, 'zoe there has taken it');
    t.equal(host.heard, '');
    third.leaving.abort();
    t.equal((await third.joined).why, 'gone');
    const taken: string[] = [];
    const sol = uart.door.claim!('IPMI user olga', () => taken.push('taken'));
    t.equal(sol.ok, true, 'who is gone has it no more');
    const fourth = rig({ who: 'tim again', wish: 'take' }, uart);
    t.same(taken, ['taken']);
    if (sol.ok) sol.release();
    t.equal(uart.holder, 'tim again', 'an old right releases nothing');
    for (const { seat, joined } of [second, fourth]) {
      seat.typed('\r~.');
      await joined;
    }
  },
);

await t.test(
  'a terminal that stands still costs nothing but what it does not see, which is counted',
  async (t) => {
    const { host, seat, joined, readOn } = rig();
    seat.reads = false;
    host.say('seen');
    for (let i = 0; i < 50; i += 1) host.say('x'.repeat(100_000));
    host.say('\r\nnow\r\n');
    readOn();
    await eventually(() => seat.screen.includes('now'));
    t.match(seat.screen, /\[499\d{4} bytes of the host are left out/);
    t.ok(seat.screen.length < 20_000);
    seat.reads = false;
    host.say('y'.repeat(100_000));
    seat.typed('~.');
    t.equal((await joined).why, 'left', 'leaving waits for no terminal');
  },
);

await t.test('what was asked for from before is shown whole, however slow the terminal is', async (t) => {
  const host = new FakeHostConsole();
  const uart = new HostUart({ console: host, scrollback: 16 * 1024 });
  for (let n = 0; n < 1000; n += 1) host.say(`line ${n} of what was said\r\n`);
  const { seat, joined } = rig({ back: true }, uart);
  await eventually(() => seat.screen.includes('line 999 '));
  t.notMatch(seat.screen, /left out/);
  const [first] = /line (\d+) of/.exec(seat.screen)!.slice(1).map(Number);
  t.ok(first! > 300 && first! < 600);
  t.notMatch(seat.screen, new RegExp(`line ${first! - 1} `), 'it begins with a whole line');
  seat.typed('~.');
  await joined;
});

await t.test('who may no more is out at the next key, and at the next second', async (t) => {
  const { host, seat, joined } = rig();
  seat.allowed = false;
  seat.typed('reboot\r');
  t.match((await joined).why, /^refused DISABLED: /);
  t.equal(host.heard, '');
  const watching = rig({ wish: 'watch' });
  watching.seat.allowed = false;
  let why = '';
  void watching.joined.then((end) => {
    why = end.why;
  });
  await eventually(() => why !== '');
  t.match(why, /^refused DISABLED: /);
});

await t.test('of a long paste a slow host gets no more once he who typed it may no more', async (t) => {
  const { host, seat, joined } = rig();
  host.room = 1000;
  seat.typed('x'.repeat(4000));
  await eventually(() => host.heard.length > 0);
  t.ok(host.heard.length <= 1000, 'in pieces');
  seat.allowed = false;
  t.match((await joined).why, /^refused DISABLED: /);
  const before = host.heard;
  host.room = 1e6;
  await new Promise((resolve) => setTimeout(resolve, 150));
  t.equal(host.heard, before);
});

await t.test(
  'a host that takes nothing is told of once, and what does not fit is not sent later',
  async (t) => {
    const { host, seat, joined } = rig();
    host.room = 0;
    for (let i = 0; i < 80; i += 1) seat.typed('x'.repeat(1000));
    t.equal(seat.screen.split('the host takes nothing now').length, 2);
    host.room = 1e6;
    await eventually(() => host.heard.length === 65_000);
    seat.typed('\r~.');
    await joined;
    host.setAvailable(false);
  },
);
