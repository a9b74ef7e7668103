import t from 'tap';
import { days, minutes, seconds } from '../../../src/base/index.ts';
import { digestOf, heard, openDesk, ScriptedDoor } from '../../kit/web-desk.ts';

const ASKED = { command: 'rm', hosts: ['rack1'], values: { path: '/tmp/x' } };

async function prepared(door = new ScriptedDoor()) {
  const page = openDesk(door);
  const { status, body } = await page.post('prepare', ASKED);
  t.equal(status, 200);
  return { door, page, id: body.id as string, digest: body.digest as string, body };
}

await t.test('what was shown is signed once, however often it is confirmed', async (t) => {
  const { door, page, id, digest, body } = await prepared();
  t.match(body, { words: ['rack1: DELETE /tmp/x'], people: 1, digest: digestOf('rm rack1 /tmp/x') });
  let go = (): void => undefined;
  door.signing = new Promise((resolve) => {
    go = resolve;
  });
  const twice = [0, 0].map(() => page.post('confirm', { id, digest, typed: 'rack1' }));
  go();
  const answers = await Promise.all(twice);
  t.same(
    answers.map(({ status }) => status).sort((a, b) => a - b),
    [200, 409],
  );
  t.match(answers.find(({ status }) => status === 409)?.body, {
    code: 'NS_PREPARED_GONE',
    sentence: /confirmed before/,
  });
  t.match(await page.post('confirm', { id, digest, typed: 'rack1' }), { status: 409 });
  t.equal(door.signed, 1);
  t.equal(door.sent, 1);
});

await t.test('a word that is not typed signs nothing, and can be typed again', async (t) => {
  const { door, page, id, digest } = await prepared();
  for (const typed of ['', 'rack', 'rack2', 'RACK1']) {
    t.match(await page.post('confirm', { id, digest, typed }), {
      status: 409,
      body: { code: 'NS_NOT_SURE' },
    });
  }
  t.equal(door.signed, 0);
  t.equal((await page.post('confirm', { id, digest, typed: ' rack1 ' })).status, 200);
});

await t.test('an order that is another than was shown is not signed, nor afterwards', async (t) => {
  const { door, page, id, digest } = await prepared();
  t.match(await page.post('confirm', { id, digest: digestOf('another'), typed: 'rack1' }), {
    status: 409,
    body: { code: 'NS_PREPARED_DIFFERS' },
  });
  t.match(await page.post('confirm', { id, digest, typed: 'rack1' }), { status: 409 }, 'it is gone');
  const next = await prepared(door);
  door.content = 'rm rack1 /etc';
  t.match(
    await next.page.post('confirm', {
      ...next,
      typed: 'rack1',
      door: undefined,
      page: undefined,
      body: undefined,
    }),
    {
      status: 409,
      body: { code: 'NS_PREPARED_DIFFERS' },
    },
  );
  t.equal(door.signed, 0);
});

await t.test('it waits for minutes, and for few others', async (t) => {
  const { door, page, id, digest } = await prepared();
  await page.clock.advance(minutes(5));
  t.match(await page.post('confirm', { id, digest, typed: 'rack1' }), {
    status: 409,
    body: { code: 'NS_PREPARED_GONE', sentence: /too long/ },
  });
  const first = (await page.post('prepare', ASKED)).body;
  for (let n = 0; n < 16; n += 1) await page.post('prepare', ASKED);
  t.match(await page.post('confirm', { id: first.id, digest, typed: 'rack1' }), { status: 409 });
  t.equal(door.signed, 0);
});

await t.test('a page left open for a week, or of another session, signs nothing', async (t) => {
  const { door, page, id, digest } = await prepared();
  const confirm = { id, digest, typed: 'rack1' };
  const other = openDesk(door);
  t.match(await other.post('confirm', confirm), { status: 409, body: { code: 'NS_PREPARED_GONE' } });
  const { cookie } = { cookie: other.session.base };
  t.equal((await page.post('confirm', confirm, { cookie })).status, 401);
  await page.clock.advance(days(7));
  for (const place of [
    'prepare',
    'confirm',
    'drafts/import',
    'drafts/cosign',
    'drafts/send',
    'receipts/check',
  ]) {
    t.equal((await page.post(place, confirm)).status, 401, place);
  }
  t.equal((await page.get('desk')).status, 401);
  t.equal(door.signed, 0);
});

