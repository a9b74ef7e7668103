import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { createKeyFile } from '../../../../src/adapters/operator-keys.ts';
import {
  type ConfigFile,
  describe,
  Fleet,
  NotAllSucceeded,
  type OpenOptions,
} from '../../../../src/programs/library/index.ts';
import type { Order } from '../../../../src/protocol/index.ts';
import { packUpdate } from '../../../kit/firmware-image.ts';
import { testKey } from '../../../kit/keys.ts';
import { librarySite } from '../../../kit/library-site.ts';
import { noise } from '../../../kit/noise.ts';
import { statusResult } from '../../../kit/status-result.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-library-'));
const names = Array.from({ length: 12 }, (_, n) => `rack${n + 1}`);
const site = await librarySite(home, { names, dead: ['dead1', 'dead2'] });
const open = (more: Partial<OpenOptions> = {}): Promise<Fleet> =>
  Fleet.open({ config: site.config, ...more });
const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
process.on('unhandledRejection', onUnhandled);
t.teardown(async () => {
  await site.close();
  process.off('unhandledRejection', onUnhandled);
  rmSync(home, { recursive: true, force: true });
});

/** What one device does from now on; gives back what it did. */
function behaves(name: string, answer: (typeof device)['answer']): () => void {
  const device = site.devices.get(name)!;
  const before = device.answer;
  device.answer = answer;
  return () => {
    device.answer = before;
  };
}
const device = site.devices.get('rack1')!;

await t.test('each host has an outcome of its own kind, with a receipt that can be checked', async (t) => {
  const back = [
    behaves('rack2', async () => ({
      outcome: 'failed',
      failure: { code: 'NS_DISK', sentence: 'It \u001b[2Jbroke.' },
    })),
    behaves('rack4', async () => ({ outcome: 'unknown' })),
    behaves('rack5', async () => ({ result: { nothing: 'known' } })),
    behaves('rack6', async () => ({ outcome: 'cancelled' })),
  ];
  const fleet = await open();
  const outcomes = await fleet.status('rack[1-6],dead1', { acceptMs: 1500 });
  t.same(
    outcomes.map((outcome) => [outcome.host, outcome.is, 'how' in outcome ? outcome.how : '']),
    [
      ['rack1', 'succeeded', ''],
      ['rack2', 'failed', 'failed'],
      ['rack3', 'refused', ''],
      ['rack4', 'unknown', ''],
      ['rack5', 'failed', 'here'],
      ['rack6', 'failed', 'cancelled'],
      ['dead1', 'unreachable', ''],
    ],
  );
  for (const outcome of outcomes.slice(0, 6)) {
    const receipt = 'receipt' in outcome ? outcome.receipt : undefined;
    t.equal(receipt?.verification.holds, true, outcome.host);
    t.match(receipt?.verification.signers, [{ name: 'olga', role: 'operator' }]);
    t.equal(receipt?.power, 'S5 throughout');
  }
  t.match(outcomes[0], { result: { power: { state: 'S5' } } });
  t.match(outcomes[2], { refusal: { code: 'HOST_SUSPENDED' } });
  t.notMatch(describe(outcomes[1]!).join('\n'), /[^\P{Cc}\n]/u, 'what is to be printed moves no cursor');
  const bytes = outcomes[0]?.is === 'succeeded' ? outcomes[0].receipt.bytes : new Uint8Array();
  t.equal(fleet.verify(bytes).holds, true);
  const forged = Uint8Array.from(bytes);
  forged[forged.length - 5]! ^= 1;
  t.equal(fleet.verify(forged).holds, false);
  await t.rejects(fleet.status('rack[1-2]').succeeded(), NotAllSucceeded);
  await fleet.close();
  for (const undo of back) undo();
  t.ok(readdirSync(join(home, 'receipts', 'acme', 'rack1', '00000000')).length > 0, 'receipts are kept');
});

