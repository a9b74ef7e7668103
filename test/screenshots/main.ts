import { type ChildProcess, spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium, type Page } from 'playwright-core';
import { Site } from './site.ts';

/** node scripts/screenshots.mjs [DIRECTORY]: pictures of the page into docs/, or into another directory. */

const ROOT = new URL('../../', import.meta.url).pathname;
const INTO = process.argv[2] ?? join(ROOT, 'docs');
const LARGEST = 150 * 1024;
const SIZE = { width: 1120, height: 600 };

const site = await Site.start();
const commands: ChildProcess[] = [];

function command(...args: readonly string[]): ChildProcess {
  const child = spawn(
    process.execPath,
    [join(ROOT, 'dist/nightshift.mjs'), '--config', site.config, ...args],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  commands.push(child);
  return child;
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('it prints nothing');
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error('it ended without a word');
}

/** By day and by night. */
async function take(page: Page, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    const path = join(INTO, `web-${name}-${colorScheme}.png`);
    await page.screenshot({ path, animations: 'disabled' });
    const { size } = await stat(path);
    if (size > LARGEST) throw new Error(`${path} has ${size} bytes: more than ${LARGEST}`);
    process.stdout.write(`${path}: ${size} bytes\n`);
  }
}

async function until(page: Page, expression: string): Promise<void> {
  const end = performance.now() + 120_000;
  while (!(await page.evaluate<boolean>(expression))) {
    if (performance.now() > end) throw new Error(`never came true: ${expression}`);
    await page.waitForTimeout(50);
  }
}

async function hostPage(page: Page, host: string): Promise<void> {
  await page.evaluate(`location.hash = '#host/${host}'`);
  await page.getByText('custody of').first().waitFor();
}

/** With what was asked for at the top of the view. */
async function showFrom(page: Page, heading: string): Promise<void> {
  await page.evaluate(
    `[...document.querySelectorAll('h2')].find((h) => h.textContent === '${heading}').scrollIntoView()`,
  );
}

async function pictures(page: Page): Promise<void> {
  await until(page, `document.querySelectorAll('[role=rowheader]').length > 20`);
  await page.getByLabel('grouped by').selectOption('group');
  await page.getByText('@rack3: 7 (1 not answering)').waitFor({ timeout: 120_000 });
  await page.getByRole('columnheader', { name: 'power' }).getByRole('button').click();
  await take(page, 'fleet');
  await hostPage(page, 'store-02');
  await page.getByRole('button', { name: 'Look at the chain' }).click();
  await page.locator('.picture .box').first().waitFor();
  await page.evaluate(`document.querySelector('.picture').scrollIntoView()`);
  await take(page, 'chain');
  command('memcheck', 'rack1-02', '--medium', 'dram');
  command('io', 'watch', 'rack1-02', 'inlet-temp', '--seconds', '90');
  await hostPage(page, 'rack1-02');
  await page.getByRole('button', { name: 'Read the sensors' }).click();
  await page.getByRole('progressbar').waitFor({ timeout: 60_000 });
  await page.getByText('as of').nth(1).waitFor();
  // Enough readings for lines that can be seen.
  await page.waitForTimeout(45_000);
  await page.setViewportSize({ ...SIZE, height: 900 });
  await showFrom(page, 'Tasks');
  await take(page, 'sensors');
  await page.setViewportSize(SIZE);
  await showFrom(page, 'Power and custody');
  await take(page, 'host');
}

try {
  const link = await firstLine(command('web'));
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium-headless-shell',
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-lcd-text'],
  });
  try {
    const page = await browser.newPage({ viewport: SIZE });
    await page.goto(link);
    await pictures(page);
  } finally {
    await browser.close();
  }
} finally {
  for (const child of commands) child.kill('SIGINT');
  await site.close();
}
