import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { parseConfig } from '../../../../src/fleet/index.ts';
import { readAgentConfig } from '../../../../src/programs/agent/config.ts';
import { publicKeyText } from '../../../../src/security/index.ts';
import { buildCli, type CliResult, runCli } from '../../../kit/cli.ts';
import { testKey } from '../../../kit/keys.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-init-'));
const cli = await buildCli(home);
t.teardown(() => rmSync(home, { recursive: true, force: true }));

function folder(name: string): string {
  const path = join(home, name);
  mkdirSync(path);
  return path;
}
const run = (cwd: string, ...args: string[]): Promise<CliResult> => runCli(cli, ['init', ...args], { cwd });

await t.test('what init writes is what the command and the device read', async (t) => {
  const cwd = folder('whole');
  const device = publicKeyText(testKey().publicKey);
  const made = await run(cwd, '--name', 'olga', '--tenant', 'acme', '--device-key', device, '--yes');
  t.match(made, { code: 0, stdout: /--config rack1\.agent\.yaml --identity\n/ });
  t.equal(statSync(join(cwd, 'olga.key')).mode & 0o777, 0o600);
  const own = parseConfig('it', parse(readFileSync(join(cwd, 'nightshift.yaml'), 'utf8')), {});
  t.match(own, { tenant: 'acme', keyFile: 'olga.key', broker: { url: 'mqtt://127.0.0.1:1883' } });
  t.same([...own.devices.keys()], ['rack1']);
  const agent = await readAgentConfig(join(cwd, 'rack1.agent.yaml'), {});
  t.match(agent, { device: 'rack1', tenant: 'acme' });
  const shown = await runCli(cli, ['keys', 'show'], { cwd });
  t.equal(shown.code, 0);
  const [, key = '?'] = /key: (ed25519:\S+)/.exec(shown.stdout) ?? [];
  t.match(readFileSync(join(cwd, 'rack1.agent.yaml'), 'utf8'), key);
});

await t.test('nothing that is there is written over, and nothing is left half done', async (t) => {
  const cwd = folder('again');
  t.equal((await run(cwd, '--yes', '--json')).code, 0);
  const before = readdirSync(cwd).map((name) => [name, readFileSync(join(cwd, name), 'utf8')]);
  t.match(await run(cwd, '--name', 'otto', '--yes'), { code: 2, stderr: /there already/ });
  t.same(
    readdirSync(cwd).map((name) => [name, readFileSync(join(cwd, name), 'utf8')]),
    before,
  );
  const wrong = folder('wrong');
  t.match(await run(wrong, '--device', '../x', '--yes'), { code: 2, stderr: /no name of a device/ });
  t.match(await run(wrong, '--broker', 'mqtt://broker.example', '--yes'), { code: 2, stderr: /mqtts/ });
  t.match(await run(wrong, '--device-key', 'ed25519:x', '--yes'), { code: 2 });
  t.match(await run(wrong, '--simulate', '--device-key', 'ed25519:x', '--yes'), { code: 2 });
  t.match(await run(wrong), { code: 2, stderr: /no terminal/ });
  t.same(readdirSync(wrong), []);
});

await t.test('on a terminal it asks, and Enter takes the usual', async (t) => {
  const cwd = folder('asked');
  const answers = ['', '', '', 'db1', '', ''];
  const command = `${process.execPath} ${cli} init --name olga`;
  const child = spawn('script', ['-qec', command, '/dev/null'], { cwd, stdio: ['pipe', 'pipe', 'inherit'] });
  let shown = '';
  let asked = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
    for (; asked < shown.split(': ').length - 1 && answers.length > 0; asked += 1)
      child.stdin.write(`${answers.shift()}\r`);
  });
  const [code] = await once(child, 'close');
  child.stdin.destroy();
  t.equal(code, 0);
  t.match(shown, /Broker \[mqtt:/);
  t.same(readdirSync(cwd).sort(), ['db1.agent.yaml', 'nightshift.yaml', 'olga.key', 'olga.key.pub']);
});

await t.test('what a device prints of itself comes into the configuration, and remarks stay', async (t) => {
  const cwd = folder('devices');
  const config = join(cwd, 'nightshift.yaml');
  const [first, second] = [testKey(), testKey()].map(({ publicKey }) => publicKeyText(publicKey));
  const add = (args: readonly string[], input?: string): Promise<CliResult> =>
    runCli(cli, ['device', 'add', ...args], { cwd, ...(input === undefined ? {} : { input }) });
  t.match(await add([`rack1: ${first}`]), { code: 2, stderr: /no configuration yet/ });
  writeFileSync(config, '# ours\ntenant: acme # of old\n');
  t.match(await add([], `rack1: ${first}\r\n\nrack2:${second}\n`), { code: 0, stdout: /rack1: added to / });
  const both = readFileSync(config, 'utf8');
  t.equal(both, `# ours\ntenant: acme # of old\ndevices:\n  rack1: ${first}\n  rack2: ${second}\n`);
  t.match(await add(['--json', `rack1: ${first}`]), { code: 0, stdout: /"added":false/ });
  const other = await add([`rack3: ${first}`, `rack1: ${second}`]);
  t.match(other, { code: 2, stderr: /"rack1" has another key .* Nothing was changed/ });
  t.equal(readFileSync(config, 'utf8'), both);
  t.equal((await add(['--replace', `rack1: ${second}`])).code, 0);
  t.equal(readFileSync(config, 'utf8'), both.replace(String(first), String(second)));
  t.match(await add([], `rack1: ${first} and more`), { code: 2, stderr: /is no device and its key/ });
});
