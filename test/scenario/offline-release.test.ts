import t from 'tap';
import { answerRequest, encodeOrderFile, readRequest } from '../../src/fleet/index.ts';
import type { KeyAgreement } from '../../src/ports/index.ts';
import { Keyring, type KeyringEntry, publicKeyText } from '../../src/security/index.ts';
import { testAgreement, testOfficer } from '../kit/agreement.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { MemoryLine } from '../kit/memory-line.ts';

const host = await ColdHost.start({ fill: async () => undefined });
t.teardown(() => host.close());
const line = new MemoryLine();
host.openLine = line.open;
const uma = testOfficer();
const vic = testOfficer();
const rita = testAgreement();
const drive = host.machine.drives[0]!;

const entry = (
  name: string,
  { publicKey }: Pick<KeyAgreement, 'publicKey'>,
  rest: Partial<KeyringEntry> = {},
) => ({
  name,
  role: 'security' as const,
  key: publicKeyText(publicKey),
  ...rest,
});
const KEYS: readonly KeyringEntry[] = [
  entry('olga', host.operator, { role: 'operator' }),
  entry('otto', host.operator2, { role: 'operator' }),
  entry('sam', host.officer),
  entry('tess', host.officer2),
  entry('gov', host.governor.key, { role: 'governor' }),
  entry('uma', uma.key),
  entry('vic', vic.key),
  entry('vic2', rita, { person: 'VIC' }),
];

/** Starts the agent again, with its console and these keys. */
async function boot(keys: readonly KeyringEntry[] = KEYS): Promise<void> {
  await host.stop();
  await host.boot({ keyring: new Keyring(keys), console: { path: '/dev/console', baud: 9600 } });
  await line.expect(/help[^\r]*\r\n\r\nhost1> $/);
}

const disable = () => host.give('machine.disable', { reason: 'stolen' }, { key: host.officer });

/** What is on the screen now, as the officer's command reads it. */
async function challenge(): Promise<readonly string[]> {
  const shown = await line.expect(/code of the first person: $/);
  return [...shown.matchAll(/\b[1-9] ([a-z]{4,8})/g)].map(([, word]) => word!);
}

/** An officer's command, at a machine without a network. */
function codeOf(officer: KeyAgreement, words: readonly string[]): Promise<string> {
  const config = { tenant: 'acme', devices: new Map([['host1', host.device.publicKey]]) };
  return answerRequest(officer, readRequest(config, { device: 'host1', words }));
}

async function unlock(): Promise<readonly string[]> {
  line.type('unlock\r');
  return challenge();
}

async function enter(code: string, answer: RegExp): Promise<void> {
  line.type(`${code}\r`);
  await line.expect(answer);
}

const audit = async () =>
  (await host.give('audit.read', { limit: 64 }, { key: host.officer })).result!.entries;

await t.test(
  'no network at either end: two officers give the machine back, and it is written down',
  async (t) => {
    await boot();
    t.match(await disable(), { outcome: 'succeeded' });
    host.bus.disconnect();
    t.equal(drive.at, 'held');
    line.type('status\r');
    const status = await line.expect(/release: .*\r\n/);
    t.match(status, /lock: {5}DISABLED \(version 1\)/);
    t.notMatch(status, /stolen/, 'why is nobody\u2019s business here');
    const words = await unlock();
    t.equal(words.length, 9);
    await enter(
      await codeOf(uma.agreement, words),
      /Right: that is the code of uma\. One more, of another person\.\r\n/,
    );
    t.equal(drive.at, 'held');
    await enter(
      await codeOf(vic.agreement, words),
      /Released by uma and vic: the machine is enabled \(lock version 2\)\.\r\n/,
    );
    t.equal(drive.at, 'host');
    line.type('unlock\r');
    await line.expect(/nothing to release: the machine is enabled\.\r\n/);
    host.bus.connect();
    const { result } = await host.give('machine.status', {});
    t.match(result?.lock, {
      state: 'enabled',
      version: 2,
      by: uma.key.publicKey.keyId,
      reason: 'released at the console',
    });
    const noted = (await audit()).filter(({ event }) => event.startsWith('release.'));
    t.same(
      noted.map(({ event }) => event),
      ['release.challenged', 'release.granted'],
    );
    t.same(noted[1]?.by, uma.key.publicKey.keyId);
    t.match(noted[1]?.detail, `with key ${Buffer.from(vic.key.publicKey.keyId).toString('hex')}`);
  },
);

await t.test(
  'codes that were used open nothing when the machine is disabled again, also after a restart',
  async (t) => {
    t.match(await disable(), { outcome: 'succeeded', result: { changed: true } });
    const words = await unlock();
    const used = [await codeOf(uma.agreement, words), await codeOf(vic.agreement, words)];
    await enter(used[0]!, /One more/);
    await enter(used[1]!, /Released by/);
    t.match(await disable(), { outcome: 'succeeded', result: { changed: true } });
    await boot();
    const other = await unlock();
    t.not(other.join(), words.join());
    await enter(used[0]!, /Wrong\. The next answer has to wait 1 s\./);
    await persist(used[1]!, /Wrong\. The next answer has to wait 2 s\./);
    line.type('\r');
    t.equal(drive.at, 'held');
  },
);

