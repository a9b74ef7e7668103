import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import t from 'tap';
import type { ResultOf } from '../../src/protocol/index.ts';
import { chainNoteOf } from '../kit/chain-note.ts';
import { eventually } from '../kit/eventually.ts';
import { statusResult } from '../kit/status-result.ts';
import { answeringDoor, buildPage, type ServedPage, servePage } from '../kit/web-page.ts';

const directory = await mkdtemp(join(tmpdir(), 'ns-page-'));
const files = await buildPage(directory);
const HOSTS = 10_000;
const BAIT = '<img src=x onerror="window.caught=1"><script>window.caught=1</script>{{7*7}}';

/** Every text that a host may choose is bait. */
function baited(): ResultOf<'machine.status'> {
  return {
    ...statusResult(),
    board: BAIT,
    version: '<b>1</b>',
    power: { state: 'S5', certain: false, sources: { '<i>s</i>': BAIT } },
    lock: { state: 'disabled', version: 1, inForce: [], reason: BAIT },
    disks: [{ name: '<u>disk0</u>', position: 'held', holder: BAIT, handBackMs: 1 }],
    limits: [BAIT, '\u001b]0;title\u0007 \u202egnp.exe'],
  };
}

const no = { code: BAIT, sentence: BAIT, remedy: BAIT };
const VOLUME = { disk: BAIT, name: BAIT, type: '<s>ext4</s>', label: BAIT, uuid: BAIT, start: 0, size: 4096 };
/** Forty units, of which some are in trouble, and all that a device may say of them is bait. */
const CHAIN = chainNoteOf(40, (unit, i) => ({
  ...unit,
  stateWords: BAIT,
  changed: { ...unit.changed, what: BAIT },
  dsi: { raw: 0, flags: i === 3 ? ['failed'] : ['<b>x</b>'] },
  ...(unit.drive === undefined
    ? {}
    : { drive: { ...unit.drive, model: '<b>model</b>', serial: '<u>1</u>' } }),
  ...(i > 36 ? { heard: false } : {}),
}));
const MORE = {
  'chain.status': {
    chains: [
      {
        ...CHAIN,
        disk: '<i>disk0</i>',
        stateWords: BAIT,
        trouble: [{ code: '<b>c</b>', sentence: `Unit ${CHAIN.units[5]?.unit}: ${BAIT}`, remedy: BAIT }],
        array: { kind: '<b>k</b>', state: 'copying', sentence: BAIT },
      },
    ],
  },
  'sensor.read': {
    sensors: [
      { name: BAIT.slice(0, 64), kind: 'temperature', unit: '<b>m°C</b>', value: 31_000, high: 30_000 },
      { name: 'inlet', kind: 'temperature', unit: 'm°C', value: 31_000, low: 0, high: 45_000 },
      { name: 'fan', kind: 'fan', unit: 'rpm', fault: BAIT },
    ],
    left: 0,
  },
  'volume.list': {
    power: 'S5' as const,
    disks: [{ name: BAIT, size: 4096, sectorSize: 512, scheme: 'gpt' as const, notes: [BAIT], why: no }],
    volumes: [
      {
        ...VOLUME,
        read: { may: 'no' as const, why: no },
        write: { may: 'no' as const, why: no },
        notes: [BAIT],
      },
    ],
    evidence: [{ volume: BAIT, finding: 'hibernated' as const, what: BAIT }],
  },
  'task.list': {
    tasks: [
      {
        id: new Uint8Array(16),
        verb: BAIT,
        state: 'running' as const,
        issuer: new Uint8Array(8),
        stage: BAIT,
      },
    ],
  },
  'audit.read': {
    head: new Uint8Array(32),
    entries: [{ seq: 1, at: 1_700_000_000, event: BAIT, detail: BAIT }],
    next: 2,
  },
};

