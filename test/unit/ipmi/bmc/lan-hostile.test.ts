import fc from 'fast-check';
import t from 'tap';
import { concatBytes, seconds } from '../../../../src/base/index.ts';
import { hex } from '../../../kit/canned-carrier.ts';
import { type LanBenchOptions, lanBench } from '../../../kit/lan-bench.ts';

const plenty: LanBenchOptions = {
  limits: {
    perAddress: { perSecond: 1e6, burst: 1e6 },
    overall: { perSecond: 1e6, burst: 1e6 },
    addressSlowdown: { free: 1e6, first: seconds(1), longest: seconds(1) },
    accountSlowdown: { free: 1e6, first: seconds(1), longest: seconds(1) },
  },
};
const STRANGER = { address: '10.0.0.66', port: 4000 };
/** Bytes of RMCP's header that mean nothing. */
const MEANINGLESS = [1, 2];
const TAG = 16;
const RAKP3_TYPE = 0x14;

/** A datagram with each byte changed, cut at each place, and with more behind it. */
function mutants(good: Uint8Array): Uint8Array[] {
  const all: Uint8Array[] = [];
  for (let at = 0; at < good.byteLength; at += 1) {
    for (const mask of [0x01, 0x80, 0xff]) {
      const changed = Uint8Array.from(good);
      changed[at]! ^= mask;
      if (!MEANINGLESS.includes(at)) all.push(changed);
    }
    all.push(good.slice(0, at));
  }
  return [...all, concatBytes(good, Uint8Array.of(0)), concatBytes(good, new Uint8Array(40).fill(0xff))];
}

const isOfSession = (bytes: Uint8Array): boolean => bytes[4] === 6 && (bytes[5]! & 0xc0) === 0xc0;

async function conversation(bench: ReturnType<typeof lanBench>, suite: 3 | 17): Promise<void> {
  const { ipmi } = bench.client('admin', { suites: [suite] });
  await bench.settle(ipmi.chassisStatus());
  await bench.settle(ipmi.chassisControl('cycle'));
  await bench.settle(ipmi.close());
}

for (const suite of [3, 17] as const) {
  await t.test(
    `suite ${suite}: whatever a stranger makes of each packet, the honest console is served`,
    async (t) => {
      const bench = lanBench(plenty);
      let injected = 0;
      bench.net.toServer = (bytes, peer) => {
        for (const bad of [bytes, ...mutants(bytes)]) {
          bench.net.inject(bad, { ...STRANGER, port: STRANGER.port + (injected % 3) });
          injected += 1;
        }
        t.not(peer.address, STRANGER.address);
        return [bytes];
      };
      await conversation(bench, suite);
      t.same(bench.deeds, ['admin 2']);
      t.match(bench.events.filter((event) => event.is === 'login').length, 1);
      t.same(bench.lines, []);
      t.comment(`figure: ${injected} datagrams of a stranger in one conversation`);
    },
  );

  await t.test(
    `suite ${suite}: changed packets of a session are dropped, whoever seems to send them`,
    async (t) => {
      const bench = lanBench(plenty);
      bench.net.toServer = (bytes, peer) => {
        if (isOfSession(bytes)) for (const bad of mutants(bytes)) bench.net.inject(bad, peer);
        return [bytes];
      };
      let answers = 0;
      bench.net.toConsole = (bytes) => {
        if (isOfSession(bytes)) answers += 1;
        return [bytes];
      };
      await conversation(bench, suite);
      t.same(bench.deeds, ['admin 2']);
      t.equal(answers, 4, 'status, level, deed, close: one answer each, and none to anything else');
      t.same(bench.lines, []);
    },
  );
}

/** Bytes of set-up that no code is over, and that nothing hangs on: sequence 0, and what is reserved. */
const UNUSED: readonly (readonly number[])[] = [
  [10, 11, 12, 13, 17, 18, 19, ...[24, 32, 40].flatMap((block) => [1, 2, 5, 6, 7].map((n) => block + n))],
  [10, 11, 12, 13, 17, 18, 19, 41, 42],
  [10, 11, 12, 13, 18, 19],
];

await t.test('a packet of session set-up that was changed on its way lets nobody in', async (t) => {
  const served: number[] = [];
  for (const [step, unused] of UNUSED.entries()) {
    const sample = lanBench(plenty);
    const { ipmi, consoles } = sample.client('admin');
    await sample.settle(ipmi.deviceId());
    const size = consoles[0]!.sent[step]!.byteLength;
    for (let at = 0; at < size; at += 1) {
      if (MEANINGLESS.includes(at)) continue;
      const bench = lanBench(plenty);
      let n = 0;
      bench.net.toServer = (bytes) =>
        n++ === step ? [Uint8Array.from(bytes, (b, i) => (i === at ? b ^ 0xff : b))] : [bytes];
      const once = { first: seconds(1), tries: 1, total: seconds(1) };
      const asked = bench.client('admin', { patience: once }).ipmi.chassisStatus();
      const ended = await bench.settle(
        asked.then(
          () => 'served',
          () => 'refused',
        ),
      );
      if (ended === 'served') served.push(at);
      t.equal(ended === 'served' && !unused.includes(at), false, `step ${step}, byte ${at}`);
      const logins = (): number => bench.events.filter((event) => event.is === 'login').length;
      // A tag belongs to its datagram alone: the BMC takes a proof under any, and the console no answer under another.
      const proven = ended === 'served' || (step === 2 && at === TAG);
      t.equal(logins(), proven ? 1 : 0, `step ${step}, byte ${at}`);
      bench.net.toServer = (bytes) => [bytes];
      await conversation(bench, 17);
      t.same([bench.deeds, bench.lines], [['admin 2'], []]);
    }
  }
  t.ok(served.length > 0, 'and what nothing hangs on does no harm');
});

