import t from 'tap';
import { milliseconds, seconds, utf8 } from '../../../../src/base/index.ts';
import { activatePayload } from '../../../../src/ipmi/commands/index.ts';
import { IpmiClient, type SolConsole, type SolEnd, type SolStatus } from '../../../../src/ipmi/index.ts';
import type { DatagramPeer } from '../../../../src/ports/index.ts';
import { CannedCarrier } from '../../../kit/canned-carrier.ts';
import { solBench } from '../../../kit/sol-bench.ts';

const never = new AbortController().signal;

/** What a console says, and how it ends. */
function watch(console: SolConsole) {
  const seen = { text: '', statuses: [] as SolStatus[], ends: [] as SolEnd[] };
  console.onData((bytes) => {
    seen.text += Buffer.from(bytes).toString('latin1');
  });
  console.onStatus((status) => seen.statuses.push(status));
  console.onEnd((end) => seen.ends.push(end));
  return seen;
}
const codeOf = (ends: readonly SolEnd[]): string[] =>
  ends.map((end) => (end.is === 'closed' ? 'closed' : end.error.code));

await t.test(
  'what is typed gets to the host, and what the host says gets back; then it is given back',
  async (t) => {
    const { client, settle, host, lines, channel, clock } = solBench();
    host.say('nobody listens');
    const ipmi = client();
    const console = await settle(ipmi.sol());
    const seen = watch(console);
    t.ok(console.write(utf8('hello\r')));
    await settle(console.drained(never));
    host.say('Password: ');
    await clock.advance(milliseconds(100));
    t.equal(host.heard, 'hello\r');
    t.equal(seen.text, 'Password: ', 'what was said before is not repeated');
    t.match(
      await settle(ipmi.deviceId().catch((error: unknown) => error)),
      { completion: 0xc1 },
      'commands go on beside it',
    );
    await settle(console.close());
    t.same(codeOf(seen.ends), ['closed']);
    t.notOk(console.write(utf8('x')));
    t.equal(host.listeners, 0);
    t.same(lines, ['bmc.console-taken admin', 'bmc.console-left admin given back']);
    await settle(ipmi.close());
    t.equal(channel.sessions.size, 0);
    await clock.advance(seconds(5));
    t.equal(clock.waiting, 0, 'no timer is left');
  },
);

await t.test(
  'long texts pass in both directions over a network that loses, repeats and reorders',
  async (t) => {
    const { client, settle, host, net, clock } = solBench();
    const console = await settle(client().sol());
    const seen = watch(console);
    let n = 0;
    /** Of ten datagrams two are lost, one comes twice, and one comes after the next one. */
    const bad = () => {
      const late: Uint8Array[] = [];
      return (bytes: Uint8Array): readonly Uint8Array[] => {
        n = (n * 1103515245 + 12345) % 2 ** 31;
        const die = (n >> 16) % 10;
        if (die === 3 && late.push(bytes) > 0) return [];
        return [...(die < 2 ? [] : die === 2 ? [bytes, bytes] : [bytes]), ...late.splice(0)];
      };
    };
    net.toServer = bad();
    net.toConsole = bad();
    const up = Array.from({ length: 300 }, (_, i) => `typed line ${i}\r`).join('');
    const down = Array.from({ length: 600 }, (_, i) => `said line ${i}\r\n`).join('');
    host.say(down);
    for (let at = 0; at < up.length; at += 100) {
      const piece = utf8(up.slice(at, at + 100));
      while (!console.write(piece)) await settle(console.room(never));
    }
    await settle(console.drained(never));
    for (let i = 0; i < 600 && seen.text.length < down.length; i += 1) await clock.advance(seconds(1));
    t.equal(host.heard, up);
    t.equal(seen.text, down);
    t.same(seen.ends, []);
  },
);

