import t from 'tap';
import { milliseconds, seconds } from '../../../../src/base/index.ts';
import type { BmcCommand } from '../../../../src/ipmi/bmc/command.ts';
import { LAN_LIMITS, SessionlessCarrier } from '../../../../src/ipmi/index.ts';
import { hex } from '../../../kit/canned-carrier.ts';
import type { FakeConsole } from '../../../kit/datagram-net.ts';
import { lanBench } from '../../../kit/lan-bench.ts';
import { openSession, rakp1, statusOf } from '../../../kit/set-up-packets.ts';

const now = seconds(0);

await t.test('who asks for a proof and never comes back is told of, and slowed down', async (t) => {
  const bench = lanBench({ limits: { halfOpenPerAddress: 16 } });
  const collect = async (): Promise<number> => {
    const console = bench.net.console('10.0.0.5');
    await console.send(openSession('01020304'));
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
