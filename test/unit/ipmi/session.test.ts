import t from 'tap';
import { SeededEntropy, VirtualClock } from '../../../src/adapters/sim/index.ts';
import { milliseconds, seconds, utf8 } from '../../../src/base/index.ts';
import { userKey } from '../../../src/ipmi/session/rakp.ts';
import { IpmiSession, type Question } from '../../../src/ipmi/session/session.ts';
import { CIPHER_SUITES } from '../../../src/ipmi/wire/cipher-suite.ts';
import { SmallBmc, type SmallBmcOptions } from '../../kit/small-bmc.ts';

const key = userKey(utf8('correct horse'));
const status: Question = {
  name: 'Get Chassis Status',
  netFn: 0,
  command: 1,
  data: new Uint8Array(0),
  repeatable: true,
};
const answer = (): readonly [number, Uint8Array] => [0, Uint8Array.of(1, 2, 3)];
const never = new AbortController().signal;

function rig(options: Partial<SmallBmcOptions> = {}, password = 'correct horse', user = 'admin') {
  const suite = options.suite ?? CIPHER_SUITES[17];
  const clock = new VirtualClock();
  const bmc = new SmallBmc({ suite, key, user: 'admin', answer, ...options });
  const session = {
    datagram: bmc,
    clock,
    entropy: new SeededEntropy(4),
    login: { user, key: userKey(utf8(password)), suite: CIPHER_SUITES[17], level: 'operator' as const },
    patience: { first: milliseconds(500), tries: 4, total: seconds(5) },
  };
  const settle = <T>(promise: Promise<T>): Promise<T> => clock.settle(promise, seconds(60));
  return { clock, bmc, session, settle, open: () => settle(IpmiSession.open(session, never)) };
}

void t.test('a session takes three round trips, and each request one', async (t) => {
  const { bmc, open, settle } = rig();
  const session = await open();
  t.equal(bmc.heard.length, 3);
  const response = await settle(session.ask(status, never));
  t.equal(bmc.heard.length, 4);
  t.match(response, { netFn: 1, command: 1, completion: 0, data: Uint8Array.of(1, 2, 3) });
  await settle(session.close(never));
  t.match(bmc.requests.at(-1), { netFn: 6, command: 0x3c });
  t.ok(bmc.closed);
});

void t.test(
  'a wrong password ends after two round trips, is not tried again, and frees the session',
  async (t) => {
    const { bmc, open } = rig({}, 'wrong');
    await t.rejects(open(), { code: 'NS_IPMI_CREDENTIALS' });
    t.equal(bmc.heard.length, 3);
    t.equal(bmc.heard[2]?.[5], 0x14);
    t.equal(bmc.heard[2]?.[17], 0x0f);
    t.ok(bmc.closed);
  },
);

void t.test('a user that the BMC does not know is told apart', async (t) => {
  const { open } = rig({}, 'correct horse', 'nobody');
  await t.rejects(open(), { code: 'NS_IPMI_CREDENTIALS', message: /does not know the user/ });
});

void t.test('algorithms other than those asked for are a downgrade, and end it', async (t) => {
  const { open, bmc } = rig({ suite: CIPHER_SUITES[3] });
  await t.rejects(open(), { code: 'NS_IPMI_SESSION', message: /not asked for/ });
  t.equal(bmc.heard.length, 1);
});

void t.test('lost answers are asked for again: same request, new session number', async (t) => {
  const { bmc, open, settle } = rig({ mangle: (bytes, n) => (n === 4 || n === 5 ? [] : [bytes]) });
  const session = await open();
  await settle(session.ask(status, never));
  t.equal(bmc.heard.length, 6);
  t.same([...new Set(bmc.requests.map((r) => r.sequence))], [1]);
  const sequences = bmc.heard.slice(3).map((bytes) => bytes[10]);
  t.same(sequences, [1, 2, 3]);
});

void t.test('what must not happen twice is sent once', async (t) => {
  const { bmc, open, settle, clock } = rig({ mangle: (bytes, n) => (n > 3 ? [] : [bytes]) });
  const session = await open();
  const before = clock.monotonic();
  await t.rejects(settle(session.ask({ ...status, repeatable: false }, never)), { code: 'NS_IPMI_SILENT' });
  t.equal(bmc.requests.length, 1);
  t.equal(clock.monotonic() - before, 5000);
});

void t.test('a silent BMC costs its own time and no more', async (t) => {
  const { open, clock } = rig({ mangle: () => [] });
  await t.rejects(open(), { code: 'NS_IPMI_SILENT' });
  t.ok(clock.monotonic() <= 5000);
  t.equal(clock.waiting, 0);
});

void t.test('repeated, late and forged answers do not pass for the one awaited', async (t) => {
  const old: Uint8Array[] = [];
  const { open, settle, bmc } = rig({
    mangle: (bytes, n) => {
      if (n <= 3) return [bytes];
      const forged = Uint8Array.from(bytes);
      forged[forged.length - 1]! ^= 1;
      const sent = [...old, forged, bytes, bytes];
      old.push(bytes);
      return sent;
    },
    answer: (request) => [0, Uint8Array.of(request.command)],
  });
  const session = await open();
  for (let command = 1; command < 70; command += 1) {
    const response = await settle(session.ask({ ...status, command }, never));
    t.same([...response.data], [command]);
  }
  bmc.inject(Uint8Array.of(1, 2, 3));
  t.equal((await settle(session.ask(status, never))).completion, 0);
});

void t.test('an abort ends the wait at once', async (t) => {
  const { open, settle, clock } = rig({ mangle: (bytes, n) => (n > 3 ? [] : [bytes]) });
  const session = await open();
  const stop = new AbortController();
  const asked = session.ask(status, stop.signal);
  stop.abort(new Error('enough'));
  await t.rejects(settle(asked), /enough/);
  t.equal(clock.waiting, 0);
});
