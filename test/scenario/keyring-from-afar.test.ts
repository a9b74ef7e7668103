import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { KeyStore } from '../../src/ports/index.ts';
import type { KeyringDocument, Scope } from '../../src/security/index.ts';
import { ColdHost } from '../kit/cold-host.ts';
import { eventually } from '../kit/eventually.ts';
import { TestGovernor } from '../kit/governor.ts';
import { grant, ROOTS, rootsOf, signedPaper } from '../kit/keyring-papers.ts';
import { testKey } from '../kit/keys.ts';

const roots = rootsOf(2, ROOTS);

async function coldHost(t: Test, running = 4): Promise<ColdHost> {
  const host = await ColdHost.start({
    fill: async (tree) => {
      await mkdir(join(tree, 'etc'));
      await mkdir(join(tree, 'var/log'), { recursive: true });
      await mkdir(join(tree, 'var/logs'));
      await writeFile(join(tree, 'etc/shadow'), 'secret\n');
      await writeFile(join(tree, 'var/log/a'), 'line\n');
      await writeFile(join(tree, 'var/log/b'), 'line\n');
      await symlink('/etc', join(tree, 'var/log/etc'));
      await symlink('../../etc/shadow', join(tree, 'var/log/sly'));
    },
    limits: { running },
    agent: { keyringRoots: roots },
  });
  t.teardown(() => host.close());
  return host;
}

const everybody = (host: ColdHost): KeyringDocument['keys'] => [
  grant('olga', 'operator', host.operator),
  grant('sam', 'security', host.officer),
  grant('tess', 'security', host.officer2),
];

async function publish(
  host: ColdHost,
  version: number,
  keys: KeyringDocument['keys'],
  revoked: readonly KeyStore[] = [],
) {
  const document = await signedPaper({
    version,
    keys,
    revoked: revoked.map(({ publicKey }) => publicKey.keyId),
  });
  return host.give('keyring.update', { document }, { key: host.officer });
}

const PAYLOAD = new Uint8Array(200_000).fill(7);

/** A put that stands still at its first write until it is let go. */
function heldPut(host: ColdHost): {
  readonly put: Promise<unknown>;
  readonly writing: Promise<void>;
  readonly letGo: () => void;
} {
  let letGo: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let reached: () => void = () => {};
  const writing = new Promise<void>((resolve) => {
    reached = resolve;
  });
  host.onWrite = () => {
    reached();
    return gate;
  };
  return { put: host.put('/var/log/big', PAYLOAD), writing, letGo };
}

await t.test('a keyring comes into force by an order, at once, and outlives a restart', async (t) => {
  const host = await coldHost(t);
  const omar = testKey();
  const look = (key: KeyStore) => host.give('machine.status', {}, { key });
  t.equal((await look(omar)).code, 'KEY_UNKNOWN');
  t.equal((await host.give('keyring.read', {}, { key: host.officer })).result?.source, 'local');

  const document = await signedPaper({ keys: [...everybody(host), grant('omar', 'operator', omar)] });
  t.match(await host.give('keyring.update', { document, dryRun: true }, { key: host.officer }), {
    outcome: 'succeeded',
    result: { version: 1, changed: true, dryRun: true },
  });
  t.equal((await look(omar)).code, 'KEY_UNKNOWN', 'a dry run changes nothing');
  t.equal(
    (await host.give('keyring.update', { document })).code,
    'NOT_PERMITTED',
    'an operator carries none',
  );
  t.match(await host.give('keyring.update', { document }, { key: ROOTS.cy }), { code: 'KEY_UNKNOWN' });
  t.match(await host.give('keyring.update', { document }, { key: host.officer }), {
    outcome: 'succeeded',
    result: { version: 1, changed: true, keys: 4 },
  });
  t.equal((await look(omar)).outcome, 'succeeded');
  t.match(
    (await host.give('keyring.update', { document }, { key: ROOTS.cy })).result,
    { changed: false },
    'a root carries it too',
  );
  t.equal(
    (await host.give('machine.status', {}, { key: ROOTS.cy })).code,
    'NOT_PERMITTED',
    'and orders nothing else',
  );

  await host.restart();
  t.equal((await look(omar)).outcome, 'succeeded');
  const read = await host.give('keyring.read', {}, { key: host.officer });
  t.match(read.result, { source: 'document', version: 1, document });
  t.equal(read.result?.keys.length, 8);
  t.ok(host.lines.includes('info keyring.in-force'));
});

