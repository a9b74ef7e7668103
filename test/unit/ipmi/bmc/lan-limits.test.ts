import t from 'tap';
import { milliseconds, seconds, toHex } from '../../../../src/base/index.ts';
import type { BmcCommand } from '../../../../src/ipmi/bmc/command.ts';
import { LAN_LIMITS, SessionlessCarrier } from '../../../../src/ipmi/index.ts';
import { encodeRequest } from '../../../../src/ipmi/wire/message.ts';
import { hex } from '../../../kit/canned-carrier.ts';
import type { FakeConsole } from '../../../kit/datagram-net.ts';
import { lanBench } from '../../../kit/lan-bench.ts';

const open = (consoleSession: string, level = '00'): Uint8Array =>
  hex(
    `0600ff07 06 10 00000000 00000000 2000 07 ${level} 0000 ${consoleSession}
     00 0000 08 03 000000  01 0000 08 04 000000  02 0000 08 01 000000`,
  );
/** RAKP 1 for the session that the console was given last. */
function rakp1(console: FakeConsole, name: string): Uint8Array {
  const id = toHex(console.heard.findLast((bytes) => bytes[5] === 0x11)!.subarray(24, 28));
  const user = Buffer.from(name);
  const size = (28 + user.byteLength).toString(16).padStart(2, '0');
  return hex(
    `0600ff07 06 12 00000000 00000000 ${size}00 07 000000 ${id} ${'5a'.repeat(16)} 14 0000
     ${user.byteLength.toString(16).padStart(2, '0')} ${toHex(user)}`,
  );
}
const statusOf = (console: FakeConsole): number => console.heard.at(-1)![17]!;
const ended = (completion: number) => ({ code: 'NS_IPMI_COMPLETION', completion });
const now = seconds(0);

await t.test('a repetition of a request is answered again, and not executed again', async (t) => {
  const bench = lanBench();
  const once = { first: milliseconds(200), tries: 4, total: seconds(3) };
  const { ipmi, consoles } = bench.client('admin', { patience: once });
  await bench.settle(ipmi.deviceId());
  // Two answers in three get lost. Our own client repeats no deed; this one is told that it may.
  let lost = 0;
  bench.net.toConsole = (bytes) => (++lost % 3 === 0 ? [bytes] : []);
  const deed = (): Promise<Uint8Array> =>
    bench.settle(ipmi.raw(0, 2, Uint8Array.of(3), { level: 'operator', repeatable: true }));
  await deed();
  t.same(bench.deeds, ['admin 3']);
  t.equal(
    consoles[0]!.sent.length,
    3 + 1 + 3 + 3,
    'the level was set and the deed was done after three tries each',
  );
  await deed();
  t.same(bench.deeds, ['admin 3', 'admin 3'], 'the next one has a number of its own');
});

await t.test('RAKP 2 and RAKP 4 that got lost are sent again, and give one session', async (t) => {
  const bench = lanBench();
  const seen = new Map<number, string[]>();
  bench.net.toConsole = (bytes) => {
    const kind = bytes[4] === 6 && (bytes[5]! & 0xc0) === 0 ? bytes[5]! : 0;
    const before = seen.get(kind) ?? [];
    seen.set(kind, [...before, toHex(bytes)]);
    return kind === 0 || before.length === 1 ? [bytes] : [];
  };
  t.ok((await bench.settle(bench.client('admin').ipmi.chassisStatus())).powerOn);
  for (const kind of [0x11, 0x13, 0x15]) {
    t.equal(seen.get(kind)?.length, 2);
    t.equal(new Set(seen.get(kind)).size, 1, 'the same bytes');
  }
  t.match(bench.events, [{ is: 'login' }]);
  t.equal(bench.channel.sessions.size, 1);
});

await t.test('requests of one session are answered one at a time, in a queue that ends', async (t) => {
  let [running, most] = [0, 0];
  const done: (() => void)[] = [];
  const slow: BmcCommand = {
    name: 'Slow',
    netFn: 0x2e,
    code: 1,
    from: { user: 'user' },
    async answer() {
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => done.push(resolve));
      running -= 1;
      return new Uint8Array(0);
    },
  };
  const bench = lanBench({ commands: [slow], limits: { waiting: 3 } });
  const { ipmi, consoles } = bench.client('admin');
  await bench.settle(ipmi.deviceId());
  const session = bench.channel.sessions.nth(1)!;
  const before = consoles[0]!.heard.length;
  for (let n = 0; n < 10; n += 1) {
    const request = { netFn: 0x2e, command: 1, data: new Uint8Array(0), sequence: 20 + n };
    for (const again of [0, 1]) session.receive(0, 2 + 2 * n + again, encodeRequest(request));
  }
  await bench.clock.advance(now);
  t.equal(done.length, 1);
  t.equal(consoles[0]!.heard.length, before + 12, 'six requests, each sent twice, found no room');
  for (let n = 0; n < 4; n += 1) {
    done[n]?.();
    await bench.clock.advance(now);
  }
  t.equal(consoles[0]!.heard.length, before + 16);
  t.equal(most, 1);
});

