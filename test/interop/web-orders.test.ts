import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import t from 'tap';
import { encode, type Order } from '../../src/protocol/index.ts';
import { eventually } from '../kit/eventually.ts';
import type { FakeDevice } from '../kit/fake-device.ts';
import { openPageBench } from '../kit/page-bench.ts';
import { digestOf } from '../kit/web-desk.ts';

const bench = await openPageBench(['rack1', 'rack2']);
const [rack1, rack2] = bench.devices as [FakeDevice, FakeDevice];
const browser = await chromium
  .launch({
    executablePath: '/usr/bin/chromium-headless-shell',
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  })
  .catch(async (error: unknown) => {
    await bench.close();
    throw error;
  });
t.teardown(async () => {
  await browser.close();
  await bench.close();
});
const helpers = [
  await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'),
  await readFile(join(import.meta.dirname, '../kit/in-page.mjs'), 'utf8'),
];
const complaints: string[] = [];
const strangers: string[] = [];

/** This person's browser, on their own page. */
async function open(who: string): Promise<{ readonly page: Page; readonly link: string }> {
  const { link } = await bench.start(who, '--timeout', '20s');
  const page = await (await browser.newContext({ acceptDownloads: true })).newPage();
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('request', (asked) => {
    if (!asked.url().startsWith(new URL(link).origin)) strangers.push(asked.url());
  });
  await page.goto(link);
  await page.getByRole('grid', { name: 'Fleet' }).waitFor();
  for (const helper of helpers) await page.evaluate(helper);
  return { page, link };
}

const findings = (page: Page): Promise<string[]> => page.evaluate('inPage.findings()');
const words = (page: Page): Promise<string> => page.locator('.words').first().innerText();
const BAIT = '<img src=x onerror="window.caught=1"><script>window.caught=1</script>';
const volume = { name: 'disk0p1', type: 'ext4', label: '', uuid: '', stale: false, notes: [] };
const effect = { hash: new Uint8Array(32).fill(7), blocks: 1, bytes: 4096, changes: [] };
const { page: olga, link } = await open('olga');

/** What was shown, put together again from what the device got. */
function digestAt(orders: readonly Order[]): string {
  const signed = orders.map((order) =>
    Object.fromEntries(Object.entries(order).filter(([name]) => name !== 'ctr')),
  );
  return digestOf(encode({ tenant: 'acme', orders: signed }).slice());
}

await t.test(
  'one order, by keyboard: shown, compared with the packet, signed, followed to its receipt',
  async (t) => {
    rack1.answer = async ({ args }) => ({
      result: { volume, removed: 1, effect, dryRun: 'dryRun' in args && args.dryRun === true },
    });
    await olga.evaluate(`location.hash = '#host/rack1'`);
    await olga.getByRole('link', { name: 'Give an order' }).focus();
    await olga.keyboard.press('Enter');
    await olga.getByRole('heading', { name: 'An order to rack1' }).waitFor();
    await olga.getByLabel('order', { exact: true }).selectOption('rm');
    await olga.getByLabel('path').fill('/tmp/x');
    await olga.keyboard.press('Enter');
    await olga.getByRole('heading', { name: 'This will be signed' }).waitFor();
    await eventually(() => olga.evaluate<boolean>(`document.activeElement.id === 'to-sign'`));
    const shown = await words(olga);
    const digest = await olga.locator('.said code').first().innerText();
    t.match(shown, /rack1: DELETE \/tmp\/x\n {2}path: "\/tmp\/x"\n {2}only if its effect is 0707/);
    t.same(await findings(olga), [], 'axe');
    const act = olga.getByRole('button', { name: 'Sign and send' });
    t.ok(await act.isDisabled(), 'not before it is meant');
    await olga.getByLabel(/Type the name of the host/).fill('rack2');
    t.ok(await act.isDisabled());
    await olga.getByLabel(/Type the name of the host/).fill('rack1');
    await act.dblclick();
    await olga.getByRole('heading', { name: 'How it ended' }).waitFor();
    const given = rack1.orders.filter(({ verb, args }) => verb === 'file.delete' && !('dryRun' in args));
    t.equal(given.length, 1, 'a double click is one order');
    const [order] = given as [Order];
    t.equal(digestAt([order]), digest);
    t.match(order, { args: { path: '/tmp/x' }, effect: effect.hash });
    t.match(shown, new Date((order.exp ?? 0) * 1000).toISOString().slice(0, 19).replace('T', ' '));
    await olga.getByText('The receipt holds').waitFor();
    await olga.getByText('the receipt of rack1, as').click();
    await olga.getByText("the device's signature holds").waitFor();
    t.same(await findings(olga), [], 'axe');
    const [saved] = await Promise.all([
      olga.waitForEvent('download'),
      olga.getByRole('link', { name: /^Save rack1-\d+\.receipt$/ }).click(),
    ]);
    t.match(await bench.run('--config', 'olga.yaml', 'verify', await saved.path()), {
      code: 0,
      stdout: /all holds/,
    });
  },
);

