import t from 'tap';
import { seconds, toHex } from '../../../../src/base/index.ts';
import { lanBench } from '../../../kit/lan-bench.ts';
import { openSession, rakp1, statusOf } from '../../../kit/set-up-packets.ts';

const now = seconds(0);

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
  for (const console of consoles) await console.send(openSession('01020304'));
  await bench.clock.advance(now);
  t.same(
    consoles.map(({ heard }) => heard.length),
    [1, 1, 1, 1, 0, 0],
  );
  await consoles[0]!.send(openSession('01020304'));
  await bench.clock.advance(now);
  t.equal(
    toHex(consoles[0]!.heard[0]!),
    toHex(consoles[0]!.heard[1]!),
    'a repetition takes no place of its own',
  );
  await consoles[1]!.send(rakp1(consoles[1]!, 'admin'));
  await bench.clock.advance(seconds(1));
  for (const console of consoles.slice(4)) await console.send(openSession('01020304'));
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
  for (const console of consoles) await console.send(openSession('01020304'));
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
  const first = await say(openSession('01020304'));
  t.equal((await say(rakp1(console, 'admin')))[17], 0);
  t.match(await say(rakp1(console, 'oper')), { 17: 2 }, 'one proof for each session');
  const second = await say(openSession('01020304', '02'));
  t.not(toHex(second.subarray(24, 28)), toHex(first.subarray(24, 28)));
  t.match(bench.events, [{ is: 'login-failed', user: 'admin', why: 'gave-up' }]);
  t.equal(second[18], 2);
  t.equal((await say(rakp1(console, 'admin')))[17], 0x0a, 'a level above the one that was opened for');
  for (const level of ['01', '05', '0f']) t.equal((await say(openSession('01020305', level)))[17], 0x09);
  t.equal((await say(openSession('00000000')))[17], 0x12);
});

await t.test('a name is from 1 to 16 bytes long', async (t) => {
  const bench = lanBench({ limits: { halfOpenPerAddress: 16 } });
  for (const [name, status] of [
    ['', 0x0d],
    ['a'.repeat(16), 0x00],
    ['a'.repeat(17), 0x0c],
  ] as const) {
    const console = bench.net.console();
    await console.send(openSession('01020304'));
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
      bench.net.inject(openSession('01020304'), { address: `10.${n >> 8}.${n & 0xff}.1`, port: 9 });
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