await t.test('a wrong code in RAKP 3 is never let in, whichever bit of it is wrong', async (t) => {
  for (let bit = 0; bit < 256; bit += 5) {
    const bench = lanBench(plenty);
    bench.net.toServer = (bytes) => {
      if (bytes[5] !== RAKP3_TYPE) return [bytes];
      const changed = Uint8Array.from(bytes);
      changed[24 + (bit >> 3)]! ^= 1 << (bit & 7);
      return [changed];
    };
    await t.rejects(bench.settle(bench.client('admin').ipmi.chassisStatus()), {
      code: 'NS_IPMI_CREDENTIALS',
    });
    t.match(bench.events, [{ is: 'login-failed', user: 'admin', why: 'wrong-password' }]);
  }
});

await t.test('bytes of any kind neither get in nor break anything', async (t) => {
  const bench = lanBench(plenty);
  const { ipmi, consoles } = bench.client('admin');
  await bench.settle(ipmi.chassisStatus());
  const session = consoles[0]!.sent.at(-1)!;
  const peers = fc.constantFrom(STRANGER, consoles[0]!.from);
  const prefix = fc.constantFrom(
    hex(''),
    hex('0600ff07'),
    hex('0600ff06'),
    hex('0600ff07 06'),
    ...[0x00, 0x10, 0x12, 0x14, 0x15, 0x02].map((type) =>
      concatBytes(hex('0600ff07 06'), Uint8Array.of(type), hex('00000000 00000000')),
    ),
    hex('0600ff07 00 00000000 00000000'),
    session.subarray(0, 16),
  );
  await fc.assert(
    fc.asyncProperty(prefix, fc.uint8Array({ maxLength: 120 }), peers, async (head, tail, peer) => {
      bench.net.inject(concatBytes(head, tail), peer);
      // The length of a payload set right gets further in.
      if (head.byteLength === 14) {
        bench.net.inject(concatBytes(head, Uint8Array.of(tail.byteLength, 0), tail), peer);
      }
    }),
    { numRuns: 3000, seed: 7 },
  );
  t.ok((await bench.settle(ipmi.chassisStatus())).powerOn);
  t.equal(bench.events.filter((event) => event.is === 'login').length, 1);
  t.same([bench.deeds, bench.lines], [[], []]);
});

await t.test('what was sent before is dropped: replayed to the BMC, or thrown back at it', async (t) => {
  const bench = lanBench();
  const { ipmi, consoles } = bench.client('admin');
  await bench.settle(ipmi.chassisControl('cycle'));
  const console = consoles[0]!;
  const heard = console.heard.length;
  for (const bytes of console.sent.slice(3)) bench.net.inject(bytes, console.from);
  for (const bytes of [...console.heard]) bench.net.inject(bytes, console.from);
  await bench.settle(ipmi.chassisStatus());
  t.same(bench.deeds, ['admin 2']);
  t.equal(console.heard.length, heard + 1);
  bench.net.inject(console.sent[2]!, console.from);
  await bench.clock.advance(seconds(0));
  t.match(console.heard.at(-1), { 5: 0x15, 17: 0x02 }, 'no second welcome');
  await bench.settle(ipmi.close());
  for (const bytes of console.sent) bench.net.inject(bytes, console.from);
  await bench.clock.advance(seconds(10));
  t.same(bench.deeds, ['admin 2']);
  t.equal(bench.events.filter((event) => event.is === 'login').length, 1);
});

await t.test('a session is its opener’s: the same packet from anywhere else is dropped', async (t) => {
  const bench = lanBench();
  const { ipmi } = bench.client('admin');
  await bench.settle(ipmi.deviceId());
  bench.net.toServer = (bytes, peer) => {
    bench.net.inject(bytes, { ...peer, port: peer.port + 1 });
    bench.net.inject(bytes, { ...peer, address: '10.0.0.9' });
    return [];
  };
  await t.rejects(bench.settle(ipmi.chassisControl('off')), { code: 'NS_IPMI_SILENT' });
  t.same(bench.deeds, []);
});

await t.test('a BMC sees no difference between a name without an account and a wrong password', async (t) => {
  const answers = async (user: string): Promise<string[]> => {
    const bench = lanBench(plenty);
    const { ipmi, consoles } = bench.client(user, { password: 'wrong', level: 'administrator' });
    await t.rejects(bench.settle(ipmi.deviceId()), { code: 'NS_IPMI_CREDENTIALS' });
    return consoles[0]!.heard.map((bytes) => `${bytes[5]} ${bytes[17]} ${bytes.byteLength}`);
  };
  const [admin, viewer, nobody] = [await answers('admin'), await answers('viewer'), await answers('nobody')];
  t.same(nobody, admin);
  t.same(nobody, viewer, 'nor one whose level is too low');
});

await t.test('outside a session nothing may claim to be of one of IPMI 1.5', async (t) => {
  const bench = lanBench();
  const console = bench.net.console();
  const capabilities = (sequence: string, session: string): Uint8Array =>
    hex(`0600ff07 00 ${sequence} ${session} 09 2018c8 8100388e04b5`);
  await console.send(capabilities('01000000', '00000000'));
  await console.send(capabilities('00000000', '01000000'));
  await bench.clock.advance(seconds(0));
  t.equal(console.heard.length, 0);
  await console.send(capabilities('00000000', '00000000'));
  await bench.clock.advance(seconds(0));
  t.equal(console.heard.length, 1);
});