const names = Array.from({ length: HOSTS }, (_, i) => ({
  name: `host${String(i).padStart(5, '0')}`,
  groups: [`rack${i % 40}`],
}));
const door = answeringDoor(names, (host) => ({
  ...MORE,
  'machine.status': host === 'host00000' ? baited() : { ...statusResult(), tasks: { running: 1, queued: 2 } },
}));
const served: ServedPage = await servePage(door, files);
const browser = await chromium
  .launch({
    executablePath: '/usr/bin/chromium-headless-shell',
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  })
  .catch(async (error: unknown) => {
    await served.close();
    await rm(directory, { recursive: true, force: true });
    throw error;
  });
t.teardown(async () => {
  await browser.close();
  await served.close();
  await rm(directory, { recursive: true, force: true });
});

const page: Page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
const strangers: string[] = [];
const complaints: string[] = [];
page.on('request', (asked) => {
  if (!asked.url().startsWith(`http://${served.authority}${served.base}`)) strangers.push(asked.url());
});
page.on('pageerror', (error) => complaints.push(error.message));
page.on('console', (message) => {
  if (message.type() === 'error') complaints.push(message.text());
});
await page.goto(served.link);
await page.getByRole('grid', { name: 'Fleet' }).waitFor();
await page.evaluate(await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
await page.evaluate(await readFile(join(import.meta.dirname, '../kit/in-page.mjs'), 'utf8'));
/** The page's policy lets no text become a script, and so none of playwright's own waiting for one. */
const until = (expression: string): Promise<void> => eventually(() => page.evaluate<boolean>(expression));
const answered = (): Promise<void> =>
  until(`document.querySelector('[aria-rowindex="2"]')?.textContent.includes('answers') === true`);

/** Calls what test/kit/in-page.mjs has, in the browser. */
function inPage<T>(name: string, ...args: readonly unknown[]): Promise<T> {
  return page.evaluate<T>(`inPage.${name}(${args.map((arg) => JSON.stringify(arg)).join(', ')})`);
}

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Milliseconds of each step. What else runs on this machine can only make them more: so the best of a few rounds counts. */
async function measured(kind: string, steps: readonly unknown[]): Promise<number[]> {
  let best = await inPage<number[]>('measured', kind, steps);
  for (let round = 1; round < 4 && middle(best) >= 100; round += 1) {
    const again = await inPage<number[]>('measured', kind, steps);
    if (middle(again) < middle(best)) best = again;
  }
  return best;
}

await t.test(
  'a fleet of 10,000 hosts is asked, shown and counted, with few lines in the document',
  async (t) => {
    await answered();
    await page.getByText(`${HOSTS} of ${HOSTS} hosts`).waitFor();
    t.equal(door.asked.length, HOSTS, 'each host was asked once');
    t.equal(await page.getByRole('grid').getAttribute('aria-rowcount'), String(HOSTS + 1));
    const lines = await page.getByRole('row').count();
    t.ok(lines > 10 && lines < 80, `${lines} lines`);
    t.match(await inPage('inTheMiddle'), /^host000\d\d$/, 'they are where they can be seen');
  },
);

await t.test('scrolling and filtering 10,000 hosts takes less than 100 ms a step', async (t) => {
  const steps = Array.from({ length: 20 }, (_, i) => (i * 7919 * 30) % (HOSTS * 30 - 1000));
  const words = ['h', 'ho', 'host0', 'host09', 'rack7', 'rack7 s5', 'nothing such', ''];
  const scroll = await measured('scroll', steps);
  const filter = await measured('filter', words);
  const text = (all: readonly number[]): string =>
    `${middle(all).toFixed(0)} ms a step, at worst ${Math.max(...all).toFixed(0)} ms`;
  t.comment(`figure: 10,000 hosts in Chromium: scroll ${text(scroll)}; filter ${text(filter)}`);
  t.ok(middle(scroll) < 100);
  t.ok(middle(filter) < 100);
});

await t.test('a filter and a grouping show what they say', async (t) => {
  await page.getByLabel('filter').fill('rack7 host000');
  await page.getByText(`3 of ${HOSTS} hosts`).waitFor();
  await page.getByLabel('filter').fill('');
  await page.getByLabel('grouped by').selectOption('lock');
  await page.getByText('disabled, NOT in force: 1 (1 disabled)').waitFor();
  t.equal(await page.getByRole('grid').getAttribute('aria-rowcount'), String(HOSTS + 3));
  await page.getByText('enabled: 9999 (9999 at work)').click();
  await until(`document.querySelector('[role=grid]').getAttribute('aria-rowcount') === '4'`);
  t.equal(await page.getByRole('button', { expanded: false }).count(), 1, 'its hosts are put away');
  await page.keyboard.press('Tab');
  await page.getByLabel('grouped by').selectOption('nothing');
});

await t.test('a column sorts up, down and not at all, by mouse and by keyboard', async (t) => {
  const host = page.getByRole('columnheader', { name: 'host' });
  const first = `document.querySelector('[aria-rowindex="2"] [role=rowheader]').textContent`;
  await host.getByRole('button').click();
  t.equal(await host.getAttribute('aria-sort'), 'ascending');
  await page.keyboard.press('Enter');
  await until(`${first} === 'host09999'`);
  t.equal(await host.getAttribute('aria-sort'), 'descending');
  await page.keyboard.press(' ');
  await until(`${first} === 'host00000'`);
  t.equal(await host.getAttribute('aria-sort'), 'none');
});

await t.test('sorted and grouped, 10,000 hosts still take less than 100 ms a step', async (t) => {
  await page.getByRole('columnheader', { name: 'host' }).getByRole('button').click();
  await page.keyboard.press('Enter');
  await page.getByLabel('grouped by').selectOption('group');
  await page.getByText('@rack0: 250').waitFor();
  const steps = Array.from({ length: 15 }, (_, i) => (i * 7919 * 30) % (HOSTS * 30 - 1000));
  const scroll = await measured('scroll', steps);
  const filter = await measured('filter', ['h', 'ho', 'host0', 'rack7', 'rack7 s5', '']);
  const sort = await measured('sort', [1, 5, 5, 0, 0, 0]);
  const text = (all: readonly number[]): string =>
    `${middle(all).toFixed(0)} ms a step, at worst ${Math.max(...all).toFixed(0)} ms`;
  t.comment(
    `figure: 10,000 hosts sorted and grouped: scroll ${text(scroll)}; filter ${text(filter)}; sort ${text(sort)}`,
  );
  for (const all of [scroll, filter, sort]) t.ok(middle(all) < 100);
  t.same(await inPage('findings'), [], 'axe, in groups');
});

await t.test('what the table is set to stands in the address, and comes back from it', async (t) => {
  await page.getByLabel('filter').fill('rack7 s5');
  await page.getByRole('columnheader', { name: 'tasks' }).getByRole('button').click();
  const address = '#fleet?words=rack7+s5&by=group&sort=tasks';
  await until(`location.hash === ${JSON.stringify(address)}`);
  await page.evaluate(`location.hash = '#fleet?words=host0001&sort=-host&power=%22%3E%3Cimg'`);
  await page.getByText(`0 of ${HOSTS} hosts`).waitFor();
  await page.evaluate(`location.hash = '#fleet?words=host0001&sort=-host&by=constructor'`);
  await page.getByText(`10 of ${HOSTS} hosts`).waitFor();
  await until(`document.querySelector('[aria-rowindex="2"] [role=rowheader]').textContent === 'host00019'`);
  await page.evaluate(`location.hash = '#fleet?by=nothing'`);
  await page.getByText(`${HOSTS} of ${HOSTS} hosts`).waitFor();
  t.pass();
});

await t.test('the keyboard alone leads to any host', async (t) => {
  await page.getByRole('grid').focus();
  for (const key of ['End', 'Home', 'ArrowDown', 'ArrowDown', 'PageDown', 'Home'])
    await page.keyboard.press(key);
  await until(`document.querySelector('.active')?.id === 'line-0'`);
  t.equal(await page.getByRole('grid').getAttribute('aria-activedescendant'), 'line-0');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'host00000' }).waitFor();
  // A reader begins at the name.
  await until(`document.activeElement.tagName === 'H1'`);
});

