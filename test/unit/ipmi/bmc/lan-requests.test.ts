import t from 'tap';
import { milliseconds, seconds, toHex } from '../../../../src/base/index.ts';
import type { BmcCommand } from '../../../../src/ipmi/bmc/command.ts';
import { encodeRequest } from '../../../../src/ipmi/wire/message.ts';
import { hex } from '../../../kit/canned-carrier.ts';
import { lanBench } from '../../../kit/lan-bench.ts';

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
