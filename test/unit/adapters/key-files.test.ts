import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, verify } from 'node:crypto';
import { chmod, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { createKeyFile, openKeyFile } from '../../../src/adapters/key-files.ts';
import { utf8 } from '../../../src/base/index.ts';
import { verifyingKey } from '../../../src/security/index.ts';

await t.test('a new key signs, and is the same key when opened again', async (t) => {
  const dir = t.testdir();
  for (const algorithm of ['Ed25519', 'ES256'] as const) {
    const path = join(dir, algorithm);
    const made = await createKeyFile(path, { algorithm });
    const opened = await openKeyFile(path);
    t.strictSame(opened.publicKey, made.publicKey);
    const data = utf8('an order');
    const signature = await opened.sign(data);
    t.equal(signature.byteLength, 64);
    const key = verifyingKey(made.publicKey);
    t.ok(
      algorithm === 'Ed25519'
        ? verify(null, data, key, signature)
        : verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature),
    );
    t.equal((await stat(path)).mode & 0o777, 0o600);
  }
  t.strictSame((await readdir(dir)).toSorted(), ['ES256', 'Ed25519'], 'no drafts are left');
});

await t.test('a key is never overwritten', async (t) => {
  const path = join(t.testdir(), 'key');
  await createKeyFile(path);
  const before = await readFile(path);
  await t.rejects(createKeyFile(path), { code: 'NS_KEY_FILE_EXISTS' });
  t.same(await readFile(path), before);
  const dangling = join(t.testdir({}), 'link');
  await symlink('/nonexistent/target', dangling);
  await t.rejects(createKeyFile(dangling), { code: 'NS_KEY_FILE_EXISTS' });
});

await t.test('an encrypted key opens with its passphrase only, and no error tells it', async (t) => {
  const path = join(t.testdir(), 'key');
  const passphrase = 'canary-horse-battery';
  const made = await createKeyFile(path, { passphrase });
  t.match(await readFile(path, 'utf8'), /ENCRYPTED PRIVATE KEY/);
  t.strictSame((await openKeyFile(path, { passphrase })).publicKey, made.publicKey);
  await t.rejects(openKeyFile(path), { code: 'NS_KEY_PASSPHRASE' });
  const wrong = await openKeyFile(path, { passphrase: `${passphrase}!` }).catch((error: Error) => error);
  t.match(wrong, { code: 'NS_KEY_PASSPHRASE' });
  t.notMatch(JSON.stringify(wrong, Object.getOwnPropertyNames(wrong)), /canary/);
  await t.rejects(createKeyFile(`${path}2`, { passphrase: '' }), { code: 'NS_KEY_PASSPHRASE' });
});

await t.test('a key that others may read is not used', async (t) => {
  const path = join(t.testdir(), 'key');
  await createKeyFile(path);
  for (const mode of [0o640, 0o604, 0o620, 0o610]) {
    await chmod(path, mode);
    await t.rejects(openKeyFile(path), { code: 'NS_KEY_FILE_MODE', message: /chmod 600/ });
  }
  await chmod(path, 0o400);
  await t.resolves(openKeyFile(path));
});

await t.test('what is not a key of ours is refused, and its contents are not repeated', async (t) => {
  const dir = t.testdir();
  const pem = (type: 'x25519' | 'ed448') =>
    generateKeyPairSync(type as 'x25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
  const contents = {
    empty: '',
    text: 'canary',
    damaged: '-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n',
    large: 'x'.repeat(20_000),
    x25519: pem('x25519'),
    ed448: pem('ed448'),
  };
  for (const [name, content] of Object.entries(contents)) {
    await writeFile(join(dir, name), content, { mode: 0o600 });
    const error = await openKeyFile(join(dir, name)).catch((thrown: Error) => thrown);
    t.match(error, { code: 'NS_KEY_INVALID' }, name);
    t.notMatch(error, { message: /canary/ });
  }
  await t.rejects(openKeyFile(join(dir, 'nowhere')), { code: 'NS_KEY_FILE_MISSING' });
  await t.rejects(openKeyFile(dir), { code: /NS_KEY_(INVALID|FILE_MODE)/ });
  await t.rejects(createKeyFile(join(dir, 'no', 'key')), { code: 'NS_KEY_FILE_MISSING' });
  execFileSync('mkfifo', [join(dir, 'pipe')]);
  await t.rejects(openKeyFile(join(dir, 'pipe')), { code: 'NS_KEY_INVALID' }, 'a pipe does not hang');
});

await t.test('a key made by openssl works, and the key id is the one that openssl’s DER gives', async (t) => {
  const dir = t.testdir();
  for (const args of [['ed25519'], ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256']]) {
    const path = join(dir, args[0] as string);
    execFileSync('openssl', ['genpkey', '-algorithm', ...args, '-out', path], { stdio: 'ignore' });
    await chmod(path, 0o600);
    const der = execFileSync('openssl', ['pkey', '-in', path, '-pubout', '-outform', 'DER']);
    const { publicKey } = await openKeyFile(path);
    t.same(publicKey.keyId, new Uint8Array(createHash('sha256').update(der).digest().subarray(0, 8)));
  }
});