await t.test('a command that takes too long ends, and the session goes on', async (t) => {
  const stuck: BmcCommand = {
    ...{ name: 'Stuck', netFn: 0x2e, code: 1, from: { user: 'user' } },
    answer: () => new Promise(() => {}),
  };
  const bench = lanBench({ commands: [stuck] });
  const patience = { first: seconds(9), tries: 1, total: seconds(9) };
  const { ipmi } = bench.client('admin', { patience });
  await t.rejects(bench.settle(ipmi.raw(0x2e, 1, hex(''), { level: 'user' })), ended(0xc3));
  t.ok((await bench.settle(ipmi.chassisStatus())).powerOn);
});

await t.test('a silent session ends after a minute, and one that speaks does not', async (t) => {
  const bench = lanBench();
  const [quiet, busy] = [bench.client('admin'), bench.client('oper')];
  await bench.settle(quiet.ipmi.deviceId());
  const closed: string[] = [];
  bench.last().onClose(() => closed.push('closed'));
  for (let n = 0; n < 3; n += 1) {
    await bench.settle(busy.ipmi.deviceId());
    await bench.clock.advance(seconds(30));
  }
  t.match(
    bench.events.filter((event) => event.is === 'logout'),
    [{ user: 'admin', why: 'idle' }],
  );
  t.same(closed, ['closed']);
  t.equal(bench.channel.sessions.size, 1);
  await bench.clock.advance(seconds(90));
  t.equal(bench.channel.sessions.size, 0);
  t.equal(bench.clock.waiting, 0);
});

await t.test(
  'there are so many sessions and no more, and a place that gets free is given again',
  async (t) => {
    const bench = lanBench({ limits: { sessions: 3 } });
    const clients = [1, 2, 3, 4].map((n) => bench.client('admin', { address: `10.0.1.${n}` }));
    for (const { ipmi } of clients.slice(0, 3)) await bench.settle(ipmi.deviceId());
    await t.rejects(bench.settle(clients[3]!.ipmi.deviceId()), { code: 'NS_IPMI_BUSY', retryable: true });
    await bench.settle(clients[1]!.ipmi.close());
    await bench.clock.advance(seconds(5));
    await bench.settle(clients[3]!.ipmi.deviceId());
    t.match(bench.events.at(-1), { is: 'login', handle: 2 });
  },
);

await t.test('a session that was left behind makes room for its owner, and for nobody else', async (t) => {
  const bench = lanBench({ limits: { sessions: 2 } });
  const [kept, left] = [bench.client('admin'), bench.client('admin')];
  await bench.settle(left.ipmi.deviceId());
  await bench.clock.advance(seconds(6));
  await bench.settle(kept.ipmi.deviceId());
  for (const [user, address] of [
    ['oper', '10.0.0.7'],
    ['admin', '10.0.0.8'],
  ] as const) {
    await t.rejects(bench.settle(bench.client(user, { address }).ipmi.deviceId()), { code: 'NS_IPMI_BUSY' });
  }
  await bench.settle(bench.client('admin').ipmi.deviceId());
  t.match(
    bench.events.filter((event) => event.is === 'logout'),
    [{ handle: 1, why: 'replaced' }],
  );
  await t.rejects(
    bench.settle(bench.client('admin').ipmi.deviceId()),
    { code: 'NS_IPMI_BUSY' },
    'none was left',
  );
});