await t.test(
  'hosts are named as for the command, and what is wrong is said before anything is sent',
  async (t) => {
    const fleet = await open();
    t.same(fleet.hosts(['rack[1-2]', 'rack12']), ['rack1', 'rack2', 'rack12']);
    t.same(fleet.hosts('rack[1-4]', { allBut: ['rack2', 'rack[3-4]'] }), ['rack1']);
    t.equal(fleet.hosts().length, 14);
    const orders = device.orders.length;
    t.throws(() => fleet.status('rak1'), { code: 'NS_HOSTS_INVALID', message: /"rack1"/ });
    t.throws(() => fleet.status('@racks', { allBut: '@all' }), { code: 'NS_HOSTS_INVALID' });
    t.throws(() => fleet.ls('rack1', 'etc'), { code: 'NS_USAGE' });
    t.throws(() => fleet.status('rack1', { atOnce: 0 }), { code: 'NS_USAGE' });
    t.throws(() => fleet.status('rack1', { timeoutMs: Number.NaN }), { code: 'NS_USAGE' });
    t.throws(() => fleet.rm('rack1', '/x', { stage: 'soon' }), { code: 'NS_USAGE' });
    await t.rejects(fleet.status('rack[1-2]').only(), { code: 'NS_USAGE' });
    t.match(await fleet.rm('rack1', '/srv', { recursive: true }), [
      { is: 'failed', how: 'not-sent', code: 'NS_USAGE' },
    ]);
    const alone = { twoPeople: { cosigner: join(home, 'otto.key') } };
    t.match(await fleet.rm('rack1', '/srv', { recursive: true, ...alone }), [
      { how: 'not-sent', code: 'NS_NEEDS_TOKEN' },
    ]);
    t.match(await fleet.put('rack1', '/x', join(home, 'none')), [{ how: 'not-sent', code: 'NS_LOCAL_FILE' }]);
    t.equal(device.orders.length, orders + 1, 'but for the status of rack1');
    await fleet.close();
  },
);

await t.test('a window slides over the hosts, one for all that a fleet does', async (t) => {
  let active = 0;
  let most = 0;
  let four = (): void => undefined;
  const full = new Promise<void>((resolve) => {
    four = resolve;
  });
  const undo = names.map((name) =>
    behaves(name, async () => {
      active += 1;
      most = Math.max(most, active);
      // Nobody leaves before the window was full once.
      if (active === 4) four();
      await full;
      await new Promise((done) => setTimeout(done, 5));
      active -= 1;
      return { result: statusResult() };
    }),
  );
  const fleet = await open({ atOnce: 4 });
  const first = fleet.status('@racks');
  const second = fleet.status('@racks', { atOnce: 2 });
  t.match(first.counts, { waiting: 12, working: 0 });
  const came: string[] = [];
  for await (const { host } of first) came.push(host);
  t.same(came.toSorted(), names.toSorted(), 'each once, as it came');
  t.same(
    (await second).map(({ host }) => host),
    names,
    'in the order of the hosts',
  );
  t.match(first.counts, { waiting: 0, working: 0, ended: { succeeded: 12 } });
  t.equal(most, 4);
  await fleet.close();
  for (const back of undo) back();
});

await t.test(
  'a run that is given up rejects with the reason, keeps what it has, and harms no other',
  async (t) => {
    const undo = behaves('rack2', () => new Promise(() => undefined));
    const fleet = await open();
    const stop = new AbortController();
    const run = fleet.status('rack[1-2]', { signal: stop.signal });
    const reason = new Error('enough');
    const came: string[] = [];
    await t.rejects(async () => {
      for await (const { host } of run) {
        came.push(host);
        stop.abort(reason);
      }
    }, reason);
    t.same(came, ['rack1']);
    t.match(run.ended, [{ host: 'rack1', is: 'succeeded' }]);
    await t.rejects(Promise.resolve(run), reason);
    t.match(await fleet.status('rack1'), [{ is: 'succeeded' }]);
    await t.rejects(Promise.resolve(fleet.status('rack1', { signal: AbortSignal.abort(reason) })), reason);
    fleet.status('rack2', { signal: AbortSignal.timeout(5) });
    fleet.status('rack2');
    const closed = fleet.status('rack2');
    await fleet.close();
    await t.rejects(Promise.resolve(closed), { code: 'NS_FLEET_CLOSED' });
    await t.rejects(Promise.resolve(fleet.status('rack1')), { code: 'NS_FLEET_CLOSED' });
    await fleet.close();
    undo();
    await new Promise((done) => setTimeout(done, 20));
    t.same(unhandled, [], 'no rejection that nobody heard');
  },
);