await t.test('what a device says in a refusal stays text, in every field', async (t) => {
  const bad = { code: 'X<b>y</b>', sentence: `${BAIT}\u001b[2J\u202e`, remedy: BAIT };
  rack1.answer = async () => ({
    outcome: 'refused',
    refusal: bad,
    askers: [{ key: new Uint8Array(8), name: '<b>o</b>', person: '<img src=x>', role: 'operator' }],
  });
  rack2.answer = async () => ({ outcome: 'failed', failure: bad });
  await olga.evaluate(`location.hash = '#order/rack1%2Crack2'`);
  await olga.getByLabel('order', { exact: true }).selectOption('memcheck');
  await olga.getByLabel(/^medium/).selectOption('dram');
  await olga.getByRole('button', { name: 'Show what will be signed' }).click();
  await olga.getByRole('button', { name: 'Sign and send' }).click();
  await olga.getByRole('heading', { name: 'How it ended' }).waitFor();
  await olga.getByRole('region', { name: 'rack1: REFUSED' }).waitFor();
  await olga.getByRole('region', { name: 'rack2: FAILED' }).waitFor();
  await olga.getByText('The receipt DOES NOT HOLD').waitFor();
  for (const summary of await olga.locator('summary').all()) await summary.click();
  const found = await olga.evaluate<{ times: number }>(`inPage.found(${JSON.stringify(BAIT)})`);
  t.match(found, { made: 0, caught: false, turned: false });
  t.ok(found.times >= 6, `the bait is shown as text ${found.times} times`);
  t.same(await findings(olga), [], 'axe, light');
  await olga.emulateMedia({ colorScheme: 'dark' });
  t.same(await findings(olga), [], 'axe, dark');
  await olga.emulateMedia({ colorScheme: 'light' });
});

await t.test('two people, each at a page of their own', async (t) => {
  const lock = { state: 'disabled', version: 1, inForce: ['power-button-masked'] };
  rack1.answer = async () => ({ result: { lock, changed: true } });
  const { page: sam } = await open('sam');
  await sam.evaluate(`location.hash = '#order/rack1'`);
  await sam.getByLabel('order', { exact: true }).selectOption('sign disable');
  await sam.getByLabel(/^reason/).fill(BAIT);
  await sam.getByLabel(/^tokens/).fill(await bench.tokens(['rack1']));
  await sam.getByRole('button', { name: 'Show what will be signed' }).click();
  await sam.getByLabel(/Type the name of the host/).fill('rack1');
  await sam.getByRole('button', { name: 'Sign as the first of two people' }).click();
  await sam.getByRole('link', { name: 'See the draft' }).click();
  await sam.getByText('has signed the order for "rack1" already').waitFor();
  t.equal(await sam.getByRole('button', { name: 'Sign as the second person' }).count(), 0);
  const digest = await sam.locator('.said code').innerText();
  t.same(await findings(sam), [], 'axe');
  const [draft] = await Promise.all([
    sam.waitForEvent('download'),
    sam.getByRole('link', { name: 'Save as a file' }).click(),
  ]);
  const disabled = () => rack1.orders.filter(({ verb }) => verb === 'machine.disable').length;

  const { page: tess } = await open('tess');
  await tess.getByRole('link', { name: 'Orders and drafts' }).click();
  await tess.getByLabel('or the file').setInputFiles(await draft.path());
  await eventually(async () => (await tess.getByLabel(/^The text of a file/).inputValue()) !== '');
  await tess.getByRole('button', { name: 'Bring the draft' }).click();
  await tess.getByRole('button', { name: 'Sign as the second person' }).waitFor();
  t.equal(await tess.locator('.said code').innerText(), digest, 'both see the same digest');
  const shown = await words(tess);
  t.match(shown, /destructive: 1 host disabled[\s\S]*rack1: DISABLE[\s\S]*signed by: sam, security/);
  t.ok(shown.includes(JSON.stringify(BAIT)), 'the reason is text');
  t.same(await findings(tess), [], 'axe');
  await tess.getByLabel(/Type the name of the host/).fill('rack1');
  await tess.getByRole('button', { name: 'Sign as the second person' }).click();
  await tess.getByRole('button', { name: 'Send it' }).waitFor();
  t.equal(disabled(), 0, 'a signature sends nothing');
  await tess.getByLabel(/Type the name of the host/).fill('rack1');
  await tess.getByRole('button', { name: 'Send it' }).click();
  await tess.getByRole('heading', { name: 'How it ended' }).waitFor();
  await tess.getByText('The receipt holds').waitFor();
  t.equal(disabled(), 1);
  t.match(rack1.orders.at(-1), { verb: 'machine.disable', args: { reason: BAIT } });
  t.match(await tess.evaluate(`inPage.found('')`), { made: 0, caught: false });
});

await t.test('the page is in no frame of another, and its link opens nothing twice', async (t) => {
  const around = createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(`<iframe src="${link.replace(/open\?.*/, '')}"></iframe>`);
  });
  await new Promise<void>((resolve) => around.listen(0, '127.0.0.1', resolve));
  const evil = await olga.context().newPage();
  await evil.goto(`http://127.0.0.1:${(around.address() as AddressInfo).port}/`);
  t.notMatch(await evil.frames()[1]?.content(), /Nightshift<\/title>/);
  await evil.close();
  around.closeAllConnections();
  await new Promise((resolve) => around.close(resolve));
  t.equal((await fetch(link, { redirect: 'manual' })).status, 403);
});

await t.test('nothing came from anywhere else, and the browsers had nothing to complain of', async (t) => {
  t.same(strangers, []);
  t.same(
    complaints.filter((text) => !/404/.test(text)),
    [],
  );
});