await t.test('what a host says stays text, in every field', async (t) => {
  // Each answer moves what stands below it: nobody clicks while it does.
  const pres = (count: number): Promise<void> =>
    until(`document.querySelectorAll('pre').length === ${count}`);
  await pres(1);
  for (const [i, name] of ['Look at the volumes', 'Look at the chain', 'Read the audit log'].entries()) {
    await page.getByRole('button', { name }).click();
    await pres(i + 2);
  }
  await page.getByRole('button', { name: 'Read the sensors' }).click();
  await page.getByRole('button', { name: 'Next page' }).waitFor();
  await page.getByRole('rowheader', { name: 'inlet' }).waitFor();
  for (const details of await page.locator('summary').all()) await details.click();
  const found = await inPage<{ times: number }>('found', BAIT);
  t.match(found, { made: 0, caught: false, title: 'host00000 - Nightshift', turned: false });
  t.ok(found.times >= 30, `the bait is shown as text ${found.times} times`);
});

await t.test(
  'a chain of forty is drawn, gone along with the keyboard, and told as a table too',
  async (t) => {
    const picture = page.getByRole('application');
    t.match(await picture.getAttribute('aria-label'), /40 units, 5 with a fault/);
    t.equal(await page.locator('.picture .box').count(), 41, 'the host and forty units');
    t.equal(await page.locator('.picture .box-bad').count(), 5, 'two faults, three that are not heard');
    await picture.focus();
    for (let i = 0; i < 4; i += 1) await page.keyboard.press('ArrowRight');
    await page.locator('p', { hasText: /^Unit 3, .*FAULT: its drive has failed/ }).waitFor();
    await page.keyboard.press('End');
    await page.locator('p', { hasText: /^Unit 39, .*NOT HEARD/ }).waitFor();
    t.equal(
      await page
        .getByRole('region', { name: /^Units of/ })
        .locator('tbody tr')
        .count(),
      40,
    );
    const small = await inPage<string[]>('outside', '.picture text');
    t.same(small, [], 'no text leaves its box');
  },
);