await t.test('progress comes as it is, and a reader that never reads costs a bounded room', async (t) => {
  const undo = behaves('rack1', async ({ id }, { say }) => {
    for (let seq = 0; seq < 1300; seq += 1)
      await say({ event: 'progress', id, seq, stage: 'checking', done: seq + 1, total: 1300, unit: 'bytes' });
    return { result: { wrong: true } };
  });
  const fleet = await open();
  const run = fleet.memcheck('rack1', { medium: 'dram' });
  const late = run.progress();
  await run;
  let kept = 0;
  let last: unknown;
  for await (const note of late) {
    kept += 1;
    last = note.is;
  }
  t.ok(kept > 1 && kept <= 1024, `${kept} notes`);
  t.equal(last, 'ended');
  await fleet.close();
  undo();
});

await t.test('files come whole or not at all, also in pieces', async (t) => {
  const fleet = await open();
  const to = join(home, 'fetched');
  t.match(await fleet.get('rack[1-2]', '/etc/motd', { to }), [{ is: 'succeeded' }, { is: 'succeeded' }]);
  t.equal(readFileSync(join(to, 'rack2', 'motd'), 'utf8'), 'Hello from rack2.');
  t.match(await fleet.get('rack[1-2]', '/etc/motd', { to }), [
    { code: 'NS_LOCAL_FILE' },
    { how: 'not-sent' },
  ]);
  const pieces: Uint8Array[] = [];
  for await (const piece of fleet.read('rack1', '/etc/motd')) pieces.push(piece);
  t.equal(Buffer.concat(pieces).toString(), 'Hello from rack1.');
  const rooms = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('nightshift-read-'));
  const before = rooms().length;
  const lie = device.answer;
  const undo = behaves('rack1', async (order, tools) => {
    const answer = await lie(order, tools);
    return answer === 'silence'
      ? answer
      : { result: { ...(answer.result as object), sha256: new Uint8Array(32) } };
  });
  await t.rejects(async () => {
    for await (const _piece of fleet.read('rack1', '/etc/motd'))
      t.fail('nothing comes of what is not as it was signed');
  }, NotAllSucceeded);
  t.match(await fleet.get('rack1', '/etc/motd', { to: join(home, 'lie') }), [
    { is: 'failed', how: 'here', code: 'NS_GET_CORRUPT', receipt: { device: 'rack1' } },
  ]);
  undo();
  t.notOk(existsSync(join(home, 'lie')));
  t.ok(rooms().length <= before, 'nothing is left behind');
  const source = join(home, 'source');
  writeFileSync(source, 'from a file');
  t.match(await fleet.put('rack[1-2]', '/srv/x', source, { mode: 0o600 }), [
    { is: 'succeeded' },
    { is: 'succeeded' },
  ]);
  t.match(device.orders.at(-1)?.args, { path: '/srv/x', size: 11, mode: 0o600 });
  t.match(await fleet.put('rack1', '/srv/x', new Uint8Array(200_000)), [{ is: 'succeeded' }]);
  await fleet.close();
});

await t.test(
  'two people: nobody signs twice or for a stranger, and both names are in the receipt',
  async (t) => {
    const sam = await open({ key: join(home, 'sam.key') });
    const tess = await open({ key: join(home, 'tess.key') });
    const draft = await sam.sign('rack[1-2]', 'machine.enable', { reason: 'found' });
    t.match(draft.orders, [{ host: 'rack1', people: 1, signatures: [{ name: 'sam' }] }, { host: 'rack2' }]);
    t.match(draft.lines.join('\n'), /ENABLE.*\n.*reason: "found"/);
    t.throws(() => sam.send(draft.text), { code: 'NS_ORDER_INVALID' });
    await t.rejects(sam.cosign(draft.text), { code: 'NS_ORDER_INVALID' });
    const signed = await tess.cosign(draft.text);
    t.same(
      sam.draft(signed.text).orders.map(({ people }) => people),
      [2, 2],
    );
    for (const outcome of await sam.send(signed.text).succeeded())
      t.same(
        outcome.receipt.verification.signers.map(({ name }) => name),
        ['sam', 'tess'],
      );
    await t.rejects(sam.sign('rack1', 'machine.status', {}), { code: 'NS_USAGE' });
    await t.rejects(sam.sign('rack1', 'machine.disable', {}), { code: 'NS_NEEDS_TOKEN' });
    t.throws(() => sam.draft('no orders'), { code: 'NS_ORDER_FILE' });
    const desk = { twoPeople: { cosigner: join(home, 'tess.key') } };
    t.match(await sam.order('rack1', 'machine.enable', {}, desk), [{ is: 'succeeded' }]);
    t.match(await sam.order('rack1', 'machine.enable', {}), [{ how: 'not-sent', code: 'NS_USAGE' }]);
    await Promise.all([sam.close(), tess.close()]);
  },
);