await t.test(
  'what is not signed by enough people, or is older, changes nothing and is written down',
  async (t) => {
    const host = await coldHost(t);
    await publish(host, 5, everybody(host));
    const give = async (document: Uint8Array) =>
      (await host.give('keyring.update', { document }, { key: host.officer })).code;
    const thief = testKey();
    const keys = [...everybody(host), grant('thief', 'security', thief)];
    t.equal(
      await give(await signedPaper({ version: 6, keys }, [host.officer, host.officer2])),
      'KEYRING_UNSIGNED',
    );
    t.equal(await give(await signedPaper({ version: 6, keys }, [ROOTS.cy, ROOTS.cy2])), 'KEYRING_UNSIGNED');
    t.equal(await give(await signedPaper({ version: 4, keys })), 'KEYRING_OLDER');
    t.equal(await give(await signedPaper({ version: 5, keys })), 'KEYRING_FORKED');
    t.equal(await give(await signedPaper({ version: 6, keys, tenant: 'other' })), 'KEYRING_INVALID');
    t.equal((await host.give('machine.status', {}, { key: thief })).code, 'KEY_UNKNOWN');
    const audit = await host.give('audit.read', {}, { key: host.officer });
    const details = audit.result?.entries.map(({ event, detail }) => `${event} ${detail}`) ?? [];
    for (const wanted of [
      /keyring\.in-force version 5 sha256/,
      /order\.refused .*KEYRING_FORKED/,
      /order\.refused .*KEYRING_OLDER/,
    ]) {
      t.ok(
        details.some((detail) => wanted.test(detail)),
        String(wanted),
      );
    }
  },
);

await t.test('a keyring that was put back or taken away is not passed over in silence', async (t) => {
  const host = await coldHost(t);
  await publish(host, 1, everybody(host));
  const copies = ['keyring-a', 'keyring-b'].map((name) => join(host.state, name));
  const older = await readFile(copies[0]!);
  await publish(host, 2, everybody(host));
  await host.stop();
  for (const copy of copies) await writeFile(copy, older);
  await host.boot();
  t.ok(host.lines.includes('error keyring.put-back'));
  await host.stop();
  host.lines.length = 0;
  for (const copy of copies) await rm(copy);
  await host.boot();
  t.ok(host.lines.includes('error keyring.put-back'));
  t.ok(host.lines.includes('info keyring.local'), 'the way back for whoever has lost all roots');
  host.lines.length = 0;
  await host.restart();
  t.notOk(host.lines.includes('error keyring.put-back'), 'said once');
  const { result } = await host.give('audit.read', {}, { key: host.officer });
  const details = result?.entries
    .filter(({ event }) => event === 'keyring.put-back')
    .map(({ detail }) => detail);
  t.same(details, ['version 1 where version 2 was in force', 'version 0 where version 1 was in force']);
});

await t.test('without roots in its configuration a device accepts no keyring', async (t) => {
  const host = await coldHost(t);
  await host.stop();
  await host.boot({ keyringRoots: undefined });
  t.equal((await publish(host, 1, everybody(host))).code, 'KEYRING_NO_ROOTS');
});

await t.test('a key that is revoked while its order waits does nothing more', async (t) => {
  for (const running of [1, 4]) {
    const host = await coldHost(t, running);
    const omar = testKey();
    await publish(host, 1, [...everybody(host), grant('omar', 'operator', omar)]);
    const { put, writing, letGo } = heldPut(host);
    await writing;
    const deleted = host.give('file.delete', { path: '/var/log/a' }, { key: omar });
    await eventually(() => host.said('accepted').length >= 3);
    t.equal((await publish(host, 2, everybody(host), [omar])).outcome, 'succeeded');
    // With one task at a time it waits for its turn; with more it waits for the disk, and waits no longer.
    if (running === 4) t.match(await deleted, { outcome: 'cancelled', code: 'KEY_UNKNOWN' });
    letGo();
    if (running === 1) t.match(await deleted, { outcome: 'refused', code: 'KEY_UNKNOWN' });
    t.match(await put, { outcome: 'succeeded' }, 'work of others goes on');
    t.equal((await host.give('file.stat', { path: '/var/log/a' })).outcome, 'succeeded', 'the file is there');
  }
});