await t.test('what another page has the browser send signs nothing', async (t) => {
  const { door, page, id, digest } = await prepared();
  const confirm = { id, digest, typed: 'rack1' };
  const wrong = [
    { origin: 'http://evil.example' },
    { origin: undefined },
    { origin: 'null' },
    { origin: 'http://127.0.0.1:4001' },
    { host: 'evil.example:4000' },
    { contentType: 'text/plain' },
    { contentType: 'application/x-www-form-urlencoded' },
    { fetchSite: 'cross-site' },
    { fetchSite: 'same-site' },
  ];
  for (const headers of wrong) {
    for (const place of ['confirm', 'drafts/cosign', 'drafts/send', 'prepare']) {
      t.equal((await page.post(place, confirm, headers)).status, 403, `${place} ${JSON.stringify(headers)}`);
    }
  }
  t.equal((await page.get('confirm', confirm)).status, 404, 'nor by a link');
  t.equal(door.signed, 0);
  const { headers } = await page.get('desk');
  t.match(headers, {
    'content-security-policy': /frame-ancestors 'none'/,
    'x-frame-options': 'DENY',
    'cross-origin-opener-policy': 'same-origin',
    'cache-control': 'no-store',
  });
});

await t.test('a request that is no request of the page is not understood', async (t) => {
  const { door, page } = await prepared();
  const bad: readonly [string, unknown][] = [
    ['prepare', { ...ASKED, hosts: [] }],
    ['prepare', { ...ASKED, more: 1 }],
    ['prepare', { ...ASKED, values: { path: { a: 1 } } }],
    [
      'prepare',
      { ...ASKED, values: Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`f${n}`, 'x'])) },
    ],
    ['prepare', null],
    ['confirm', { id: 1, digest: '', typed: '' }],
    ['confirm', []],
    ['drafts/import', { text: 'x'.repeat(300_000) }],
    ['drafts/cosign', { draft: 'x' }],
  ];
  for (const [place, body] of bad) t.match(await page.post(place, body), { status: 400 }, place);
  for (const place of ['__proto__', 'constructor', 'drafts', 'toString']) {
    t.equal((await page.post(place, {})).status, 404, place);
  }
  t.equal(door.signed, 0);
});

await t.test('an order is followed to its end by whoever opens it, at any time', async (t) => {
  const { door, page, id, digest } = await prepared();
  const { run } = (await page.post('confirm', { id, digest, typed: 'rack1' })).body;
  const early = heard(await page.get('run', { run }));
  for (let n = 0; n < 1000; n += 1) door.watch?.progress('rack1', `reading: ${n} %`);
  door.watch?.progress('rack9', 'a host that was not asked');
  await page.clock.advance(seconds(1));
  t.same(
    early.filter(({ event }) => event === 'progress').map(({ data }) => data),
    [{ host: 'rack1', text: 'reading: 999 %' }],
    'what is newest, not all',
  );
  const end = { host: 'rack1', is: 'succeeded' as const, lines: ['succeeded'] };
  const receipt = { file: 'rack1-7.receipt', verdict: 'holds' as const, lines: [] };
  door.watch?.ended({ ...end, receipt }, new Uint8Array([1, 2, 3]));
  door.watch?.ended({ ...end, is: 'failed' }, undefined);
  door.finish();
  await page.clock.advance(seconds(1));
  t.match(early.slice(-2), [{ event: 'ended', data: { is: 'succeeded' } }, { event: 'over' }]);
  const late = heard(await page.get('run', { run }));
  t.same(
    late.map(({ event }) => event),
    ['run', 'ended', 'over'],
  );
  const saved = await page.get('receipt', { run, host: 'rack1' });
  t.match(saved.headers, { 'content-disposition': 'attachment; filename="rack1-7.receipt"' });
  t.match(saved.body, { content: new Uint8Array([1, 2, 3]) });
  t.equal((await page.get('receipt', { run, host: 'rack2' })).status, 404);
  t.equal((await page.get('run', { run: 'another' })).status, 404);
});

await t.test('so many orders are on their way at once; one more is not signed', async (t) => {
  const door = new ScriptedDoor();
  const page = openDesk(door);
  const confirm = async () => {
    const { id, digest } = (await page.post('prepare', ASKED)).body;
    return page.post('confirm', { id, digest, typed: 'rack1' });
  };
  for (let n = 0; n < 16; n += 1) t.equal((await confirm()).status, 200);
  t.match(await confirm(), { status: 409, body: { code: 'NS_RUNS_FULL' } });
  t.equal(door.signed, 16);
  door.finish();
  await page.clock.advance(seconds(1));
  t.equal((await confirm()).status, 200);
  const { body } = await page.get('desk');
  const { runs } = JSON.parse(body.is === 'whole' ? String(body.content) : '') as { runs: unknown[] };
  t.equal(runs.length, 16, 'of those that have ended the oldest is forgotten');
});