await t.test('half-open sessions are few for each address, and end by themselves', async (t) => {
  const bench = lanBench();
  const consoles = Array.from({ length: 6 }, () => bench.net.console('10.0.0.5'));
  for (const console of consoles) await console.send(open('01020304'));
  await bench.clock.advance(now);
  t.same(
    consoles.map(({ heard }) => heard.length),
    [1, 1, 1, 1, 0, 0],
  );
  await consoles[0]!.send(open('01020304'));
  await bench.clock.advance(now);
  t.equal(
    toHex(consoles[0]!.heard[0]!),
    toHex(consoles[0]!.heard[1]!),
    'a repetition takes no place of its own',
  );
  await consoles[1]!.send(rakp1(consoles[1]!, 'admin'));
  await bench.clock.advance(seconds(1));
  for (const console of consoles.slice(4)) await console.send(open('01020304'));
  await bench.clock.advance(now);
  t.equal(statusOf(consoles[5]!), 0, 'asked again, when there is room');
  for (const console of consoles.slice(0, 4)) await console.send(rakp1(console, 'admin'));
  await bench.clock.advance(now);
  t.same(consoles.slice(0, 4).map(statusOf), [2, 0, 2, 0], 'the oldest that went no further made it');
  await bench.clock.advance(seconds(7));
  t.equal(bench.clock.waiting, 0);
});

await t.test('of too many half-open sessions the oldest makes room', async (t) => {
  const bench = lanBench();
  const consoles = Array.from({ length: 18 }, (_, n) => bench.net.console(`10.0.2.${n}`));
  for (const console of consoles) await console.send(open('01020304'));
  await bench.clock.advance(now);
  for (const console of consoles) await console.send(rakp1(console, 'admin'));
  await bench.clock.advance(now);
  t.same(consoles.map(statusOf), [2, 2, ...Array.from({ length: 16 }, () => 0)]);
});

await t.test('a console that begins anew gets a session anew, and no more than it asked for', async (t) => {
  const bench = lanBench();
  const console = bench.net.console();
  const say = async (bytes: Uint8Array): Promise<Uint8Array> => {
    await console.send(bytes);
    await bench.clock.advance(now);
    return console.heard.at(-1)!;
  };
  const first = await say(open('01020304'));
  t.equal((await say(rakp1(console, 'admin')))[17], 0);
  t.match(await say(rakp1(console, 'oper')), { 17: 2 }, 'one proof for each session');
  const second = await say(open('01020304', '02'));
  t.not(toHex(second.subarray(24, 28)), toHex(first.subarray(24, 28)));
  t.match(bench.events, [{ is: 'login-failed', user: 'admin', why: 'gave-up' }]);
  t.equal(second[18], 2);
  t.equal((await say(rakp1(console, 'admin')))[17], 0x0a, 'a level above the one that was opened for');
  for (const level of ['01', '05', '0f']) t.equal((await say(open('01020305', level)))[17], 0x09);
  t.equal((await say(open('00000000')))[17], 0x12);
});

await t.test('a name is from 1 to 16 bytes long', async (t) => {
  const bench = lanBench({ limits: { halfOpenPerAddress: 16 } });
  for (const [name, status] of [
    ['', 0x0d],
    ['a'.repeat(16), 0x00],
    ['a'.repeat(17), 0x0c],
  ] as const) {
    const console = bench.net.console();
    await console.send(open('01020304'));
    await bench.clock.advance(now);
    await console.send(rakp1(console, name));
    await bench.clock.advance(now);
    t.equal(statusOf(console), status);
  }
});

await t.test('a flood of half-open sessions from forged addresses keeps no honest console out', async (t) => {
  const bench = lanBench();
  let n = 0;
  const flood = (count: number): void => {
    for (let i = 0; i < count; i += 1) {
      n += 1;
      bench.net.inject(open('01020304'), { address: `10.${n >> 8}.${n & 0xff}.1`, port: 9 });
    }
  };
  flood(300);
  bench.net.toServer = (bytes) => {
    // More before each step, but as much as there is room for before the first one is answered.
    if (bytes[5] !== 0x12) flood(100);
    return [bytes];
  };
  t.ok((await bench.settle(bench.client('admin').ipmi.chassisStatus())).powerOn);
});

await t.test('who asks for a proof and never comes back is told of, and slowed down', async (t) => {
  const bench = lanBench({ limits: { halfOpenPerAddress: 16 } });
  const collect = async (): Promise<number> => {
    const console = bench.net.console('10.0.0.5');
    await console.send(open('01020304'));
    await bench.clock.advance(now);
    if (statusOf(console) !== 0) return statusOf(console);
    await console.send(rakp1(console, 'ad\nmin'));
    await bench.clock.advance(now);
    return statusOf(console);
  };
  for (let n = 0; n < 3; n += 1) t.equal(await collect(), 0);
  await bench.clock.advance(seconds(6));
  t.same(
    bench.events,
    Array.from({ length: 3 }, (_, n) => ({
      ...{ is: 'login-failed', user: 'ad\\x0amin', why: 'gave-up' },
      peer: `10.0.0.5:${50_001 + n}`,
    })),
  );
  await bench.clock.advance(seconds(10));
  t.equal(await collect(), 0);
  await bench.clock.advance(milliseconds(6500));
  t.equal(await collect(), 1, 'the fourth failure cost two seconds, the sweep was within the last one');
  await bench.clock.advance(seconds(3));
  t.equal(await collect(), 0);
});

