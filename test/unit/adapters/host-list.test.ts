import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import t from 'tap';
import { hostLists } from '../../../src/adapters/host-list.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-lists-'));
t.teardown(() => rmSync(home, { recursive: true, force: true }));
const never = new AbortController().signal;

await t.test('a list comes from a file, or once from standard input', async (t) => {
  const path = join(home, 'racks');
  writeFileSync(path, 'rack1\nrack2\n');
  const stdin = new PassThrough();
  const read = hostLists(never, 100, stdin);
  t.equal(await read(path), 'rack1\nrack2\n');
  stdin.write('web');
  stdin.end('1\n');
  t.equal(await read('-'), 'web1\n');
  await t.rejects(read('-'), { code: 'NS_HOSTS_INVALID', message: /named twice/ });
});

await t.test('what is too long, or cannot be read, is an error', async (t) => {
  const stdin = new PassThrough();
  const read = hostLists(never, 100, stdin);
  await t.rejects(read(join(home, 'none')), { code: 'NS_HOSTS_INVALID', message: /cannot be read/ });
  await t.rejects(read(home), { code: 'NS_HOSTS_INVALID', message: /cannot be read/ });
  stdin.write('x'.repeat(101));
  await t.rejects(
    read('-'),
    { code: 'NS_HOSTS_INVALID', message: /more than 100 bytes/ },
    'and it does not wait for the end',
  );
  const terminal = Object.assign(new PassThrough(), { isTTY: true });
  await t.rejects(hostLists(never, 100, terminal)('-'), { message: /this is a terminal/ });
});

await t.test('Ctrl-C ends the wait for a list that does not come', async (t) => {
  const interrupt = new AbortController();
  const waiting = hostLists(interrupt.signal, 100, new PassThrough())('-');
  interrupt.abort(new Error('interrupted'));
  await t.rejects(waiting, { message: 'interrupted' });
});