await t.test(
  'sensors are read again and again while they are looked at, drawn, and then no more',
  async (t) => {
    const reads = (): number => door.asked.filter((asked) => asked === 'host00000 sensor.read').length;
    t.equal(reads(), 1);
    t.equal(await page.locator('.plot canvas').count(), 3, 'one plot a unit');
    await page.getByText('✕ TOO HIGH').waitFor();
    await page.getByText('? NO READING').waitFor();
    await page.getByRole('button', { name: 'Stop reading' }).click();
    await page.getByText('not read: each reading is an order').waitFor();
  },
);

await t.test('tasks go on in the page by themselves, to their end', async (t) => {
  const head = { v: 1, device: 'host00000', boot: new Uint8Array(16) };
  const id = new Uint8Array(16).fill(0xab);
  const row = page.getByRole('row').filter({ hasText: 'abababab' });
  const listed = door.asked.filter((asked) => asked === 'host00000 task.list').length;
  door.say('host00000', {
    ...head,
    event: 'progress',
    id,
    seq: 1,
    stage: BAIT.slice(0, 64),
    done: 3,
    total: 10,
  });
  await row.getByRole('progressbar').waitFor();
  t.match(await row.textContent(), /▶ running.*30 %.*<img src=x/);
  door.say('host00000', {
    ...head,
    event: 'receipt',
    id,
    verb: 'file.download',
    order: new Uint8Array(32),
    issuer: new Uint8Array(8),
    outcome: 'failed',
    failure: { code: 'NS_X', sentence: BAIT },
    power: [],
    receivedAt: 1,
    tookMs: 1234,
    seq: 1,
    prev: new Uint8Array(32),
  });
  await row.getByText('✕ FAILED').waitFor();
  t.match(await row.textContent(), /file\.download.*1234 ms.*NS_X: <img/);
  t.ok(listed <= 2, 'without being asked for');
});