await t.test('a wipe that waits ends with the governor who gave its token', async (t) => {
  for (const running of [1, 4]) {
    const host = await coldHost(t, running);
    const gus = new TestGovernor('acme');
    const hands = [...everybody(host), grant('otto', 'operator', host.operator2)];
    await publish(host, 1, [...hands, grant('gus', 'governor', gus.key)]);
    const { put, writing, letGo } = heldPut(host);
    await writing;
    const tokens = () => gus.token('wipe', 'host1');
    const wiped = host.give('file.delete', { path: '/var/log', recursive: true }, { tokens });
    await eventually(() => host.said('accepted').length >= 3);
    t.equal((await publish(host, 2, hands, [gus.key])).outcome, 'succeeded');
    if (running === 4) t.match(await wiped, { outcome: 'cancelled', code: 'TOKEN_INVALID' });
    letGo();
    if (running === 1) t.match(await wiped, { outcome: 'refused', code: 'TOKEN_INVALID' });
    t.match(await put, { outcome: 'succeeded' });
    t.equal((await host.give('file.stat', { path: '/var/log/a' })).outcome, 'succeeded', 'the tree is there');
  }
});

await t.test('a revocation counts before what a restart finds open', async (t) => {
  const host = await coldHost(t, 1);
  const omar = testKey();
  await publish(host, 1, [...everybody(host), grant('omar', 'operator', omar)]);
  const { put, writing, letGo } = heldPut(host);
  put.catch(() => {});
  await writing;
  host.send(await host.packet({ verb: 'file.delete', args: { path: '/var/log/a' } }, omar));
  await eventually(() => host.said('accepted').length >= 3);
  const stopped = host.stop();
  letGo();
  await stopped;
  host.onWrite = undefined;
  const file = join(host.dir, 'keyring.cose');
  await writeFile(
    file,
    await signedPaper({ version: 2, keys: everybody(host), revoked: [omar.publicKey.keyId] }),
  );
  await host.boot({ keyringFile: file });
  await eventually(() => host.said('receipt').some(({ refusal }) => refusal?.code === 'KEY_UNKNOWN'));
  t.equal((await host.give('file.stat', { path: '/var/log/a' })).outcome, 'succeeded');
  t.equal(
    (await host.give('keyring.read', {}, { key: host.officer })).result?.version,
    2,
    'taken from a file',
  );
});

await t.test(
  'a grant that is narrowed covers nothing beside it, wherever links on the disk lead',
  async (t) => {
    const host = await coldHost(t);
    const omar = testKey();
    const granted = async (version: number, scopes: Scope[], notAfter?: number) => {
      const key = {
        ...grant('omar', 'operator', omar),
        scopes,
        ...(notAfter === undefined ? {} : { notAfter }),
      };
      await publish(host, version, [...everybody(host), key]);
    };
    const stat = async (path: string) => {
      const { outcome, code } = await host.give('file.stat', { path }, { key: omar });
      return code ?? outcome;
    };
    await granted(1, [{ verbs: ['file.*'], hosts: ['@rack1'], paths: ['/var/log'], states: ['S5', 'G3'] }]);
    t.equal(await stat('/var/log/a'), 'succeeded');
    t.equal(await stat('/var/log/none'), 'NO_SUCH_FILE');
    t.equal(await stat('/var/logs'), 'OUT_OF_SCOPE');
    t.equal(await stat('/etc/shadow'), 'OUT_OF_SCOPE');
    t.equal(await stat('/var/log/sly'), 'OUT_OF_SCOPE', 'a link to a file elsewhere');
    t.equal(await stat('/var/log/etc/shadow'), 'OUT_OF_SCOPE', 'a link to a directory elsewhere');
    const list = async (path: string) => {
      const { outcome, code } = await host.give('file.list', { path }, { key: omar });
      return code ?? outcome;
    };
    t.equal(await list('/var/log/*'), 'succeeded');
    t.equal(await list('/var/log/*/shadow'), 'OUT_OF_SCOPE');
    const whole = await host.give('file.list', { path: '/var/*/a' });
    t.equal(whole.result?.entries.length, 1, 'a grant for all paths takes patterns anywhere');
    t.equal(
      (await host.give('file.delete', { path: '/var/log/etc/shadow' }, { key: omar })).code,
      'OUT_OF_SCOPE',
    );
    t.equal((await host.give('file.delete', { path: '/var/log/b' }, { key: omar })).outcome, 'succeeded');
    t.equal((await host.give('machine.status', {}, { key: omar })).code, 'OUT_OF_SCOPE');

    await granted(2, [{ states: ['S0'] }]);
    t.match(await host.give('file.stat', { path: '/var/log/a' }, { key: omar }), {
      outcome: 'refused',
      code: 'OUT_OF_SCOPE',
      sentence: /power state S5/,
    });
    await granted(3, [{ hosts: ['host2'] }]);
    t.match(await host.give('machine.status', {}, { key: omar }), {
      code: 'OUT_OF_SCOPE',
      sentence: /the device host1/,
    });
    await granted(4, [{}], 1_700_000_000);
    t.equal((await host.give('machine.status', {}, { key: omar })).code, 'KEY_EXPIRED');
  },
);