await t.test('a repetition that comes after the next packet is not typed again', async (t) => {
  const { client, settle, host, net, clock } = solBench();
  const console = await settle(client().sol());
  const late: { readonly bytes: Uint8Array; readonly peer: DatagramPeer }[] = [];
  await clock.advance(seconds(1));
  net.toConsole = () => [];
  console.write(utf8('a'));
  await clock.advance(milliseconds(1));
  net.toServer = (bytes, peer) => {
    late.push({ bytes, peer });
    return [];
  };
  await clock.advance(milliseconds(260));
  net.toServer = (bytes) => [bytes];
  net.toConsole = (bytes) => [bytes];
  await settle(console.drained(never));
  console.write(utf8('b'));
  await settle(console.drained(never));
  t.equal(late.length, 1);
  for (const { bytes, peer } of late) net.inject(bytes, peer);
  await clock.advance(seconds(1));
  t.equal(host.heard, 'ab');
});

await t.test('a host that reads slowly makes writing wait, and loses nothing', async (t) => {
  const { client, settle, host, clock } = solBench();
  host.room = 1000;
  const console = await settle(client().sol());
  let wrote = 0;
  while (console.write(utf8('0123456789'.repeat(10)))) wrote += 100;
  t.ok(wrote <= 4500, `${wrote} bytes taken at once`);
  for (let round = 0; round < 4; round += 1) {
    await clock.advance(seconds(5));
    while (console.write(utf8('0123456789'.repeat(10)))) wrote += 100;
  }
  t.ok(wrote < 1000 + 2 * 4200, 'bounded all the way');
  host.room = Number.POSITIVE_INFINITY;
  await settle(console.drained(never));
  await clock.advance(seconds(1));
  t.equal(host.heard, '0123456789'.repeat(wrote / 10));
});

await t.test('a break keeps its place', async (t) => {
  const { client, settle, host, clock } = solBench();
  const console = await settle(client().sol());
  console.write(utf8('ab'));
  t.ok(console.sendBreak());
  console.write(utf8('cd'));
  await settle(console.drained(never));
  await clock.advance(seconds(1));
  t.equal(host.heard, 'ab<break>cd');
});

await t.test('a paused terminal is sent nothing, and gets all of it afterwards', async (t) => {
  const { client, settle, host, clock } = solBench();
  const console = await settle(client().sol());
  const seen = watch(console);
  console.pause();
  await clock.advance(seconds(1));
  host.say('a'.repeat(1000));
  await clock.advance(seconds(20));
  t.equal(seen.text, '');
  console.resume();
  await clock.advance(seconds(1));
  t.equal(seen.text.length, 1000);
  console.pause();
  await clock.advance(seconds(1));
  host.say('b'.repeat(100_000));
  console.resume();
  await clock.advance(seconds(60));
  t.ok(seen.text.length < 40_000, 'what does not fit is lost');
  t.ok(
    seen.statuses.some(({ overrun }) => overrun),
    'and said to be',
  );
});

await t.test('what comes before the first listener waits for it', async (t) => {
  const { client, settle, host, clock } = solBench();
  const console = await settle(client().sol());
  host.say('x'.repeat(6000));
  await clock.advance(seconds(3));
  const seen = watch(console);
  t.equal(seen.text.length, 4096, 'as much as there is room for');
  await clock.advance(seconds(5));
  t.equal(seen.text.length, 6000);
});

await t.test('a host that is not there is told, and takes what was typed when it comes', async (t) => {
  const { client, settle, host, clock } = solBench();
  host.setAvailable(false);
  const console = await settle(client().sol());
  const seen = watch(console);
  await clock.advance(seconds(1));
  t.match(seen.statuses, [{ hostAvailable: false }]);
  console.write(utf8('early'));
  await clock.advance(seconds(60));
  t.equal(host.heard, '');
  host.setAvailable(true);
  await clock.advance(seconds(3));
  t.equal(host.heard, 'early');
  t.match(seen.statuses, [{ hostAvailable: false }, { hostAvailable: true }]);
  t.same(seen.ends, []);
});

await t.test('a console in use is refused, or taken over, and whoever had it is told', async (t) => {
  const { client, settle, host, lines, clock } = solBench();
  const first = await settle(client('admin').sol());
  const seen = watch(first);
  const other = client('oper');
  await t.rejects(settle(other.sol()), { code: 'NS_IPMI_SOL_IN_USE', retryable: true });
  const second = await settle(other.sol({ takeOver: true }));
  t.same(codeOf(seen.ends), ['NS_IPMI_SOL_DEACTIVATED']);
  await clock.advance(seconds(2));
  second.write(utf8('mine'));
  await settle(second.drained(never));
  await settle(first.close());
  t.equal(host.heard, 'mine');
  t.same(lines, [
    'bmc.console-taken admin',
    'bmc.console-taken-away 10.0.0.7:50003',
    'bmc.console-left admin taken away',
    'bmc.console-taken oper',
  ]);
});

