import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createKeyFile } from '../../../../src/adapters/operator-keys.ts';
import { COMMANDS_LEFT } from '../../../../src/programs/command/web-commands.ts';
import { encode, type Order } from '../../../../src/protocol/index.ts';
import { publicKeyText } from '../../../../src/security/index.ts';
import type {
  Confirmed,
  DeskView,
  DraftView,
  Fault,
  HostEnd,
  KeptCheck,
  Prepared,
} from '../../../../src/web/index.ts';
import type { FakeDevice } from '../../../kit/fake-device.ts';
import { openPageBench } from '../../../kit/page-bench.ts';
import { PageClient } from '../../../kit/page-client.ts';
import { digestOf } from '../../../kit/web-desk.ts';

const bench = await openPageBench(['rack1', 'rack2', 'gone']);
t.teardown(() => bench.close());
const { home } = bench;
const [rack1, rack2, gone] = bench.devices as [FakeDevice, FakeDevice, FakeDevice];
gone.deafFor = Number.POSITIVE_INFINITY;
const links = await Promise.all(
  ['olga', 'sam', 'tess'].map((who) => bench.start(who, '--timeout', '60s', '--trace')),
);
const [olga, sam, tess] = (await Promise.all(links.map(({ link }) => PageClient.open(link)))) as [
  PageClient,
  PageClient,
  PageClient,
];

const volume = { name: 'disk0p1', type: 'ext4', label: '', uuid: '', stale: false, notes: [] };
const removed = (hash: Uint8Array, dryRun: boolean) => ({
  volume,
  removed: 1,
  dryRun,
  effect: { hash, blocks: 1, bytes: 4096, changes: [{ change: 'remove', path: '/tmp/x' }] },
});
const dry = ({ args }: Order): boolean => 'dryRun' in args && args.dryRun === true;

type Answer<T> = T & Partial<Fault> & { readonly status?: number };
const prepare = (page: PageClient, body: object) => page.post<Answer<Prepared>>('prepare', body);
const RM = { command: 'rm', hosts: ['rack1'], values: { path: '/tmp/x' } };

async function confirm(page: PageClient, { id, digest, sure }: Prepared): Promise<Answer<Confirmed>> {
  return page.post('confirm', { id, digest, typed: sure.is === 'type' ? sure.word : '' });
}

async function endsOf(page: PageClient, answer: Confirmed): Promise<readonly HostEnd[]> {
  if (answer.is !== 'sent') throw new Error(`not sent: ${JSON.stringify(answer)}`);
  const events = await page.follow(answer.run);
  return events.filter(({ event }) => event === 'ended').map(({ data }) => data as HostEnd);
}

/** What the page's digest is over, from the orders as the devices got them. */
function digestAt(orders: readonly (Order | undefined)[]): string {
  const signed = orders.map((order) =>
    Object.fromEntries(Object.entries(order!).filter(([name]) => name !== 'ctr')),
  );
  return digestOf(encode({ tenant: 'acme', orders: signed }).slice());
}

await t.test('the orders of the page are the commands, word for word', async (t) => {
  const { forms, me } = (await (await olga.get('desk')).json()) as DeskView;
  t.match(me, { name: 'olga', role: 'operator' });
  const rm = forms.find(({ command }) => command === 'rm');
  t.match(rm?.fields[0], { name: 'path', required: true });
  t.same(
    rm?.fields.slice(1).map(({ name }) => name),
    ['--recursive', '--literal', '--replay', '--stage', '--until'],
  );
  t.match(forms.find(({ command }) => command === 'memcheck')?.fields[0], {
    name: '--medium',
    kind: 'choice',
    choices: ['dram', 'spd', 'storage'],
    required: true,
  });
  const help = await bench.run('rm', '--help');
  for (const { name, says } of rm?.fields.slice(1) ?? []) {
    t.match(help.stdout.replace(/\s+/g, ' '), `${name}`);
    t.match(help.stdout.replace(/\s+/g, ' '), says);
  }
});