await t.test('a draft is signed once, then sent, and not while it is being sent', async (t) => {
  const door = new ScriptedDoor();
  const page = openDesk(door);
  const draft = (await page.post('drafts/import', { text: 'one' })).body;
  t.match(draft, { next: 'cosign', digest: digestOf(door.content) });
  const body = { draft: draft.id, digest: draft.digest, typed: 'rack1' };
  t.match(await page.post('drafts/send', body), { status: 409, body: { code: 'NS_DRAFT_NOT_NOW' } });
  t.match(await page.post('drafts/cosign', { ...body, typed: 'yes' }), {
    status: 409,
    body: { code: 'NS_NOT_SURE' },
  });
  t.match(await page.post('drafts/cosign', { ...body, digest: digestOf('x') }), {
    status: 409,
    body: { code: 'NS_DRAFT_DIFFERS' },
  });
  const signed = await Promise.all([page.post('drafts/cosign', body), page.post('drafts/cosign', body)]);
  t.same(
    signed.map(({ status }) => status).sort((a, b) => a - b),
    [200, 409],
  );
  t.equal(door.cosigned, 1);
  const sent = await Promise.all([page.post('drafts/send', body), page.post('drafts/send', body)]);
  t.same(
    sent.map(({ status }) => status).sort((a, b) => a - b),
    [200, 409],
  );
  t.equal(door.sent, 1);
  t.match(await page.post('drafts/drop', { draft: draft.id }), { status: 409 });
  door.finish();
  await page.clock.advance(seconds(1));
  t.equal((await page.post('drafts/send', body)).status, 200, 'again, once that has ended');
  t.match((await page.get('drafts/file', { draft: draft.id })).body, { content: '-----BEGIN 2' });
});

await t.test('the same draft brought again takes the place of the one with fewer signatures', async (t) => {
  const door = new ScriptedDoor();
  const page = openDesk(door);
  const one = (await page.post('drafts/import', { text: 'one' })).body;
  const both = (await page.post('drafts/import', { text: 'both' })).body;
  t.match(both, { id: one.id, next: 'send' });
  t.match((await page.post('drafts/import', { text: 'one' })).body, { id: one.id, next: 'send' });
  for (let n = 0; n < 31; n += 1) {
    door.content = `order ${n}`;
    await page.post('drafts/import', { text: 'one' });
  }
  door.content = 'one too many';
  t.match(await page.post('drafts/import', { text: 'one' }), {
    status: 409,
    body: { code: 'NS_DRAFTS_FULL' },
  });
  const alone = (await page.post('prepare', ASKED)).body;
  const confirmed = await page.post('confirm', { id: alone.id, digest: alone.digest, typed: 'rack1' });
  t.equal(confirmed.status, 200, 'an order of one person takes no room of theirs');
  door.people = 2;
  const { id, digest } = (await page.post('prepare', ASKED)).body;
  t.match(await page.post('confirm', { id, digest, typed: 'rack1' }), {
    status: 409,
    body: { code: 'NS_DRAFTS_FULL' },
  });
  t.equal(door.signed, 1, 'no signature is given that there is no room for');
  await page.post('drafts/drop', { draft: one.id });
  t.match(await page.post('confirm', { id, digest, typed: 'rack1' }), { status: 200, body: { is: 'draft' } });
});

await t.test(
  'signatures of strangers put no draft away, and one without them takes their place',
  async (t) => {
    const page = openDesk(new ScriptedDoor());
    const bring = async (text: string) => (await page.post('drafts/import', { text })).body;
    const one = await bring('one');
    t.match(await bring('one and strangers'), { id: one.id, next: 'cosign' });
    await bring('both');
    t.match(await bring('one and strangers'), { id: one.id, next: 'send' });
    t.match(await bring('both and strangers'), { id: one.id, next: 'send' });
    await page.post('drafts/drop', { draft: one.id });
    t.match(await bring('both and strangers'), { next: 'nothing' });
    t.match(await bring('both'), { next: 'send' });
  },
);

await t.test('what went wrong inside is not told outside; what a device says is text', async (t) => {
  const door = new ScriptedDoor();
  const { me, forms, mostHosts, prepare, checkKept } = door;
  const page = openDesk({
    me,
    forms,
    mostHosts,
    prepare,
    checkKept,
    openDraft: () => Promise.reject(new Error('/home/olga/secret')),
  });
  t.match(await page.post('drafts/import', { text: 'x' }), {
    status: 409,
    body: { code: 'NS_BUG', sentence: 'that could not be done' },
  });
  t.match((await page.post('receipts/check', { host: 'rack1' })).body.lines, ['rack1 \\u{1b}[2J']);
  t.match(await page.post('receipts/check', { host: 'rack2' }), { status: 409 });
});
