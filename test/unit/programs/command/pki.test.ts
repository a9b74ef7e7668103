import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { buildCli, type CliResult, runCli } from '../../../kit/cli.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-pki-'));
t.teardown(() => rmSync(home, { recursive: true, force: true }));
const cli = await buildCli(home);
const secret = join(home, 'secret');
writeFileSync(secret, 'correct horse battery staple\n', { mode: 0o600 });
const run = (...args: readonly string[]): Promise<CliResult> =>
  runCli(cli, ['pki', ...args], { cwd: home, env: { NIGHTSHIFT_PASSPHRASE_FILE: secret } });
const file = (name: string): string => readFileSync(join(home, 'pki', name), 'utf8');
const certificate = (name: string): X509Certificate => new X509Certificate(file(name));

/** Every file of the site with its contents. */
const everything = (): ReadonlyMap<string, string> =>
  new Map(
    readdirSync(join(home, 'pki'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path, readFileSync(path, 'utf8')]),
  );

await t.test('an authority, and what it certifies', async (t) => {
  t.match(await run('init', '--permit', 'site.example,10.0.0.0/8', '--tenant', 'acme'), {
    code: 0,
    stdout: /ca-1\.key: the authority's private key.*for brokers called: site\.example, 10\.0\.0\.0\/8/s,
  });
  t.match(await run('broker', 'hub', '--dns', 'mq.site.example', '--ip', '10.0.0.7'), {
    code: 0,
    stdout: /broker hub, by ca-1.*pin: sha256:[\w-]{43}$/ms,
  });
  t.match(await run('device', 'rack1', 'rack.2'), {
    code: 0,
    stdout: /device rack1, by.*device rack\.2, by/s,
  });
  t.match(await run('operator', 'olga'), { code: 0, stderr: /access list knows a new operator only/ });
  const ca = certificate('ca-1.pem');
  t.ok(ca.ca);
  t.match(file('ca-1.key'), /BEGIN ENCRYPTED PRIVATE KEY/);
  for (const [name, subject] of [
    ['broker/hub-1', 'CN=hub'],
    ['device/rack1-1', 'CN=rack1'],
    ['device/rack.2-1', 'CN=rack.2'],
    ['operator/olga-1', 'CN=operator:olga'],
  ] as const) {
    const leaf = certificate(`${name}.pem`);
    t.ok(leaf.verify(ca.publicKey) && leaf.checkIssued(ca) && !leaf.ca, name);
    t.equal(leaf.subject, subject);
  }
  t.equal(certificate('broker/hub-1.pem').checkHost('mq.site.example'), 'mq.site.example');
});

await t.test('every file is for its owner alone, and nothing is left over', async (t) => {
  for (const path of everything().keys()) t.equal(statSync(path).mode & 0o777, 0o600, path);
  t.notOk(readdirSync(join(home, 'pki')).some((name) => name.startsWith('.')));
});

await t.test('nothing is overwritten, and what is refused leaves everything as it was', async (t) => {
  const before = everything();
  const wrong = join(home, 'wrong');
  writeFileSync(wrong, 'not the passphrase\n', { mode: 0o600 });
  const refusals: readonly [readonly string[], RegExp][] = [
    [['init', '--permit', 'x.example'], /holds an authority already/],
    [['device', 'rack1'], /has a certificate; "nightshift pki renew device\/rack1"/],
    [['broker', 'evil', '--dns', 'site.example.evil'], /may not certify "site\.example\.evil"/],
    [['device', 'rack9', '--days', '9999'], /number of days/],
    [['renew'], /name what to renew/],
    [['device', 'rack9', '--dir', 'elsewhere'], /holds no authority/],
  ];
  for (const [args, message] of refusals)
    t.match(await run(...args), { code: 2, stderr: message }, args.join(' '));
  const env = { NIGHTSHIFT_PASSPHRASE_FILE: wrong };
  t.match(await runCli(cli, ['pki', 'device', 'rack9'], { cwd: home, env }), {
    code: 2,
    stderr: /passphrase does not open/,
  });
  writeFileSync(wrong, 'short\n');
  t.match(await runCli(cli, ['pki', 'init', 'third', '--permit', 'x.example'], { cwd: home, env }), {
    code: 2,
    stderr: /at least 12 characters/,
  });
  t.same(everything(), before);
});