await t.test('firmware is brought by its image, and asked for', async (t) => {
  const content = noise(70_000, 1);
  const image = await packUpdate(content, testKey(), { board: 'rainier', version: '1.3.0' }, 'root');
  const path = join(home, 'rainier-1.3.0.nsfw');
  writeFileSync(path, image.file);
  const from = { version: '1.2.0', slot: 'a' };
  const back = behaves('rack1', async ({ args }) => ({
    result: { version: '1.3.0', slot: 'b', state: 'would-try', from, dryRun: 'dryRun' in args },
  }));
  const fleet = await open();
  const outcome = await fleet.update('rack1', path, { dryRun: true }).only();
  t.match(outcome, { is: 'succeeded', result: { state: 'would-try', dryRun: true } });
  t.match(device.orders.at(-1), {
    verb: 'agent.update',
    args: { manifest: image.signed, size: 70_000, sha256: image.sha256, dryRun: true },
  });
  writeFileSync(path, image.file.subarray(0, 9000));
  t.match(await fleet.update('rack1', path).only(), {
    is: 'failed',
    how: 'not-sent',
    code: 'NS_FIRMWARE_FILE',
  });
  back();
  await fleet.close();
});

await t.test('what opens a fleet, and what does not', async (t) => {
  const config = parse(readFileSync(site.config, 'utf8')) as ConfigFile;
  const fleet = await Fleet.open({ config, directory: home, signing: false, keepReceipts: false });
  t.equal(fleet.tenant, 'acme');
  t.match(await fleet.status('rack1'), [{ how: 'not-sent', code: 'NS_ORDER_INVALID' }]);
  await fleet.close();
  const nowhere = { ...config, receipts: 'olga.key/receipts' };
  await t.rejects(Fleet.open({ config: nowhere, directory: home }), { code: 'NS_RECEIPTS' });
  const loose = await Fleet.open({ config: nowhere, directory: home, keepReceipts: false });
  t.match(await loose.status('rack1'), [{ is: 'succeeded', receipt: { verification: { holds: true } } }]);
  await loose.close();
  await createKeyFile(join(home, 'locked.key'), 'correct horse');
  const key = join(home, 'locked.key');
  await t.rejects(open({ key }), { code: 'NS_KEY_FILE', message: /no passphrase was given/ });
  await t.rejects(open({ key, passphrase: 'wrong' }), { code: 'NS_KEY_FILE' });
  const asked: string[] = [];
  const passphrase = async (file: string): Promise<string> => {
    asked.push(file);
    return 'correct horse';
  };
  await (await open({ key, passphrase })).close();
  t.same(asked, [key]);
  await t.rejects(Fleet.open({ config: join(home, 'none.yaml') }), { code: 'NS_CONFIG_INVALID' });
  await t.rejects(open({ atOnce: 5000 }), { code: 'NS_USAGE' });
  await t.rejects(open({ signal: AbortSignal.abort(new Error('not now')) }), /not now/);
  const warned: string[] = [];
  const away = { ...config, broker: 'mqtt://127.0.0.1:1' };
  const late = Fleet.open({
    config: away,
    directory: home,
    signal: AbortSignal.timeout(300),
    onWarning: (sentence) => void warned.push(sentence),
  });
  await t.rejects(late, { name: 'TimeoutError' });
});

await t.test(
  'a broker that goes away is no crash: hosts are unreachable, and the fleet closes',
  async (t) => {
    const fleets = await Promise.all([open(), open({ key: join(home, 'otto.key') })]);
    const orders: Order[] = [];
    const undo = behaves('rack1', async (order) => {
      orders.push(order);
      return 'silence';
    });
    const runs = fleets.map((fleet) => fleet.status('rack[1-2],dead1', { acceptMs: 800, timeoutMs: 3000 }));
    await site.loseBroker();
    for (const run of runs) {
      for (const outcome of await run) t.match(outcome.is, /^(succeeded|unreachable|unknown)$/, outcome.host);
    }
    await Promise.all(fleets.map((fleet) => fleet.close()));
    undo();
    t.same(unhandled, []);
  },
);