await t.test('failed logins delay the next from there, and lock out nobody else', async (t) => {
  const bench = lanBench();
  const login = (address: string, user = 'admin', password?: string): Promise<string> =>
    bench.settle(
      bench
        .client(user, { address, ...(password === undefined ? {} : { password }) })
        .ipmi.deviceId()
        .then(
          () => 'in',
          (error: { code: string }) => error.code,
        ),
    );
  t.equal(await login('10.0.0.2'), 'in');
  const attacker = '10.0.0.66';
  const outcomes: string[] = [];
  for (let n = 0; n < 100; n += 1) {
    outcomes.push(await login(attacker, 'admin', 'guess'));
    await bench.clock.advance(seconds(1));
  }
  const tried = outcomes.filter((outcome) => outcome === 'NS_IPMI_CREDENTIALS').length;
  t.equal(outcomes.filter((outcome) => outcome === 'NS_IPMI_BUSY').length, 100 - tried);
  t.ok(tried <= 3 + 7, `${tried} guesses in 100 s`);
  t.equal(await login(attacker), 'NS_IPMI_BUSY', 'not even with the right password, for a while');
  t.equal(await login(attacker, 'oper'), 'NS_IPMI_BUSY', 'nor by another name');
  t.equal(await login('10.0.0.2'), 'in', 'where the owner came from before');
  for (let n = 0; n < 5; n += 1) await login('10.0.0.2', 'oper', 'typo');
  t.equal(await login('10.0.0.2', 'oper'), 'NS_IPMI_BUSY');
  t.equal(await login('10.0.0.2'), 'in', 'whatever others do there');
  // From a hundred addresses at once: an account's own delay is short.
  for (let n = 0; n < 100; n += 1) await login(`10.7.0.${n}`, 'admin', 'guess');
  t.equal(await login('10.0.0.2'), 'in');
  t.equal(await login('10.0.0.3'), 'NS_IPMI_BUSY');
  await bench.clock.advance(LAN_LIMITS.accountSlowdown.longest);
  t.equal(await login('10.0.0.3'), 'in');
  await bench.clock.advance(LAN_LIMITS.addressSlowdown.longest);
  t.equal(await login(attacker), 'in');
  for (let n = 0; n < 5; n += 1) await login('10.0.0.2', 'admin', 'typo');
  t.equal(await login('10.0.0.2'), 'NS_IPMI_BUSY', 'one’s own failures count');
  for (const password of ['no', 'no', undefined, 'no', 'no', undefined])
    t.not(await login('10.0.0.4', 'viewer', password), 'NS_IPMI_BUSY', 'a success is a new beginning');
  t.notOk(bench.events.some((event) => JSON.stringify(event).includes('guess')));
});

await t.test(
  'datagrams outside sessions are answered as far as their rate allows, session or not',
  async (t) => {
    const bench = lanBench({
      limits: { perAddress: { perSecond: 10, burst: 20 }, overall: { perSecond: 50, burst: 50 } },
    });
    const { ipmi } = bench.client('admin', { address: '10.0.0.2' });
    await bench.settle(ipmi.deviceId());
    const ping = hex('0600ff06 000011be 80 00 0000');
    const count = async (console: FakeConsole, times: number): Promise<number> => {
      const before = console.heard.length;
      for (let n = 0; n < times; n += 1) await console.send(ping);
      await bench.clock.advance(now);
      return console.heard.length - before;
    };
    const [one, other] = [bench.net.console('10.0.0.5'), bench.net.console('10.0.0.6')];
    t.equal(await count(one, 100), 20);
    t.equal(await count(other, 10), 10);
    await bench.clock.advance(seconds(1));
    t.equal(await count(one, 100), 10);
    const many = Array.from({ length: 40 }, (_, n) => bench.net.console(`10.3.0.${n}`));
    let answered = 0;
    for (const each of many) answered += await count(each, 5);
    t.ok(answered <= 50, `${answered} in all`);
    t.equal(await count(bench.net.console('10.3.0.99'), 5), 0, 'what there is for all is used up');
    t.equal(await count(bench.net.console('10.0.0.2'), 5), 5, 'but not for where somebody has logged in');
    t.ok((await bench.settle(ipmi.chassisStatus())).powerOn, 'a session is not touched');
  },
);