await t.test('taken over while the word of it gets lost: noticed by asking', async (t) => {
  const { client, settle, net, clock } = solBench();
  const first = await settle(client().sol({ keepAlive: seconds(5) }));
  const seen = watch(first);
  await clock.advance(seconds(1));
  const normal = net.toConsole;
  net.toConsole = (bytes, peer) => (peer.port === 50_001 ? [] : [bytes]);
  await settle(client('oper').sol({ takeOver: true }));
  net.toConsole = normal;
  t.same(seen.ends, []);
  await clock.advance(seconds(8));
  t.same(codeOf(seen.ends), ['NS_IPMI_SOL_DEACTIVATED']);
});

await t.test('a user below the level of the console gets no console', async (t) => {
  const { client, settle } = solBench({ level: 'administrator' });
  await t.rejects(settle(client('oper').sol()), {
    message: /Activate Payload: the privilege level is too low/,
  });
  await settle(client('admin').sol());
});

await t.test(
  'a BMC that falls silent ends the console in time, whether something is typed or not',
  async (t) => {
    for (const typing of [true, false]) {
      const { client, settle, net, clock } = solBench();
      const console = await settle(client().sol({ keepAlive: seconds(10), silence: seconds(30) }));
      const seen = watch(console);
      await clock.advance(seconds(15));
      t.same(seen.ends, []);
      net.toConsole = () => [];
      if (typing) console.write(utf8('is anybody there?'));
      const begin = clock.monotonic();
      for (let i = 0; i < 100 && seen.ends.length === 0; i += 1) await clock.advance(milliseconds(500));
      const took = clock.monotonic() - begin;
      t.same(codeOf(seen.ends), ['NS_IPMI_SOL_SILENT']);
      t.ok(took <= 31_000, `${took} ms`);
      await settle(console.close());
    }
  },
);

await t.test('a session that ends at the BMC frees the console', async (t) => {
  const { client, settle, channel, host, lines } = solBench();
  await settle(client().sol());
  channel.sessions.endAll('stopped');
  t.equal(host.listeners, 0);
  t.equal(lines.at(-1), 'bmc.console-left admin session over');
  t.ok(await settle(client('oper').sol()));
});

await t.test('the codes of Activate Payload are told apart', async (t) => {
  const codes: readonly [number, string][] = [
    [0x80, 'NS_IPMI_SOL_IN_USE'],
    [0x81, 'NS_IPMI_SOL_DISABLED'],
    [0x82, 'NS_IPMI_SOL_LIMIT'],
    [0x83, 'NS_IPMI_SOL_ENCRYPTION'],
    [0x84, 'NS_IPMI_SOL_ENCRYPTION'],
    [0xc1, 'NS_IPMI_SOL_UNSUPPORTED'],
    [0xd4, 'NS_IPMI_COMPLETION'],
  ];
  for (const [completion, code] of codes) {
    const { client, settle, commands, channel } = solBench();
    const answer = commands.answer.bind(commands);
    commands.answer = async (request, caller) =>
      request.command === activatePayload.code
        ? { completion, data: new Uint8Array(0) }
        : answer(request, caller);
    await t.rejects(settle(client().sol()), { code });
    t.equal(channel.sessions.size, 0, 'the session is freed');
  }
});

await t.test('a way without sessions carries no console', async (t) => {
  const { clock } = solBench();
  const ipmi = new IpmiClient({ carrier: new CannedCarrier(() => ''), clock });
  await t.rejects(ipmi.sol(), { code: 'NS_IPMI_SOL_UNSUPPORTED' });
});

await t.test('closing the client closes its consoles', async (t) => {
  const { client, settle, channel, lines } = solBench();
  const ipmi = client();
  const seen = watch(await settle(ipmi.sol()));
  await settle(ipmi.close());
  t.same(codeOf(seen.ends), ['closed']);
  t.equal(lines.at(-1), 'bmc.console-left admin given back');
  t.equal(channel.sessions.size, 0);
});