/** Types a code until it does not come too soon any more. */
async function persist(code: string, answer: RegExp): Promise<string> {
  for (;;) {
    line.type(`${code}\r`);
    const said = await line.expect(/\n(?:Right|Released|Refused|Wrong|Too soon|Mistyped)[^\n]*\n/);
    if (said.includes('Too soon')) await new Promise((resolve) => setTimeout(resolve, 50));
    else if (answer.test(said)) return said;
    else throw new Error(said);
  }
}

await t.test('a restart in the middle keeps the challenge, without any broker', async (t) => {
  await boot();
  host.bus.disconnect();
  const before = await unlock();
  await persist(await codeOf(uma.agreement, before), /One more/);
  line.unplug();
  await line.expect(/host1> $/);
  await boot();
  host.bus.disconnect();
  const after = await unlock();
  t.same(after, before);
  await persist(await codeOf(uma.agreement, after), /One more/);
  await persist(await codeOf(uma.agreement, after), /NEEDS_TWO_PEOPLE: Both codes are of uma\./);
  t.equal(drive.at, 'held');
  await persist(await codeOf(vic.agreement, after), /Released by uma and vic/);
  t.equal(drive.at, 'host');
});

await t.test(
  'a person twice, an operator and a revoked officer release nothing; one who may ends it',
  async (t) => {
    await boot();
    t.match(await disable(), { outcome: 'succeeded', result: { changed: true } });
    host.bus.disconnect();
    let words = await unlock();
    await persist(await codeOf(vic.agreement, words), /code of vic\. One more/);
    line.type('\r');
    await boot(
      KEYS.map((key) => (key.name === 'vic' ? { ...key, role: 'operator' as const } : key)).filter(
        ({ name }) => name !== 'uma',
      ),
    );
    words = await unlock();
    await persist(await codeOf(uma.agreement, words), /Wrong/);
    await persist(await codeOf(vic.agreement, words), /Wrong/);
    t.equal(drive.at, 'held');
    line.type('\r');
    await boot();
    words = await unlock();
    await persist(await codeOf(vic.agreement, words), /One more/);
    await persist(await codeOf(uma.agreement, words), /Released by vic and uma/);
    t.equal(drive.at, 'host');
  },
);

await t.test(
  'a release overtakes no order and is overtaken by none: the desk and the console share one lock',
  async (t) => {
    t.match(await disable(), { outcome: 'succeeded', result: { changed: true } });
    const words = await unlock();
    const [first, second] = [await codeOf(uma.agreement, words), await codeOf(vic.agreement, words)];
    await persist(first, /One more/);
    t.match(await host.give('machine.enable', {}, { key: host.officer }), { outcome: 'succeeded' });
    t.match(await disable(), { outcome: 'succeeded', result: { changed: true } });
    line.type(`${second}\r`);
    await line.expect(/The lock has changed meanwhile\./);
    t.equal(drive.at, 'held', 'a code for the lock before is none for this one');
    const next = await challenge();
    t.not(next.join(), words.join());
    line.type('\r');
  },
);

await t.test('an order of two people, pasted, is given as if the broker had brought it', async (t) => {
  host.bus.disconnect();
  const exp = 4_000_000_000;
  const armour = async (change: Record<string, unknown>, key = host.officer): Promise<string> => {
    const packet = await host.packet({ iss: key.publicKey.keyId, ...change }, key);
    return encodeOrderFile({ tenant: 'acme', packets: [packet] }).replaceAll('\n', '\r');
  };
  const paste = async (text: string, answer: RegExp): Promise<void> => {
    line.type(text);
    await line.expect(answer);
  };
  await unlock();
  const enable = { verb: 'machine.enable', args: { reason: 'pasted' }, exp };
  await paste(await armour({ verb: 'machine.disable', args: {} }), /Refused NOT_SUPPORTED/);
  await paste(await armour({ ...enable, aud: { to: 'device', name: 'host2' } }), /Refused WRONG_AUDIENCE/);
  const damaged = (await armour(enable)).replace(/.(?=\r-----END)/, '*');
  await paste(damaged, /Refused ENVELOPE_INVALID: the file was damaged/);
  const by = host.operator;
  await paste(await armour({ ...enable, iss: by.publicKey.keyId }, by), /Refused NOT_PERMITTED/);
  t.equal(drive.at, 'held');
  const good = await armour(enable);
  await paste(good, /The order has ended: succeeded\.[\s\S]*nothing to release/);
  t.equal(drive.at, 'host');
  host.bus.connect();
  const done = (await audit()).find(
    ({ event, detail }) => event === 'order.succeeded' && detail.includes('pasted'),
  );
  t.match(done?.detail, 'machine.enable');
});