await t.test('an address of IPv6 counts with its neighbours of the same network', async (t) => {
  const bench = lanBench({ limits: { perAddress: { perSecond: 1, burst: 5 } } });
  const ping = hex('0600ff06 000011be 80 00 0000');
  const heard = async (addresses: readonly string[]): Promise<number> => {
    const consoles = addresses.map((address) => bench.net.console(address));
    for (const console of consoles) await console.send(ping);
    await bench.clock.advance(now);
    return consoles.reduce((sum, console) => sum + console.heard.length, 0);
  };
  const neighbours = Array.from({ length: 9 }, (_, n) => `2001:db8:0:7:${n + 1}::1`);
  t.equal(await heard(neighbours), 5);
  t.equal(await heard(Array.from({ length: 9 }, (_, n) => `2001:db8:0:${n + 8}::1`)), 9);
  t.equal(await heard(Array.from({ length: 9 }, (_, n) => `::ffff:10.0.0.${n + 1}`)), 9);
  t.equal(await heard(Array.from({ length: 9 }, () => '::ffff:10.1.0.1')), 5);
});

await t.test('commands outside sessions that hang are few', async (t) => {
  let asked = 0;
  const stuck: BmcCommand = {
    ...{ name: 'Stuck', netFn: 0x2e, code: 1, from: { nobody: true } },
    answer: () => {
      asked += 1;
      return new Promise(() => {});
    },
  };
  const bench = lanBench({ commands: [stuck] });
  const carrier = new SessionlessCarrier({
    openDatagram: async () => bench.net.console(),
    clock: bench.clock,
    entropy: { randomBytes: () => Uint8Array.of(asked), fraction: () => 0 },
    patience: { first: seconds(5), tries: 1, total: seconds(5) },
  });
  const question = { name: 'Stuck', netFn: 0x2e, command: 1, data: hex(''), level: 'user', repeatable: true };
  const all = Array.from({ length: 30 }, () =>
    carrier.carry(question as never, new AbortController().signal),
  );
  const ends = await bench.settle(Promise.allSettled(all));
  t.equal(asked, 16);
  t.equal(ends.filter((end) => end.status === 'fulfilled').length, 16, 'C3h, each of them');
  t.equal(bench.clock.waiting, 0);
});

await t.test('payloads of another type go both ways, and end with the session', async (t) => {
  const bench = lanBench();
  const { ipmi, consoles } = bench.client('admin');
  await bench.settle(ipmi.deviceId());
  const session = bench.last();
  const heard: string[] = [];
  const stop = session.onPayload(1, (payload) => heard.push(toHex(payload)));
  const inside = bench.channel.sessions.nth(1)!;
  inside.receive(1, 5, hex('01000000 68'));
  inside.receive(1, 5, hex('01000000 68'));
  inside.receive(2, 6, hex('ff'));
  t.same(heard, ['0100000068'], 'each packet once');
  const before = consoles[0]!.heard.length;
  session.send(1, hex('00010100'));
  await bench.clock.advance(now);
  t.equal(consoles[0]!.heard.at(-1)?.[5], 0xc1, 'encrypted and authenticated');
  t.equal(consoles[0]!.heard.length, before + 1);
  stop();
  inside.receive(1, 7, hex('01'));
  t.equal(heard.length, 1);
  const closed: string[] = [];
  session.onClose(() => closed.push('first'));
  session.close();
  session.onClose(() => closed.push('late'));
  session.send(1, hex('00'));
  await bench.clock.advance(now);
  t.same(closed, ['first', 'late']);
  t.equal(consoles[0]!.heard.length, before + 1, 'lost, where the session is over');
});

await t.test('a listener that fails costs its own line in the log, and no login', async (t) => {
  const bench = lanBench();
  bench.events.push = () => {
    throw new Error('no room for it');
  };
  t.ok((await bench.settle(bench.client('admin').ipmi.chassisStatus())).powerOn);
  t.same(bench.lines, ['error bmc.lan-event']);
  const closed: string[] = [];
  const session = bench.channel.sessions.nth(1)!;
  session.onClose(() => {
    throw new Error('not now');
  });
  session.onClose(() => closed.push('the other'));
  session.end('idle');
  t.same(closed, ['the other']);
  t.ok(bench.lines.includes('error bmc.session-listener'));
});
