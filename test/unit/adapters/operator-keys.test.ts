import { generateKeyPairSync } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { readConfig } from '../../../src/adapters/operator-config.ts';
import {
  createKeyFile,
  fileCounter,
  openAgreementFile,
  openKeyFile,
} from '../../../src/adapters/operator-keys.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-keys-'));
t.teardown(() => rmSync(home, { recursive: true, force: true }));
const none = () => Promise.reject(new Error('no passphrase was to be asked for'));

await t.test('a key comes back from its file, and its secret is not asked for in vain', async (t) => {
  const path = join(home, 'plain.key');
  const made = await createKeyFile(path, undefined);
  const opened = await openKeyFile(path, none);
  t.same(opened.publicKey.keyId, made.publicKey.keyId);
  await t.rejects(createKeyFile(path, undefined), { code: 'NS_KEY_FILE', message: /there already/ });
});

await t.test('a key that others may read is not used', async (t) => {
  const path = join(home, 'open.key');
  await createKeyFile(path, undefined);
  chmodSync(path, 0o640);
  await t.rejects(openKeyFile(path, none), { code: 'NS_KEY_FILE', message: /chmod 600/ });
});

await t.test('an encrypted key needs its passphrase; what is no key is said to be none', async (t) => {
  const path = join(home, 'locked.key');
  const made = await createKeyFile(path, 'horse');
  const opened = await openKeyFile(path, async () => 'horse');
  t.same(opened.publicKey.keyId, made.publicKey.keyId);
  await t.rejects(
    openKeyFile(path, async () => 'mule'),
    { code: 'NS_KEY_FILE', message: /passphrase is wrong/ },
  );
  writeFileSync(join(home, 'text.key'), 'hello', { mode: 0o600 });
  await t.rejects(openKeyFile(join(home, 'text.key'), none), { message: /no usable key/ });
  await t.rejects(openKeyFile(join(home, 'absent.key'), none), { message: /cannot be read/ });
});

await t.test(
  'the same file makes release codes, where the private key is in it and is Ed25519',
  async (t) => {
    const path = join(home, 'codes.key');
    const made = await createKeyFile(path, 'horse');
    const own = await openAgreementFile(path, async () => 'horse');
    const other = await openAgreementFile(join(home, 'plain.key'), none);
    t.same(own.publicKey.keyId, made.publicKey.keyId);
    t.same(await own.agree(other.publicKey), await other.agree(own.publicKey));
    await t.rejects(
      openAgreementFile(path, async () => 'donkey'),
      { code: 'NS_KEY_FILE' },
    );
    const handle = join(home, 'in-agent.key');
    writeFileSync(handle, 'ssh-ed25519 AAAA somebody', { mode: 0o600 });
    await t.rejects(openAgreementFile(handle, none), { code: 'NS_KEY_AGREEMENT', message: /ssh-agent/ });
    const p256 = join(home, 'p256.key');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    writeFileSync(p256, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    await t.rejects(openAgreementFile(p256, none), { code: 'NS_KEY_AGREEMENT', message: /another kind/ });
  },
);

await t.test('counters rise, each once, from several holders at a time', async (t) => {
  const path = join(home, 'k');
  const holders = [fileCounter(path), fileCounter(path), fileCounter(path)];
  const numbers = await Promise.all(Array.from({ length: 60 }, (_, i) => holders[i % 3]!.next()));
  t.equal(new Set(numbers).size, 60);
  t.ok(Math.min(...numbers) > 1_600_000_000_000, 'never behind the clock');
  t.equal(existsSync(`${path}.counter.lock`), false);
});

await t.test(
  'those who ask together are served in their order, and one failure is not for good',
  async (t) => {
    const path = join(home, 'dir', 'n');
    const counter = fileCounter(path);
    const numbers = await Promise.all(Array.from({ length: 600 }, () => counter.next()));
    t.same(
      numbers,
      [...numbers].sort((a, b) => a - b),
    );
    t.equal(new Set(numbers).size, 600);
    t.equal(
      readFileSync(`${path}.counter`, 'utf8'),
      `${numbers.at(-1)}\n`,
      'no number is given that is not stored',
    );
    rmSync(`${path}.counter`);
    mkdirSync(`${path}.counter`);
    const failed = await Promise.allSettled([counter.next(), counter.next()]);
    t.same(
      failed.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    rmSync(`${path}.counter`, { recursive: true });
    t.ok((await counter.next()) > 1_600_000_000_000);
  },
);

await t.test(
  'a counter goes on from what is stored, and survives a damaged file and a dead holder',
  async (t) => {
    const path = join(home, 'm');
    writeFileSync(`${path}.counter`, '8000000000000000\n');
    t.equal(await fileCounter(path).next(), 8_000_000_000_000_001);
    t.equal(readFileSync(`${path}.counter`, 'utf8'), '8000000000000001\n');
    writeFileSync(`${path}.counter`, 'spoilt');
    t.ok((await fileCounter(path).next()) > 1_600_000_000_000);
    writeFileSync(`${path}.counter.lock`, '1');
    utimesSync(`${path}.counter.lock`, 1, 1);
    t.ok((await fileCounter(path).next()) > 1_600_000_000_000);
  },
);

await t.test('a configuration file that cannot be read or parsed is named, with the line', async (t) => {
  const path = join(home, 'ns.yaml');
  writeFileSync(path, 'tenant: acme\ndevices:\n  a: x\n');
  t.match(await readConfig(path, {}), { source: path, directory: home, content: { tenant: 'acme' } });
  t.match(await readConfig(undefined, { NIGHTSHIFT_CONFIG: path }), { source: path });
  t.match(await readConfig(undefined, { XDG_CONFIG_HOME: join(home, 'absent') }), { content: undefined });
  writeFileSync(path, 'tenant: a\ntenant: b\n');
  await t.rejects(readConfig(path, {}), { code: 'NS_CONFIG_INVALID', message: /line 2/ });
  writeFileSync(path, 'a: [1\n');
  await t.rejects(readConfig(path, {}), { code: 'NS_CONFIG_INVALID', message: /ns\.yaml/ });
  await t.rejects(readConfig(join(home, 'none.yaml'), {}), {
    code: 'NS_CONFIG_INVALID',
    message: /cannot be read/,
  });
});

await t.test('aliases that swell are stopped', async (t) => {
  const path = join(home, 'bomb.yaml');
  const levels = Array.from(
    { length: 9 },
    (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`,
  );
  writeFileSync(path, `l0: &l0 [x, x]\n${levels.join('\n')}\n`);
  await t.rejects(readConfig(path, {}), { code: 'NS_CONFIG_INVALID' });
});
