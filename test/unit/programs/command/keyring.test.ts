import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { judgeKeyring, openKeyring, type RootSet } from '../../../../src/security/index.ts';
import { buildCli, type CliResult, runCli } from '../../../kit/cli.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-keyring-'));
t.teardown(() => rmSync(home, { recursive: true, force: true }));
const cli = await buildCli(home);
const run = (...args: readonly string[]): Promise<CliResult> => runCli(cli, args, { cwd: home });
const keyring = (...args: readonly string[]) => run('keyring', ...args);
writeFileSync(join(home, 'nightshift.yaml'), 'tenant: acme\n');
for (const name of ['ann', 'ben', 'cy', 'cy2', 'dee']) {
  const person = name === 'cy2' ? ['--person', 'cy'] : [];
  await run('keys', 'new', '--role', 'root', '--name', name, ...person);
}
for (const name of ['olga', 'omar']) await run('keys', 'new', '--role', 'operator', '--name', name);

const bytesOf = (file: string) => new Uint8Array(readFileSync(join(home, file)));
const documentOf = (file: string) => {
  const opened = openKeyring(bytesOf(file));
  if (!opened.ok) throw new Error(opened.refusal.sentence);
  return opened.value;
};

await t.test('a keyring is begun, filled, and signed by two people one after the other', async (t) => {
  const made = await keyring(
    'new',
    'k.cose',
    '--root',
    'ann.key.pub',
    'ben.key.pub',
    'cy.key.pub',
    'cy2.key.pub',
  );
  t.equal(made.code, 0, made.stderr);
  t.match(made.stdout, /keyring of the tenant "acme", version 1\n/);
  t.match(made.stdout, /changed by: 2 different people of these roots\n/);
  t.match(made.stdout, /cy2 +held by cy +key [0-9a-f]{16}/);
  t.equal(
    (await keyring('new', 'k.cose', '--root', 'ann.key.pub', 'ben.key.pub')).code,
    1,
    'a file that is there stays',
  );
  t.match(await keyring('add', 'k.cose', 'olga.key.pub'), {
    code: 0,
    stdout: /\+ olga: operator, held by olga/,
  });
  const narrow = [
    '--verbs',
    'file.*',
    '--hosts',
    '@rack1',
    '--paths',
    '/var/log',
    '--states',
    'S5',
    '--until',
    '2099-01-01',
  ];
  t.match(await keyring('add', 'k.cose', 'omar.key.pub', ...narrow), {
    code: 0,
    stdout: /may: file\.\* on @rack1 under \/var\/log while the host is in S5, until 2099-01-01 00:00:00Z/,
  });
  t.match(
    await keyring(
      'add',
      'k.cose',
      'omar.key.pub',
      '--verbs',
      'machine.status',
      '--more',
      '--until',
      '2099-01-01',
    ),
    {
      code: 0,
      stdout: /S5; or machine\.status, until 2099/,
    },
  );
  const first = await keyring('sign', 'k.cose', '--with', 'ann.key', '--yes');
  t.equal(first.code, 0, first.stderr);
  t.match(first.stderr, /omar +held by omar +operator/, 'in words, before it is signed');
  t.match(first.stdout, /signed by, of its own roots: ann \(1 more person needed\)/);
  const second = await keyring('sign', 'k.cose', '--with', 'ben.key', '--yes');
  t.match(second.stdout, /signed by, of its own roots: ann, ben \(enough\)/);
  const { document } = documentOf('k.cose');
  const roots: RootSet = document.roots;
  t.ok(judgeKeyring(bytesOf('k.cose'), { tenant: 'acme', roots }).ok, 'a device takes it');
});

await t.test('a change to what is signed is the next version, shown beside the one before', async (t) => {
  copyFileSync(join(home, 'k.cose'), join(home, 'next.cose'));
  const { document: old } = documentOf('k.cose');
  const revoked = await keyring('revoke', 'next.cose', 'omar');
  t.match(revoked, { code: 0, stdout: /version 2\n/ });
  t.match(revoked.stdout, /- omar: operator.*\n.*revoked: key/);
  t.match(await keyring('role', 'next.cose', 'olga', 'technician'), { code: 0, stdout: /version 2\n/ });
  t.match(await keyring('add', 'next.cose', 'dee.key.pub', '--role', 'root'), { code: 0 });
  await keyring('sign', 'next.cose', '--with', 'dee.key', '--yes');
  const shown = await keyring('sign', 'next.cose', '--with', 'cy.key', '--after', 'k.cose', '--yes');
  t.match(shown.stdout, /changes to version 1:/);
  t.match(shown.stdout, /\+ olga: technician/);
  t.match(shown.stdout, /of its own roots: cy, dee \(enough\)/);
  t.match(shown.stdout, /of the roots before: cy \(1 more person needed\)/);
  const now = documentOf('k.cose');
  const judge = () => judgeKeyring(bytesOf('next.cose'), { tenant: 'acme', roots: old.roots, now });
  t.notOk(judge().ok);
  await keyring('sign', 'next.cose', '--with', 'cy2.key', '--yes');
  t.notOk(judge().ok, 'the other key of the same person adds nobody');
  await keyring('sign', 'next.cose', '--with', 'ann.key', '--yes');
  t.ok(judge().ok);
});

await t.test('what no device would take is not written', async (t) => {
  const before = bytesOf('k.cose');
  const refused = async (wanted: RegExp, ...args: readonly string[]) => {
    const { code, stderr } = await keyring(...args);
    t.equal(code, 2, stderr);
    t.match(stderr, wanted);
    t.same(bytesOf('k.cose'), before);
  };
  await refused(/"\.\."/, 'add', 'k.cose', 'olga.key.pub', '--paths', '/var/../etc');
  await refused(/roots\.threshold|3 people, and 4/, 'threshold', 'k.cose', '4');
  await refused(/no key named "nobody"/, 'revoke', 'k.cose', 'nobody');
  await refused(/no narrower grant/, 'add', 'k.cose', 'dee.key.pub', '--paths', '/var');
  await refused(/no narrowed grant/, 'add', 'k.cose', 'olga.key.pub', '--verbs', 'io.*', '--more');
  await refused(/must be one of/, 'role', 'k.cose', 'olga', 'root');
  await refused(/no time/, 'add', 'k.cose', 'olga.key.pub', '--until', 'soon');
  await refused(/not the public file/, 'add', 'k.cose', 'nightshift.yaml');
  await refused(/say --yes/, 'sign', 'k.cose', '--with', 'cy.key');
  writeFileSync(join(home, 'junk'), 'junk');
  t.equal((await keyring('show', 'junk')).code, 2);
  await refused(/no threshold/, 'threshold', 'k.cose', '1');
  await keyring('new', 'draft', '--root', 'ann.key.pub', 'ben.key.pub');
  t.match(await keyring('publish', 'draft', 'host1'), { code: 2, stderr: /nobody has signed/ });
});