await t.test(
  'each command that takes hosts is an order of the page, or is left out for a reason',
  async (t) => {
    const { forms } = (await (await olga.get('desk')).json()) as DeskView;
    const { stdout } = await bench.run('man');
    const commands = [...stdout.matchAll(/^\.SS "([^"]*<hosts[^"]*)"$/gm)].map(([, line = '']) =>
      line.replaceAll('\\', '').replace(/ [<[].*$/, ''),
    );
    t.ok(commands.length > 15 && commands.includes('chain sync'));
    const known = new Set([...forms.map(({ command }) => command), ...Object.keys(COMMANDS_LEFT)]);
    t.same(
      commands.filter((name) => !known.has(name)),
      [],
    );
    t.same(
      Object.keys(COMMANDS_LEFT).filter((name) => !commands.includes(name)),
      [],
      'and none is made up',
    );
  },
);

await t.test('what is wrong is said in the words of the command, and nothing is sent', async (t) => {
  const wrong: readonly [object, RegExp][] = [
    [{ command: 'rm', hosts: ['rack1'], values: {} }, /missing required argument 'path'/],
    [
      { command: 'memcheck', hosts: ['rack1'], values: { '--medium': 'tape' } },
      /Allowed choices are dram, spd, storage/,
    ],
    [{ command: 'rm', hosts: ['rack1'], values: { path: 'tmp' } }, /no path on a host/],
    [{ command: 'rm', hosts: ['rack1'], values: { path: '/x', '--approve': '00' } }, /no field "--approve"/],
    [{ command: 'rm', hosts: ['rack1'], values: { path: ['/x', '/y'] } }, /once only/],
    [{ command: 'rm', hosts: ['rack9'], values: { path: '/x' } }, /not shown here/],
    [{ command: 'put', hosts: ['rack1'], values: {} }, /no order of this page/],
    [
      { command: 'find', hosts: ['rack1'], values: { path: '/', '--contains': 'file:/etc/shadow' } },
      /reads no files/,
    ],
    [{ command: 'rm', hosts: ['rack1'], values: { path: '/etc', '--recursive': true } }, /token/],
  ];
  for (const [body, why] of wrong) {
    t.match(await prepare(olga, body), { status: 409, sentence: why }, JSON.stringify(body));
  }
  t.equal(rack1.orders.length, 0);
});

await t.test('what a device is given is what was shown, to the byte', async (t) => {
  const hash = new Uint8Array(32).fill(7);
  rack1.answer = async (order) => ({ result: removed(hash, dry(order)) });
  const shown = await prepare(olga, RM);
  t.match(shown, {
    people: 1,
    hosts: ['rack1'],
    commandLine: `nightshift rm rack1 /tmp/x --approve ${'07'.repeat(32)}`,
    sure: { is: 'type', word: 'rack1' },
    tried: [{ host: 'rack1', taken: true, lines: [/would/] }],
  });
  t.match(
    shown.words.join('\n'),
    /rack1: DELETE \/tmp\/x[\s\S]*path: "\/tmp\/x"[\s\S]*only if its effect is 0707/,
  );
  t.match(rack1.orders, [{ verb: 'file.delete', args: { dryRun: true } }], 'it was tried, and no more');
  t.match(await olga.post('confirm', { id: shown.id, digest: shown.digest, typed: 'rack2' }), {
    code: 'NS_NOT_SURE',
  });
  const answers = await Promise.all([confirm(olga, shown), confirm(olga, shown)]);
  const [end] = await endsOf(olga, answers.find(({ status }) => status === undefined)!);
  t.equal(rack1.orders.length, 2, 'a double click is one order');
  const order = rack1.orders[1];
  t.match(order, { verb: 'file.delete', args: { path: '/tmp/x' }, effect: hash, exp: shown.validUntil });
  t.equal(digestAt([order]), shown.digest);
  t.match(order?.trace, /^00-[0-9a-f]{32}-/, 'with the trace that was turned on');
  t.match(end, {
    host: 'rack1',
    is: 'succeeded',
    receipt: { verdict: 'holds', lines: [/receipt$/, /the device's signature holds/, /asked by olga/] },
  });
});

await t.test('receipts of what was confirmed are kept, and saved as files that "verify" takes', async (t) => {
  await olga.post('ask', { host: 'rack1', question: 'status' });
  const folder = join(home, 'receipts-olga', 'acme', 'rack1');
  const files = readdirSync(folder, { recursive: true }).filter((name) => String(name).endsWith('.receipt'));
  t.equal(files.length, 1, 'not those of what the page asks by itself, nor of what was tried');
  const { runs } = (await (await olga.get('desk')).json()) as DeskView;
  const saved = await olga.get(`receipt?run=${runs.at(-1)?.run}&host=rack1`);
  t.match(saved.headers.get('content-disposition'), /^attachment; filename="rack1-\d+\.receipt"$/);
  writeFileSync(join(home, 'saved.receipt'), Buffer.from(await saved.arrayBuffer()));
  const verified = await bench.run('--config', 'olga.yaml', 'verify', 'saved.receipt');
  t.match(verified, { code: 0, stdout: /1 file checked: all holds/ });
  t.match(await olga.post<KeptCheck>('receipts/check', { host: 'rack1' }), {
    holds: true,
    lines: [/1 kept here/],
  });
});

await t.test('refused, failed and unreachable are told apart, with code, sentence and remedy', async (t) => {
  rack1.answer = async () => ({
    outcome: 'refused',
    refusal: { code: 'HOST_ON', sentence: 'It is on.\u001b[2J', remedy: 'Shut it down.' },
  });
  rack2.answer = async () => ({
    outcome: 'failed',
    failure: { code: 'NS_DISK', sentence: 'The disk is bad.', remedy: 'Change it.' },
  });
  const shown = await prepare(olga, {
    command: 'stat',
    hosts: ['rack1', 'rack2'],
    values: { path: '/x' },
  });
  t.match(shown, { sure: { is: 'press' }, tried: [] });
  const ends = new Map((await endsOf(olga, await confirm(olga, shown))).map((end) => [end.host, end]));
  t.match(ends.get('rack1'), {
    is: 'refused',
    code: 'HOST_ON',
    sentence: 'It is on.\\u{1b}[2J',
    remedy: 'Shut it down.',
    receipt: { verdict: 'holds' },
  });
  t.match(ends.get('rack2'), { is: 'failed', code: 'NS_DISK', remedy: 'Change it.' });
  const { link } = await bench.start('olga', '--timeout', '1s');
  const hasty = await PageClient.open(link);
  const away = await prepare(hasty, { command: 'stat', hosts: ['gone'], values: { path: '/x' } });
  const [end] = await endsOf(hasty, await confirm(hasty, away));
  t.match(end, { is: 'unreachable', sentence: /^unreachable: / });
  t.equal(end?.receipt, undefined);
});

await t.test('what a device tells of its progress is shown while it works', async (t) => {
  let seen = (): void => undefined;
  const shown = new Promise<void>((resolve) => {
    seen = resolve;
  });
  rack1.answer = async ({ id }, { say }) => {
    for (let seq = 0; seq < 300; seq += 1) {
      await say({ event: 'progress', id, seq, stage: 'march c-', done: seq, total: 600, unit: 'bytes' });
    }
    await shown;
    return { outcome: 'cancelled' };
  };
  const check = { command: 'memcheck', hosts: ['rack1'], values: { '--medium': 'dram' } };
  const answer = await confirm(olga, await prepare(olga, check));
  if (answer.is !== 'sent') throw new Error('not sent');
  const events = await olga.follow(answer.run, (text) => {
    if (text.includes('march c-: 49 %, 299 B of 600 B')) seen();
  });
  t.ok(events.filter(({ event }) => event === 'progress').length < 100, 'what is newest, not all');
  t.match(events.at(-2), { event: 'ended', data: { host: 'rack1', is: 'cancelled' } });
});

await t.test('what no host would do is not signed; who would not is left out', async (t) => {
  const refusal = { code: 'HOST_ON', sentence: 'It is on.', remedy: 'Shut it down.' };
  rack1.answer = async () => ({ outcome: 'refused', refusal });
  t.match(await prepare(olga, RM), {
    status: 409,
    code: 'NS_NOT_TAKEN',
    sentence: /rack1: refused HOST_ON: It is on/,
  });
  rack2.answer = async (order) => ({ result: removed(new Uint8Array(32).fill(2), dry(order)) });
  const shown = await prepare(olga, { ...RM, hosts: ['rack1', 'rack2'] });
  t.match(shown, { hosts: ['rack2'], sure: { word: 'rack2' }, tried: [{ taken: false }, { taken: true }] });
  const staged = await prepare(olga, { ...RM, values: { path: '/tmp/x', '--stage': true } });
  t.match(staged, { hosts: ['rack1'], commandLine: 'nightshift rm rack1 /tmp/x --stage' });
  t.match(staged.words.join('\n'), /stage: \{\}[\s\S]*rack1: would wait/);
});

await t.test('two people, two pages: one signs, the other reads the packet, signs and sends', async (t) => {
  const lock = { state: 'disabled', version: 1, inForce: ['power-button-masked'] };
  for (const device of [rack1, rack2]) device.answer = async () => ({ result: { lock, changed: true } });
  const before = rack1.orders.length;
  const hosts = ['rack1', 'rack2'];
  const asked = { command: 'sign disable', hosts, values: { '--reason': 'stolen' } };
  t.match(await prepare(sam, asked), { status: 409, code: 'NS_NEEDS_TOKEN' });
  const shown = await prepare(sam, { ...asked, tokens: await bench.tokens(hosts) });
  t.match(shown, { people: 2, sure: { word: '2 hosts' }, hosts });
  t.notOk(shown.validUntil, 'it lasts');
  t.match(
    shown.words.join('\n'),
    /destructive: 2 hosts disabled[\s\S]*rack1: DISABLE[\s\S]*reason: "stolen"[\s\S]*token: lock, epoch 7, signed by gina[\s\S]*token number: 1/,
  );
  const signed = await confirm(sam, shown);
  if (signed.is !== 'draft') throw new Error('no draft');
  const { draft } = signed;
  t.match(draft, {
    next: 'nothing',
    why: /sam has signed .* already; another person signs next/,
    signers: [{ name: 'sam' }],
  });
  t.match(
    await sam.post('drafts/cosign', { draft: draft.id, digest: draft.digest, typed: '2 hosts' }),
    { status: 409, sentence: /signed .* already/ },
    'nobody approves what he signed himself',
  );
  t.equal(rack1.orders.length, before, 'nothing was sent');

  const text = await (await sam.get(`drafts/file?draft=${draft.id}`)).text();
  const brought = await tess.post<Answer<DraftView>>('drafts/import', { text: `Please sign:\n${text}` });
  t.match(brought, { next: 'cosign', digest: draft.digest, words: draft.words, sure: { word: '2 hosts' } });
  const body = { draft: brought.id, digest: brought.digest, typed: '2 hosts' };
  t.match(await tess.post('drafts/send', body), { status: 409 }, 'one signature is not enough');
  const both = await tess.post<Answer<DraftView>>('drafts/cosign', body);
  t.match(both, { next: 'send', digest: draft.digest, signers: [{ name: 'sam' }, { name: 'tess' }] });
  const sent = await tess.post<Answer<Confirmed>>('drafts/send', body);
  const ends = await endsOf(tess, sent);
  t.match(ends, [
    {
      is: 'succeeded',
      receipt: { verdict: 'holds', lines: [/./, /./, /asked by sam .* and tess .*signatures hold/] },
    },
    { is: 'succeeded' },
  ]);
  const given = [rack1.orders.at(-1), rack2.orders.at(-1)];
  t.match(given, [{ verb: 'machine.disable', args: { reason: 'stolen' } }, { verb: 'machine.disable' }]);
  t.equal(digestAt(given), shown.digest, 'what sam was shown at first');
});

await t.test(
  'a draft of a stranger, of another tenant, or damaged is not signed; a role that may not is told so',
  async (t) => {
    const mallory = {
      name: 'mallory',
      role: 'security',
      key: publicKeyText((await createKeyFile(join(home, 'm.key'), undefined)).publicKey),
    };
    const config = {
      broker: bench.broker,
      tenant: 'acme',
      key: 'm.key',
      people: [mallory],
      devices: { rack1: publicKeyText(rack1.key.publicKey) },
    };
    writeFileSync(join(home, 'm.yaml'), JSON.stringify(config));
    writeFileSync(join(home, 'other.yaml'), JSON.stringify({ ...config, tenant: 'umbrella' }));
    const sign = async (who: string): Promise<string> => {
      const file = `${who}.txt`;
      const { stderr, code } = await bench.run(
        '--config',
        `${who}.yaml`,
        'sign',
        'enable',
        'rack1',
        '-o',
        file,
      );
      t.equal(code, 0, stderr);
      return readFileSync(join(home, `${who}.txt`), 'utf8');
    };
    const strange = await sign('m');
    const draft = await tess.post<Answer<DraftView>>('drafts/import', { text: strange });
    t.match(draft, { next: 'nothing', why: /not among the "people"/, signers: [{ name: undefined }] });
    t.match(draft.words.join('\n'), /NOT KNOWN HERE/);
    t.match(await tess.post('drafts/cosign', { draft: draft.id, digest: draft.digest, typed: 'rack1' }), {
      status: 409,
    });
    t.match(await tess.post('drafts/import', { text: await sign('other') }), {
      status: 409,
      sentence: /tenant "umbrella"/,
    });
    t.match(await tess.post('drafts/import', { text: strange.replace(/[A-Za-z]\n/, '\n') }), {
      status: 409,
      sentence: /damaged/,
    });
    t.match(await tess.post('drafts/import', { text: 'hello' }), { status: 409, code: 'NS_ORDER_FILE' });
    const found = await prepare(sam, {
      command: 'sign enable',
      hosts: ['rack1'],
      values: { '--reason': 'found' },
    });
    const signed = await confirm(sam, found);
    if (signed.is !== 'draft') throw new Error('no draft');
    const text = await (await sam.get(`drafts/file?draft=${signed.draft.id}`)).text();
    t.match(await olga.post('drafts/import', { text }), {
      next: 'cosign',
      why: /WARNING: your role operator may not/,
    });
  },
);