await t.test('the audit log is read in pages, back and to any entry', async (t) => {
  const log = page.getByRole('region', { name: 'Audit log', exact: true });
  await log.getByRole('button', { name: 'Next page' }).click();
  await log.getByText('page 2').waitFor();
  await log.getByRole('button', { name: 'Previous page' }).click();
  await until(`!document.body.textContent.includes('page 2')`);
  await log.getByLabel('from entry').fill('77');
  await log.getByRole('button', { name: 'Go there' }).click();
  await log.getByText('page 2').waitFor();
  t.pass();
});

await t.test('axe finds nothing to complain of, by day and by night', async (t) => {
  t.same(await inPage('findings'), [], 'one host, light');
  await page.emulateMedia({ colorScheme: 'dark' });
  t.same(await inPage('findings'), [], 'one host, dark');
  await page.getByRole('link', { name: 'Back to the fleet' }).click();
  await answered();
  t.same(await inPage('findings'), [], 'the fleet, dark');
  await page.emulateMedia({ colorScheme: 'light' });
  t.same(await inPage('findings'), [], 'the fleet, light');
});

await t.test('a page that nobody looks at is not connected', async (t) => {
  await inPage('hide', true);
  await page.getByText('paused while the page is not looked at').waitFor();
  await inPage('hide', false);
  await page.getByText('live', { exact: true }).waitFor();
  t.equal(
    door.asked.filter((asked) => asked === 'host00001 machine.status').length,
    1,
    'nor asks anew at once',
  );
});

await t.test('nothing came from anywhere else, and the browser had nothing to complain of', async (t) => {
  t.same(
    strangers.filter((url) => !url.endsWith('/favicon.ico')),
    [],
  );
  t.same(
    complaints.filter((text) => !/404/.test(text)),
    [],
  );
});

/** A request as any program on this machine can send one. */
function sent(method: string, path: string, headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const [host, port] = served.authority.split(':');
    const asked = request({ host, port, method, path, headers }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    });
    asked.on('error', reject);
    asked.end(method === 'POST' ? '{"hosts":"all"}' : undefined);
  });
}

await t.test('who is not the page is turned away, even with its cookie', async (t) => {
  const [cookie] = await page.context().cookies(`http://${served.authority}${served.base}`);
  t.match(cookie, { httpOnly: true, sameSite: 'Strict', path: served.base });
  const origin = `http://${served.authority}`;
  const right = {
    host: served.authority,
    origin,
    cookie: `${cookie?.name}=${cookie?.value}`,
    'content-type': 'application/json',
  };
  const path = `${served.base}refresh`;
  const before = door.asked.length;
  const { origin: _, ...noOrigin } = right;
  t.equal(await sent('POST', path, noOrigin), 403, 'no origin');
  t.equal(await sent('POST', path, { ...right, origin: 'http://evil.example' }), 403, 'another origin');
  t.equal(await sent('POST', path, { ...right, origin: 'null' }), 403, 'an origin without a name');
  t.equal(await sent('POST', path, { ...right, origin: 'http://127.0.0.1:1' }), 403, 'another port');
  t.equal(await sent('POST', path, { ...right, host: 'evil.example' }), 403, 'another name for this machine');
  t.equal(await sent('POST', path, { ...right, 'content-type': 'text/plain' }), 403, 'a form');
  t.equal(await sent('POST', path, { ...right, 'sec-fetch-site': 'same-site' }), 403, "another port's page");
  t.equal(await sent('POST', path, { ...right, cookie: 'nightshift=00' }), 401, 'another cookie');
  t.equal(await sent('GET', `${served.base}events`, { host: served.authority }), 401, 'no cookie');
  t.equal(
    await sent('GET', served.link.slice(origin.length), { host: served.authority }),
    403,
    'a spent link',
  );
  t.equal(door.asked.length, before, 'no host was asked');
  t.equal(await sent('POST', path, right), 200);
});