await t.test('renewed: a new key beside the old one; revoked: in the list', async (t) => {
  const old = certificate('device/rack1-1.pem');
  t.match(await run('renew', '--within', '30'), { code: 0, stdout: /nothing is due/ });
  t.match(await run('renew', 'device/rack1'), { code: 0, stdout: /rack1-2\.pem/ });
  const fresh = certificate('device/rack1-2.pem');
  t.not(
    fresh.publicKey.export({ type: 'spki', format: 'pem' }),
    old.publicKey.export({ type: 'spki', format: 'pem' }),
  );
  t.equal(certificate('device/rack1-1.pem').serialNumber, old.serialNumber);
  const list = file('crl.pem');
  t.match(await run('revoke', 'rack1', '--replaced'), {
    code: 0,
    stdout: new RegExp(`serial ${old.serialNumber}\n$`),
    stderr: /restart it/,
  });
  t.not(file('crl.pem'), list);
  t.match(await run('list'), { stdout: /rack1-1\.pem.*revoked[\s\S]*rack1-2\.pem.*good for 18\d\d days/ });
});

await t.test('a new authority works beside the old one until all is renewed', async (t) => {
  t.match(await run('renew', '--ca'), { code: 0, stdout: /ca-2\.key/, stderr: /Until then old and new/ });
  t.equal(file('ca.pem'), file('ca-1.pem') + file('ca-2.pem'));
  t.match(await run('retire'), { code: 2, stderr: /still certified by an old authority: broker\/hub/ });
  t.match(await run('renew', '--all'), { code: 0, stdout: /broker hub, by ca-2/ });
  t.ok(certificate('broker/hub-2.pem').verify(certificate('ca-2.pem').publicKey));
  t.equal(certificate('broker/hub-2.pem').checkIP('10.0.0.7'), '10.0.0.7', 'a broker keeps its names');
  t.match(await run('retire'), { code: 0, stdout: /ca-2 alone/ });
  t.equal(file('ca.pem'), file('ca-2.pem'));
  t.equal(file('crl.pem'), file('ca-2.crl'));
});

await t.test("a broker's directory, in one piece", async (t) => {
  t.equal((await run('rights', 'rack1', '--group', 'racks', '--stands-for', 'rack.2')).code, 0);
  t.match(await run('mosquitto', 'hub', 'out'), { code: 0, stdout: /mosquitto\.conf, acl/ });
  const out = (name: string): string => readFileSync(join(home, 'out', name), 'utf8');
  t.equal(out('broker.key'), file('broker/hub-2.key'));
  t.match(out('acl'), /user operator:olga\n[\s\S]*user rack1\ntopic read ns\/1\/acme\/g\/racks\/cmd\n/);
  t.match(out('mosquitto.conf'), /^cafile \/etc\/mosquitto\/nightshift\/ca\.pem$/m);
  t.match(await run('mosquitto', 'hub', 'out'), { code: 2, stderr: /not empty; say --replace/ });
  t.match(await run('mosquitto', 'hub', 'out', '--replace', '--at', '/x y'), { code: 2 });
  t.equal((await run('mosquitto', 'hub', 'out', '--replace', '--port', '8884')).code, 0);
  t.match(out('mosquitto.conf'), /^listener 8884$/m);
});

await t.test('the passphrase and the keys are in no output', async (t) => {
  const printed = [await run('list'), await run('device', 'rack7'), await run('device', 'rack7')];
  for (const { stdout, stderr } of printed) t.notMatch(stdout + stderr, /correct horse|PRIVATE KEY/);
  for (const [path, text] of everything()) t.notMatch(text, /correct horse/, path);
});
