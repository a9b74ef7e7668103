import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startEmbeddedBroker } from '../../../../src/adapters/embedded-broker.ts';
import { systemEntropy } from '../../../../src/adapters/entropy.ts';
import { MqttBus } from '../../../../src/adapters/mqtt/mqtt-bus.ts';
import { createKeyFile } from '../../../../src/adapters/operator-keys.ts';
import { systemClock } from '../../../../src/adapters/system-clock.ts';
import { publicKeyText } from '../../../../src/security/index.ts';
import { buildCli, runCli } from '../../../kit/cli.ts';
import { FakeDevice } from '../../../kit/fake-device.ts';
import { testKey, testKeyring } from '../../../kit/keys.ts';
import { statusResult } from '../../../kit/status-result.ts';
import { buildPage } from '../../../kit/web-page.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-web-'));
const cli = await buildCli(home);
const broker = await startEmbeddedBroker();
const operator = await createKeyFile(join(home, 'olga.key'), undefined);
const bus = new MqttBus(
  { broker: { url: broker.url }, clientId: 'device-rack1', cleanSession: true },
  systemClock,
  systemEntropy,
  { log: () => undefined },
);
const device = new FakeDevice(
  bus,
  'rack1',
  testKey(),
  testKeyring({ olga: [operator, 'operator'] }),
  systemClock,
  'acme',
);
device.answer = async ({ verb }) =>
  verb === 'machine.status'
    ? { result: statusResult() }
    : { outcome: 'refused', refusal: { code: 'HOST_ON', sentence: 'It is on.', remedy: 'Shut it down.' } };
await device.start();
writeFileSync(
  join(home, 'nightshift.yaml'),
  `broker: ${broker.url}\ntenant: acme\nkey: olga.key\nreceipts: receipts\ndevices:\n  rack1: ${publicKeyText(device.key.publicKey)}\ngroups:\n  racks: rack1\n`,
);
let child: ChildProcess | undefined;
t.teardown(async () => {
  child?.kill();
  await bus.close();
  await broker.close();
  rmSync(home, { recursive: true, force: true });
});

/** The link that the command prints, and its end. */
function startWeb(): { readonly link: Promise<string>; readonly ended: Promise<number | null> } {
  const started = spawn(process.execPath, [cli, 'web', '--look-only', '--refresh', 'never'], {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  child = started;
  const ended = new Promise<number | null>((resolve) => started.on('close', resolve));
  const link = new Promise<string>((resolve, reject) => {
    let said = '';
    started.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const line = /^(http:\S+)\n/.exec(said)?.[1];
      if (line !== undefined) resolve(line);
    });
    started.on('close', () => reject(new Error('it ended without a link')));
  });
  return { link, ended };
}

/** Reads the stream until this is in it. */
async function readUntil(stream: ReadableStream<Uint8Array>, word: string): Promise<string> {
  let said = '';
  const decoder = new TextDecoder();
  for await (const part of stream) {
    said += decoder.decode(part, { stream: true });
    if (said.includes(word)) break;
  }
  return said;
}

await t.test('what cannot be shown is said before anything starts', async (t) => {
  const run = (...args: string[]) => runCli(cli, args, { cwd: home });
  t.match(await run('web'), { code: 1, stderr: /npm run build/ });
  t.match(await run('web', '--refresh', '1s'), { code: 2, stderr: /between 1m and 24h/ });
  t.match(await run('--json', 'web'), { code: 2, stdout: /"NS_USAGE"/ });
  t.match(await run('web', 'rack9'), { code: 2, stderr: /did you mean "rack1"/ });
});

await t.test('a page that only looks shows what the devices say, and gives no orders', async (t) => {
  await buildPage(home);
  const { link, ended } = startWeb();
  const at = new URL(await link);
  t.equal(at.hostname, '127.0.0.1');
  const opened = await fetch(at, { redirect: 'manual' });
  t.equal(opened.status, 303);
  const cookie = opened.headers.get('set-cookie')?.split(';')[0] ?? '';
  const base = new URL(opened.headers.get('location') ?? '', at);
  const asked = await fetch(base, { headers: { cookie } });
  t.match(await asked.text(), /<title>Nightshift<\/title>/);
  t.match(asked.headers.get('content-security-policy'), /default-src 'none'.*frame-ancestors 'none'/);

  const events = await fetch(new URL('events', base), { headers: { cookie } });
  const said = await readUntil(events.body!, '"reach":"answers"');
  t.match(said, /"name":"rack1","groups":\["racks"\],"reach":"answers".*"power":"S5"/);
  t.match(device.orders[0], { verb: 'machine.status', iss: operator.publicKey.keyId });

  const question = (body: object) =>
    fetch(new URL('ask', base), {
      method: 'POST',
      headers: { cookie, origin: at.origin, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  t.match(await (await question({ host: 'rack1', question: 'volumes' })).json(), {
    reach: 'refuses',
    lines: ['refused HOST_ON: It is on.', 'remedy: Shut it down.'],
  });
  t.equal((await question({ host: 'rack9', question: 'status' })).status, 404);
  t.equal((await question({ host: 'rack1', question: 'machine.disable' })).status, 400);
  t.equal((await question({ host: 'rack1', question: 'audit', after: '1e9' })).status, 400);
  t.equal((await question({ host: 'rack1', question: 'tasks', after: 'x'.repeat(300_000) })).status, 413);
  t.equal(await (await fetch(new URL('desk', base), { headers: { cookie } })).json(), null, 'it only looks');
  for (const place of ['prepare', 'confirm', 'drafts/import', 'drafts/send', 'receipts/check']) {
    const given = await fetch(new URL(place, base), {
      method: 'POST',
      headers: { cookie, origin: at.origin, 'content-type': 'application/json' },
      body: JSON.stringify({ command: 'ls', hosts: ['rack1'], values: { path: '/' } }),
    });
    t.equal(given.status, 404, place);
  }
  child?.kill('SIGINT');
  t.equal(await ended, 130);
});
