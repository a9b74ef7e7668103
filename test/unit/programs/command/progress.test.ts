import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Context } from '../../../../src/programs/command/context.ts';
import { Progress, type ProgressForm } from '../../../../src/programs/command/progress.ts';
import { buildCli, runCli } from '../../../kit/cli.ts';
import { librarySite } from '../../../kit/library-site.ts';
import { statusResult } from '../../../kit/status-result.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-progress-'));
const cli = await buildCli(home);
const names = Array.from({ length: 6 }, (_, n) => `db${n + 1}`);
const site = await librarySite(home, { names, dead: [] });
t.teardown(async () => {
  await site.close();
  rmSync(home, { recursive: true, force: true });
});

interface Heard {
  readonly context: Context;
  readonly warned: string[];
  readonly drawn: string[];
  readonly first: Promise<void>;
}

/** A terminal that somebody looks at, or a log. */
function listening(progress: ProgressForm, interactive: boolean): Heard {
  const warned: string[] = [];
  const drawn: string[] = [];
  let heard = (): void => undefined;
  const first = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const terminal = {
    interactive,
    width: 80,
    warn: (line: string) => {
      warned.push(line);
      heard();
    },
    status: (line: string) => void drawn.push(line),
  };
  return { context: { progress, json: false, terminal } as unknown as Context, warned, drawn, first };
}

await t.test('a log gets a line a second at most, and none where nothing changes', async (t) => {
  const { context, warned, drawn, first } = listening('log', false);
  const hosts = Array.from({ length: 300 }, (_, n) => `rack${n + 1}`);
  const began = performance.now();
  const progress = new Progress(context, hosts);
  for (const host of hosts) {
    progress.begun(host);
    for (let done = 0; done < 50; done += 1) progress.moved(host, { done, total: 50 });
    progress.ended(host, 0);
  }
  await first;
  const seconds = (performance.now() - began) / 1000;
  t.ok(warned.length <= seconds, `${warned.length} lines in ${seconds.toFixed(1)} s`);
  t.match(warned[0], /^300 of 300 hosts: 300 done$/);
  progress.close();
  t.match(warned.at(-1), /^nightshift: 300 of 300 hosts: 300 done, in /);
  t.same(drawn, [''], 'nothing is drawn over itself');
});

await t.test('on a terminal one line is drawn, in a pipe nothing, with none nothing anywhere', async (t) => {
  const shown = listening('auto', true);
  const progress = new Progress(shown.context, ['rack1']);
  progress.begun('rack1');
  progress.moved('rack1', { done: 1, total: 4 });
  progress.ended('rack1', 0);
  progress.close();
  t.match(shown.drawn, [/^rack1 .*25 %/, '']);
  t.same(shown.warned, []);
  for (const silent of [listening('auto', false), listening('none', true)]) {
    const quiet = new Progress(silent.context, names);
    for (const host of names) quiet.begun(host);
    quiet.close();
    t.same([silent.warned, silent.drawn.join('')], [[], '']);
  }
});

await t.test('--at-once is the window, and a log tells how far it is', async (t) => {
  let active = 0;
  let most = 0;
  let leave = (): void => undefined;
  // Long enough for a line in the log.
  const held = new Promise<void>((resolve) => {
    leave = resolve;
  });
  for (const device of site.devices.values()) {
    device.answer = async () => {
      active += 1;
      most = Math.max(most, active);
      await held;
      active -= 1;
      return { result: statusResult() };
    };
  }
  let stderr = '';
  const result = await runCli(cli, ['--at-once', '2', '--progress', 'log', 'status', 'db[1-6]'], {
    cwd: home,
    started: (child) =>
      child.stderr?.on('data', (text: string) => {
        stderr += text;
        if (stderr.includes('at work')) leave();
      }),
  });
  t.equal(most, 2);
  t.match(stderr, /^0 of 6 hosts: 2 at work, 4 waiting/);
  t.match(result, { code: 0, stdout: /^db\[1-6\]: succeeded/ });
  t.match(await runCli(cli, ['--at-once', '0', 'status', 'db1'], { cwd: home }), {
    code: 2,
    stderr: /at once/,
  });
});
