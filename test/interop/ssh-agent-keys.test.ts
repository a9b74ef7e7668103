import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startEmbeddedBroker } from '../../src/adapters/embedded-broker.ts';
import { systemEntropy } from '../../src/adapters/entropy.ts';
import { MqttBus } from '../../src/adapters/mqtt/mqtt-bus.ts';
import { openAgentKey } from '../../src/adapters/ssh-agent-keys.ts';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { toHex, utf8 } from '../../src/base/index.ts';
import { publicKeyText } from '../../src/security/index.ts';
import type { Confirmed, DraftView, Prepared } from '../../src/web/index.ts';
import { buildCli, type CliResult, runCli } from '../kit/cli.ts';
import { FakeDevice } from '../kit/fake-device.ts';
import { testKey, testKeyring } from '../kit/keys.ts';
import { PageClient, startWeb } from '../kit/page-client.ts';
import { RealSshAgent } from '../kit/ssh-agent.ts';
import { buildPage } from '../kit/web-page.ts';

const home = mkdtempSync(join(tmpdir(), 'ns-ssh-'));
const cli = await buildCli(home);
const agent = await RealSshAgent.start(home);
await agent.addFileKey('sam', 'ed25519');
await agent.addFileKey('old', 'rsa');
await agent.addToken('tess');
const { environment } = agent;
const sam = await openAgentKey('ssh-agent:sam', environment);
const tess = await openAgentKey('ssh-agent:tess', environment);
const broker = await startEmbeddedBroker();
const bus = new MqttBus(
  { broker: { url: broker.url }, clientId: 'device-rack1', cleanSession: true },
  systemClock,
  systemEntropy,
  { log: () => undefined },
);
const keyring = testKeyring({ sam: [sam, 'security'], tess: [tess, 'security'] });
const device = new FakeDevice(bus, 'rack1', testKey(), keyring, systemClock, 'acme');
await device.start();
writeFileSync(
  join(home, 'nightshift.yaml'),
  `broker: ${broker.url}\ntenant: acme\nkey: ssh-agent:sam\ndevices:\n  rack1: ${publicKeyText(device.key.publicKey)}\n`,
);
t.teardown(async () => {
  await bus.close();
  await broker.close();
  await agent.stop();
  rmSync(home, { recursive: true, force: true });
});

const run = (...args: string[]): Promise<CliResult> => runCli(cli, args, { cwd: home, env: environment });

await t.test('keys of a file and of a PKCS#11 token sign in the agent, and never leave it', async (t) => {
  t.equal(sam.publicKey.algorithm, 'Ed25519');
  t.equal(tess.publicKey.algorithm, 'ES256');
  for (let n = 0; n < 40; n += 1) {
    // Every signature is checked as it comes; about one in a hundred numbers has a zero in front.
    t.equal((await tess.sign(utf8(`order ${n}`))).byteLength, 64);
    t.equal((await sam.sign(utf8(`order ${n}`))).byteLength, 64);
  }
  t.equal((await tess.sign(new Uint8Array(32 * 1024))).byteLength, 64, 'as large as an order can be');
  const again = await openAgentKey(`ssh-agent:${await agent.fingerprint('tess')}`, environment);
  t.same(again.publicKey, tess.publicKey, 'named as ssh-add shows it');
  await t.rejects(openAgentKey('ssh-agent:old', environment), { message: /ssh-rsa.*Ed25519 or P-256/ });
});

await t.test('keys show prints the public key of one in the agent, for enrolment', async (t) => {
  t.match(await run('keys', 'show', 'ssh-agent:tess'), {
    code: 0,
    stdout: `key: ${publicKeyText(tess.publicKey)}\nkey id: ${toHex(tess.publicKey.keyId)}\n`,
  });
  t.match(await run('keys', 'show', 'ssh-agent:nobody'), {
    code: 2,
    stderr: /no key "nobody".*ssh-agent:SHA256:.*\(sam\)/,
  });
});

await t.test("the configured key and the second person's may both be in an agent", async (t) => {
  t.match(await run('status', 'rack1'), { code: 0 });
  t.match(device.orders.at(-1), { verb: 'machine.status', iss: sam.publicKey.keyId });
  const counter = join(home, '.local/state/nightshift/counters', `${toHex(sam.publicKey.keyId)}.counter`);
  t.ok(existsSync(counter), 'its counter is kept under its key id');
  t.match(await run('enable', 'rack1', '--cosign-key', 'ssh-agent:tess'), { code: 0 });
  t.match(device.orders.at(-1), { verb: 'machine.enable', iss: sam.publicKey.keyId });
});

await t.test('the page has both sign in the agent, each at a page of their own', async (t) => {
  await buildPage(home);
  const people = [sam, tess].map(({ publicKey }, n) => {
    return { name: n === 0 ? 'sam' : 'tess', role: 'security', key: publicKeyText(publicKey) };
  });
  const devices = { rack1: publicKeyText(device.key.publicKey) };
  const config = { broker: broker.url, tenant: 'acme', key: 'ssh-agent:sam', devices, people };
  writeFileSync(join(home, 'page.yaml'), JSON.stringify(config));
  const lock = { state: 'enabled', version: 2, inForce: [] };
  device.answer = async () => ({ result: { lock, changed: true } });
  const pages = await Promise.all(
    ['sam', 'tess'].map((who) => {
      const args = ['--config', 'page.yaml', '--key', `ssh-agent:${who}`, 'web', '--refresh', 'never'];
      return startWeb(cli, args, home, environment);
    }),
  );
  t.teardown(() =>
    Promise.all(
      pages.map(({ child }) => {
        const ended = new Promise((resolve) => child.on('close', resolve));
        child.kill('SIGINT');
        return ended;
      }),
    ),
  );
  const [first, second] = (await Promise.all(pages.map(({ link }) => PageClient.open(link)))) as [
    PageClient,
    PageClient,
  ];
  const enable = { command: 'sign enable', hosts: ['rack1'], values: { '--reason': 'found' } };
  const { id, digest } = await first.post<Prepared>('prepare', enable);
  const signed = await first.post<Confirmed>('confirm', { id, digest, typed: 'rack1' });
  if (signed.is !== 'draft') throw new Error('no draft');
  const text = await (await first.get(`drafts/file?draft=${signed.draft.id}`)).text();
  const draft = await second.post<DraftView>('drafts/import', { text });
  const both = { draft: draft.id, digest: draft.digest, typed: 'rack1' };
  t.match(await second.post('drafts/cosign', both), {
    next: 'send',
    signers: [{ name: 'sam' }, { name: 'tess' }],
  });
  const sent = await second.post<Confirmed>('drafts/send', both);
  if (sent.is !== 'sent') throw new Error('not sent');
  const events = await second.follow(sent.run);
  t.match(events.at(-2), { event: 'ended', data: { is: 'succeeded', receipt: { verdict: 'holds' } } });
});

await t.test('a key that is pulled signs no more', async (t) => {
  await agent.forget();
  await t.rejects(tess.sign(utf8('order')), { code: 'NS_KEY_AGENT', message: /did not sign/ });
  t.match(await run('status', 'rack1'), { code: 2, stderr: /no key "sam".*it has no keys/ });
});
