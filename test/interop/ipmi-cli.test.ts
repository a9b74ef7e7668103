import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { encodeFru } from '../../src/ipmi/index.ts';
import { buildCli, type CliResult, runCli } from '../kit/cli.ts';
import { FAKE_FRU } from '../kit/fake-bmc-machine.ts';
import { SIM_USERS, startIpmiSim } from '../kit/ipmi-sim.ts';

const SWEPT = 8;
const run = promisify(execFile);
const home = mkdtempSync(join(tmpdir(), 'nightshift-ipmi-cli-'));
const cli = await buildCli(home);
const sim = await startIpmiSim({ fru: encodeFru(FAKE_FRU) });
t.teardown(async () => {
  await sim.close();
  rmSync(home, { recursive: true, force: true });
});
writeFileSync(join(home, 'pass'), `${SIM_USERS.admin}\n`, { mode: 0o600 });

const ours = (...args: string[]): Promise<CliResult> =>
  runCli(cli, ['ipmi', '--user', 'admin', '--password-file', 'pass', '--suites', '3', ...args], {
    cwd: home,
  });
const mine = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await ours('--host', `127.0.0.1:${sim.port}`, ...args);
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${stdout}${stderr}`);
  return stdout;
};
const theirs = async (...args: string[]): Promise<string> => {
  const to = [
    '-I',
    'lanplus',
    '-H',
    '127.0.0.1',
    '-p',
    String(sim.port),
    '-U',
    'admin',
    '-f',
    join(home, 'pass'),
    '-C',
    '3',
  ];
  return (await run('ipmitool', [...to, ...args])).stdout;
};

/** "Label : value" by label. */
const fields = (text: string): Map<string, string> =>
  new Map(
    text.split('\n').flatMap((line) => {
      const at = line.indexOf(':');
      return at < 0 ? [] : [[line.slice(0, at).trim(), line.slice(at + 1).trim()] as const];
    }),
  );
const words = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9.#]+/g, ' ')
    .trim();

await t.test('chassis status is what ipmitool says, label by label', async (t) => {
  for (const power of ['on', 'off']) {
    await mine('power', power);
    const [we, they] = [fields(await mine('chassis-status')), fields(await theirs('chassis', 'status'))];
    t.equal(we.get('System Power'), power);
    for (const [label, value] of they)
      if (label !== 'Sleep Button Disable') t.equal(we.get(label), value, label);
    t.ok(they.size >= 10);
  }
  t.same(await sim.orders(), ['power 1', 'power 0']);
});

await t.test('the event log, sensors and inventory are what ipmitool says', async (t) => {
  const [sel] = (await theirs('sel', 'list')).split('\n');
  const [id, , , who, what, how] = sel!.split('|').map(words);
  const we = words(await mine('sel', 'list'));
  for (const part of [id!, what!, how!, who!.split(' ')[0]!]) t.ok(we.includes(part), `${part} in ${we}`);
  const [name, reading, status] = (await theirs('sdr', 'list')).split('\n')[0]!.split('|').map(words);
  t.equal(words((await mine('sdr', 'list')).split('\n')[0]!), [name, reading, status].join(' '));
  t.match(words(await mine('sensor', 'get', 'BoardTemp')), new RegExp(`${name}.*${reading}`));
  const [fruOurs, fruTheirs] = [
    fields(await mine('fru', 'print', '0')),
    fields(await theirs('fru', 'print', '0')),
  ];
  let compared = 0;
  for (const [label, value] of fruTheirs) {
    if (value === '' || label === 'Board Mfg Date') continue;
    t.equal(fruOurs.get(label), value, label);
    compared += 1;
  }
  t.ok(compared >= 12, `${compared} fields`);
  const [info, infoTheirs] = [fields(await mine('mc', 'info')), fields(await theirs('mc', 'info'))];
  for (const label of ['Device ID', 'Firmware Revision', 'IPMI Version', 'Manufacturer ID'])
    t.equal(info.get(label), infoTheirs.get(label), label);
});

await t.test('every verb that this BMC has is done, and what it lacks is refused', async (t) => {
  const reads = [
    'sel info',
    'mc guid',
    'lan print',
    'user list',
    'channel',
    'watchdog',
    'session info',
    'raw 6 1',
  ];
  await Promise.all(reads.map((verb) => t.resolves(mine(...verb.split(' ')), verb)));
  const deeds = [
    'power on',
    'power reset',
    'identify 5',
    'bootdev pxe',
    'power soft',
    'sel delete 1',
    'sel clear',
  ];
  for (const verb of deeds) await t.resolves(mine(...verb.split(' ')), verb);
  t.match(await mine('sel', 'list'), /no entries/);
  t.match((await sim.orders()).slice(-5), ['power 1', 'reset 1', 'identify 5 0', 'boot pxe', 'shutdown 1']);
  const lacking = ['mc selftest', 'policy', 'dcmi power'].map((verb) => verb.split(' '));
  const refused = await Promise.all(lacking.map((verb) => ours('--host', `127.0.0.1:${sim.port}`, ...verb)));
  t.same(
    refused.map(({ code }) => code),
    [3, 3, 3],
  );
});

await t.test('a sweep tells of the living, whatever the dead do', async (t) => {
  const sims = await Promise.all(Array.from({ length: SWEPT - 1 }, () => startIpmiSim({ program: false })));
  const dead = createSocket('udp4');
  dead.bind(0, '127.0.0.1');
  await once(dead, 'listening');
  const hosts = [...sims.map(({ port }) => port), dead.address().port].map((port) => `127.0.0.1:${port}`);
  try {
    const { code, stdout, stderr } = await ours(
      'sweep',
      hosts.join(','),
      '--sensors',
      '--power',
      '--within',
      '2s',
      '--json',
    );
    t.equal(code, 6);
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    t.equal(rows.length, SWEPT);
    t.equal(rows.at(-1).host, hosts.at(-1), 'answers come as they are there');
    t.match(rows.at(-1), { outcome: 'unreachable', fault: { code: /NS_IPMI_SILENT|NS_DEADLINE/ } });
    const reading = { is: 'value', value: 55, unit: 'degrees C' };
    for (const row of rows.slice(0, -1))
      t.match(row, {
        outcome: 'succeeded',
        result: { powerOn: false, sensors: [{ name: 'BoardTemp', reading }] },
      });
    t.match(stderr, /suite 3 was used/);
  } finally {
    dead.close();
    await Promise.all(sims.map((each) => each.close()));
  }
});
