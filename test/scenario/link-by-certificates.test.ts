import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { createKeyFile } from '../../src/adapters/operator-keys.ts';
import { MiB } from '../../src/base/index.ts';
import { publicKeyText } from '../../src/security/index.ts';
import { askAgent, buildAgent, startAgent } from '../kit/agent-program.ts';
import { buildCli, type CliResult, runCli } from '../kit/cli.ts';
import { makeExt4, scratch } from '../kit/disk-tools.ts';
import { eventually } from '../kit/eventually.ts';
import { startMosquitto } from '../kit/mosquitto.ts';
import { SitePki } from '../kit/site-pki.ts';

const { dir, remove } = await scratch();
t.teardown(remove);
const at = (...names: readonly string[]): string => join(dir, ...names);
await mkdir(at('tree', 'etc'), { recursive: true });
await writeFile(at('tree', 'etc', 'motd'), 'hello from the disk\n');
await makeExt4({ path: at('disk0.img'), size: 16 * MiB, content: at('tree') });

const site = await new SitePki(at('pki')).init();
const hub = await site.broker('hub');
await site.make({ kind: 'device', name: 'host1' }, { kind: 'operator', name: 'olga' });
const broker = await startMosquitto({ listener: (port) => site.mosquitto('broker/hub-1', port) });
t.teardown(() => broker.close());
const link = (leaf: string) => ({
  url: `mqtts://127.0.0.1:${broker.port}`,
  ca: at('pki', 'ca.pem'),
  cert: at('pki', `${leaf}.pem`),
  key: at('pki', `${leaf}.key`),
  pin: hub.pin,
});

const olga = await createKeyFile(at('olga.key'), undefined);
const agentFile = {
  device: 'host1',
  tenant: 'acme',
  broker: link('device/host1-1'),
  state: 'state',
  keyring: [{ name: 'olga', role: 'operator', key: publicKeyText(olga.publicKey) }],
  sim: { state: 'S5', disks: [{ name: 'disk0', image: at('disk0.img') }] },
};
await writeFile(at('agent.yaml'), JSON.stringify(agentFile));
const [program, cli] = await Promise.all([buildAgent(dir), buildCli(dir)]);
const [, key = ''] = (await askAgent(program, ['--config', at('agent.yaml'), '--identity']))
  .trim()
  .split(': ');

async function nightshift(link: object, ...args: readonly string[]): Promise<CliResult> {
  const config = { broker: link, tenant: 'acme', key: 'olga.key', devices: { host1: key } };
  await writeFile(at('nightshift.yaml'), JSON.stringify(config));
  return runCli(cli, args, { cwd: dir });
}

await t.test(
  'orders and files go both ways with the certificates and the access list of nightshift pki',
  async (t) => {
    const agent = startAgent(program, dir);
    t.teardown(async () => {
      agent.process.kill('SIGTERM');
      await agent.ended;
    });
    const log = (): Promise<string> => readFile(at('agent.log'), 'utf8').catch(() => '');
    await eventually(async () => (await log()).includes('bus-up'));
    const ours = link('operator/olga-1');
    const status = await nightshift(ours, 'status', 'host1');
    t.match(status, { code: 0, stdout: /^host1: succeeded/, stderr: '' });
    t.notMatch(status.stdout, /encrypted/);
    t.match(await nightshift(ours, 'get', 'host1', '/etc/motd', at('fetched')), { code: 0 });
    t.equal(await readFile(at('fetched'), 'utf8'), 'hello from the disk\n');
    await writeFile(at('new'), 'x'.repeat(300_000));
    t.match(await nightshift(ours, 'put', at('new'), 'host1', '/etc/new'), { code: 0 });
    t.notMatch(await log(), /insecure/);
  },
);

await t.test('the command refuses what is not encrypted, or not pinned, and says why', async (t) => {
  t.match(await nightshift({ url: 'mqtt://192.0.2.1' }, 'status', 'host1'), {
    code: 2,
    stderr: /mqtt:\/\/ link to another machine has no encryption.*insecureNoTls: true/,
  });
  const other = `sha256:${'A'.repeat(43)}`;
  t.match(
    await nightshift({ ...link('operator/olga-1'), pin: other }, '--timeout', '2s', 'status', 'host1'),
    {
      code: 5,
      stderr: /another key than those pinned/,
    },
  );
  // Nothing listens there, and it is not an address of the own machine by its looks.
  const open = { url: 'mqtt://0.0.0.0:1', insecureNoTls: true };
  t.match(await nightshift(open, '--timeout', '1s', 'status', 'host1'), {
    code: 5,
    stderr: /^nightshift: The link to the broker is not encrypted/,
  });
});
