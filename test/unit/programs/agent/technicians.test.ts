import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import t from 'tap';
import { parse } from 'yaml';
import { openFileStateStore } from '../../../../src/adapters/file-state-store.ts';
import { milliseconds } from '../../../../src/base/index.ts';
import {
  firstLine,
  technicianAdded,
  technicianList,
  technicianRemoved,
} from '../../../../src/programs/agent/technicians.ts';
import { Keyring, type KeyringEntry, LoginDesk } from '../../../../src/security/index.ts';
import { scratch } from '../../../kit/disk-tools.ts';

const { dir, remove } = await scratch();
t.teardown(remove);
const state = join(dir, 'state');
const PASSWORD = 'correct horse battery';
const configOf = (keys: readonly KeyringEntry[]) => ({
  device: 'host1',
  tenant: 'acme',
  state,
  keyring: new Keyring(keys),
});
const config = configOf([]);

await t.test('the password is the first line of what comes, and never of a terminal', async (t) => {
  const given = (...chunks: string[]) => Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
  t.equal(await firstLine(given(PASSWORD.slice(0, 4), `${PASSWORD.slice(4)}\r\nmore\n`)), PASSWORD);
  t.equal(await firstLine(given('no end of line')), 'no end of line');
  t.equal(await firstLine(given()), '');
  const endless = (async function* () {
    for (;;) yield Buffer.from('x');
  })();
  t.equal((await firstLine(endless)).length, 4097, 'what never ends is not waited for');
  const terminal = Object.assign(given('secret\n'), { isTTY: true });
  await t.rejects(firstLine(terminal), { code: 'NS_TECHNICIAN', message: /by a pipe/ });
});

await t.test('somebody is added beside a running agent, and is in with that password', async (t) => {
  const store = await openFileStateStore(state);
  t.equal(await technicianList(config), 'host1 has no technicians\n');
  const said = await technicianAdded(config, 'tim', PASSWORD);
  t.notMatch(said, PASSWORD);
  t.match(said, /keyring add KEYRING tim@host1\.pub --hosts host1/);
  const logins = new LoginDesk({
    store,
    clock: { monotonic: () => milliseconds(0) },
    lastCounter: () => 0,
    audit: async () => undefined,
  });
  t.match(await logins.logIn('tim', PASSWORD), { is: 'in' });
  await t.rejects(technicianAdded(config, 'tim', PASSWORD), { code: 'NS_TECHNICIAN', family: 'caller' });
  t.same(
    (await readdir(state)).filter((name) => name.startsWith('.new')),
    [],
  );
});

await t.test(
  'the lines that it prints are what a keyring takes, and the list tells who is in one',
  async (t) => {
    const said = await technicianAdded(config, 'uma', PASSWORD);
    const yaml = said.slice(said.indexOf('- name'), said.indexOf('\n\nand enrol'));
    const [entry] = parse(yaml) as KeyringEntry[];
    t.match(entry, { name: 'uma@host1', person: 'uma', role: 'technician' });
    const list = await technicianList(configOf([{ ...entry!, scopes: [{ hosts: ['host1'] }] }]));
    t.match(list, /^tim {2}key [0-9a-f]{16} {2}not in the local keyring: may log in, and order nothing$/m);
    t.match(list, /^uma {2}key [0-9a-f]{16} {2}enrolled as technician "uma@host1" in the local keyring$/m);
  },
);

await t.test('a stored keyring that is damaged is said, and not mended', async (t) => {
  for (const name of ['keyring-a', 'keyring-b']) await writeFile(join(state, name), 'rubbish');
  t.match(await technicianList(config), /not in the keyring, which is DAMAGED/);
  for (const name of ['keyring-a', 'keyring-b']) await rm(join(state, name));
});

await t.test('two that change at once are told so, and who is removed is gone', async (t) => {
  const draft = join(state, '.new.technicians');
  await mkdir(draft);
  await t.rejects(technicianRemoved(config, 'tim'), { code: 'NS_STATE_IN_USE' });
  await rm(draft, { recursive: true });
  t.match(await technicianRemoved(config, 'tim'), /keyring revoke KEYRING tim@host1/);
  await t.rejects(technicianRemoved(config, 'tim'), { code: 'NS_TECHNICIAN' });
  t.notMatch(await technicianList(config), /tim/);
});
