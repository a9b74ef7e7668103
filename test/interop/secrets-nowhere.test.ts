import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { askAgent, buildAgent, startAgent } from '../kit/agent-program.ts';
import { buildCli, type CliResult, runCli } from '../kit/cli.ts';
import { makeDisk } from '../kit/disk-image.ts';
import { scratch } from '../kit/disk-tools.ts';
import { eventually } from '../kit/eventually.ts';
import { freeTcpPort, freeUdpPort } from '../kit/free-port.ts';
import { startMosquitto } from '../kit/mosquitto.ts';

/** A secret in each field that can hold one, short enough for the shortest (IPMI: 20 bytes). */
const CANARIES = {
  agentBroker: 'canary-agent-brk-1x',
  operatorBroker: 'canary-oper-brk-2x',
  passphrase: 'canary-passphrase-3x',
  ipmiAdmin: 'canary-ipmi-adm-4x',
  ipmiKg: 'canary-ipmi-kg-5xxx',
  powerIpmi: 'canary-ipmi-pwr-6x',
  wrongIpmi: 'canary-ipmi-bad-7x',
  wrongPassphrase: 'canary-bad-phrase-8x',
  ioValue: 'canary-io-value-9xx',
  hostFile: 'canary-in-a-file-10',
  putFile: 'canary-put-file-11x',
  governor: 'canary-gov-phrase-12',
  cosigner: 'canary-cosign-phr-13',
  metricsToken: 'canary-metrics-tok14',
} as const;

const { dir, remove } = await scratch();
t.teardown(remove);
const path = (name: string): string => join(dir, name);
const secret = (name: string, text: string): Promise<void> => writeFile(path(name), text, { mode: 0o600 });
const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
openssl(
  ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
  ...['-subj', '/CN=site', '-keyout', 'ca.key', '-out', 'ca.crt'],
);
for (const name of ['broker', 'host1', 'olga-tls']) {
  await writeFile(path('ext'), 'subjectAltName=IP:127.0.0.1\n');
  openssl(
    ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`],
    ...['-keyout', `${name}.key`, '-out', `${name}.csr`],
  );
  openssl(
    ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'],
    ...['-days', '2', '-extfile', 'ext', '-out', `${name}.crt`],
  );
  await chmod(path(`${name}.key`), 0o600);
}
await secret('broker-users', `host1:${CANARIES.agentBroker}\nolga:${CANARIES.operatorBroker}\n`);
execFileSync('mosquitto_passwd', ['-U', path('broker-users')], { stdio: 'pipe' });
const broker = await startMosquitto({
  listener: (port) => [`listener ${port} 127.0.0.1`],
  extra: [
    'allow_anonymous false',
    `password_file ${path('broker-users')}`,
    ...[`cafile ${path('ca.crt')}`, `certfile ${path('broker.crt')}`, `keyfile ${path('broker.key')}`],
    'require_certificate true',
  ],
});
t.teardown(() => broker.close());
const url = `mqtts://127.0.0.1:${broker.port}`;

await secret('agent-broker.pass', `${CANARIES.agentBroker}\n`);
await secret('olga-broker.pass', `${CANARIES.operatorBroker}\n`);
await secret('admin.pass', `${CANARIES.ipmiAdmin}\n`);
await secret('kg', `${CANARIES.ipmiKg}\n`);
await secret('power.pass', `${CANARIES.powerIpmi}\n`);
await secret('passphrase', `${CANARIES.passphrase}\n`);
await secret('wrong-passphrase', `${CANARIES.wrongPassphrase}\n`);
await secret('gina.pass', `${CANARIES.governor}\n`);
await secret('tess.pass', `${CANARIES.cosigner}\n`);
await secret('metrics.token', `${CANARIES.metricsToken}\n`);
await secret('put-me', `${CANARIES.putFile}\n`);

/** Command lines of all processes, looked at all the time. */
const commands = new Set<string>();
const watch = setInterval(() => {
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      commands.add(readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' '));
    } catch {
      // It has ended meanwhile.
    }
  }
}, 10);
t.teardown(() => clearInterval(watch));

const program = await buildAgent(dir);
const cli = await buildCli(dir);
const said: string[] = [];
const run = async (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CliResult> => {
  const usual = { NIGHTSHIFT_PASSPHRASE_FILE: path('passphrase'), XDG_STATE_HOME: path('xdg') };
  const result = await runCli(cli, args, { cwd: dir, env: { ...usual, ...env } });
  said.push(result.stdout, result.stderr);
  return result;
};
const people = { olga: 'operator', ada: 'auditor', sam: 'security', tess: 'security', gina: 'governor' };
const names = Object.keys(people);
/** Each has a passphrase: three of them a canary of their own. */
const passOf = (name: string) => path(name === 'gina' || name === 'tess' ? `${name}.pass` : 'passphrase');
for (const [name, role] of Object.entries(people)) {
  const env = { NIGHTSHIFT_PASSPHRASE_FILE: passOf(name) };
  const made = await run(['keys', 'new', '--name', name, '--role', role], env);
  if (made.code !== 0) throw new Error(made.stderr);
}
const entries = await Promise.all(names.map((name) => readFile(path(`${name}.key.pub`), 'utf8')));
const keyring = entries.join('');
await writeFile(path('keyring.yaml'), keyring);

await makeDisk(dir, {
  fill: async (tree) => {
    await mkdir(join(tree, 'etc'));
    await writeFile(join(tree, 'etc/key'), `${CANARIES.hostFile}\n`);
  },
});
const [bmcPort, nowhere] = [await freeUdpPort(), await freeUdpPort()];
const metrics = `127.0.0.1:${await freeTcpPort()}`;
/** A BMC that does not answer, so that its errors are told too. */
const deadPower = `hostPower:
  ipmi: { host: 127.0.0.1, port: ${nowhere}, user: root, passwordFile: power.pass, bmcKeyFile: kg, required: false }`;
const agentConfig = (log: string, power = '') => `
device: host1
tenant: acme
log: ${log}
state: state
broker: { url: '${url}', ca: ca.crt, cert: host1.crt, key: host1.key, username: host1, passwordFile: agent-broker.pass }
keyring:
${keyring.replace(/^/gm, '  ').trimEnd()}
ipmi:
  port: ${bmcPort}
  accounts: [{ name: admin, passwordFile: admin.pass, level: administrator }]
  bmcKeyFile: kg
metrics: { listen: '${metrics}', tokenFile: metrics.token }
${power}
sim: { state: S5, switchDelayMs: 5, disks: [{ name: disk0, image: disk0.img }] }
`;
await writeFile(path('agent.yaml'), agentConfig('human'));
const identity = await askAgent(program, ['--config', path('agent.yaml'), '--identity']);
const operatorConfig = (password: string) =>
  `broker: { url: '${url}', ca: ca.crt, cert: olga-tls.crt, key: olga-tls.key, username: olga, passwordFile: ${password} }
tenant: acme
key: olga.key
devices: { host1: '${identity.trim().split(': ')[1] ?? ''}' }
`;
await writeFile(path('nightshift.yaml'), operatorConfig('olga-broker.pass'));
await writeFile(path('wrong.yaml'), operatorConfig('wrong-passphrase'));

/** All that an operator can make both sides say, in one life of the agent. */
async function life(t: Test, log: 'human' | 'json', json: readonly string[]): Promise<void> {
  await writeFile(path('agent.yaml'), agentConfig(log));
  const agent = startAgent(program, dir);
  try {
    await eventually(async () => {
      const last = await run([...json, '--timeout', '3s', 'status', 'host1']);
      return last.code === 0;
    }, 20_000);
    const done = (args: readonly string[], code = 0) =>
      run([...json, ...args]).then((result) =>
        t.equal(result.code, code, `${args.join(' ')}: ${result.stderr}`),
      );
    await done(['put', 'put-me', 'host1', `/etc/put-${log}`]);
    await done(['get', 'host1', '/etc/key', `fetched-${log}`]);
    await done(['io', 'write', 'host1', 'console', `text:${CANARIES.ioValue}`]);
    await governed(t, log, json);
    if (log === 'human') {
      await done(['io', 'write', 'host1', 'fan1', `text:${CANARIES.ioValue}`], 3);
      await done(['ls', 'host1', '/etc', '-l']);
      await done(['get', 'host1', '/etc/none', 'none'], 3);
      await done(['--key', 'ada.key', 'rm', 'host1', '/etc/key'], 3);
    }
    await done(['--key', 'ada.key', 'audit', 'host1', '--all']);
    await done(['verify', '--long', '--keyring', 'keyring.yaml']);
    const wrong = await run([...json, 'status', 'host1'], {
      NIGHTSHIFT_PASSPHRASE_FILE: path('wrong-passphrase'),
    });
    t.equal(wrong.code, 2, 'the wrong passphrase');
    t.equal((await run([...json, '--timeout', '1s', '--config', 'wrong.yaml', 'status', 'host1'])).code, 5);
    const bmc = ['ipmi', '--host', `127.0.0.1:${bmcPort}`, '--user', 'admin', '--kg-file', 'kg'];
    const right = await run([...json, ...bmc, 'sel', 'list'], {
      NIGHTSHIFT_IPMI_PASSWORD: CANARIES.ipmiAdmin,
    });
    t.equal(right.code, 0, right.stderr);
    const bad = await run([...json, ...bmc, 'status'], { NIGHTSHIFT_IPMI_PASSWORD: CANARIES.wrongIpmi });
    t.not(bad.code, 0);
    for (const [token, status] of [
      [CANARIES.metricsToken, 200],
      [CANARIES.wrongPassphrase, 401],
    ] as const) {
      const answer = await fetch(`http://${metrics}/metrics`, {
        headers: { authorization: `Bearer ${token}` },
      });
      t.equal(answer.status, status);
      said.push(await answer.text());
    }
  } finally {
    agent.process.kill('SIGTERM');
    await agent.ended;
  }
}

/** The governor signs a token, two officers disable with it, and with one that is signed at the desk; a wrong passphrase too. */
async function governed(t: Test, log: 'human' | 'json', json: readonly string[]): Promise<void> {
  const gina = { NIGHTSHIFT_PASSPHRASE_FILE: passOf('gina') };
  const token = ['--key', 'gina.key', 'token'];
  const two = {
    NIGHTSHIFT_COSIGN_PASSPHRASE_FILE: passOf('tess'),
    NIGHTSHIFT_TOKEN_PASSPHRASE_FILE: passOf('gina'),
  };
  const lock = ['--key', 'sam.key', 'disable', 'host1', '--cosign-key', 'tess.key', '--yes'];
  const file = `tokens-${log}.txt`;
  const steps: [readonly string[], NodeJS.ProcessEnv, number][] = [
    ...(log === 'human' ? [[[...token, 'init'], gina, 0] as [string[], NodeJS.ProcessEnv, number]] : []),
    [[...token, 'issue', 'host1', '--for', 'lock', '-o', file, '--yes'], gina, 0],
    [[...token, 'ledger'], { NIGHTSHIFT_PASSPHRASE_FILE: path('wrong-passphrase') }, 2],
    [[...lock, '--tokens', file], two, 0],
    [[...lock, '--token-key', 'gina.key'], two, 0],
    [['--key', 'sam.key', 'enable', 'host1', '--cosign-key', 'tess.key'], two, 0],
    [['--key', 'sam.key', 'budget', 'host1'], {}, 0],
  ];
  for (const [args, env, code] of steps) {
    const result = await run([...json, ...args], env);
    t.equal(result.code, code, `${args.join(' ')}: ${result.stdout}${result.stderr}`);
  }
}

/** Each secret by its name, in every form it may hide in. */
const secrets: Record<string, readonly string[]> = {};

await t.test('orders, errors and refusals go their way, with secrets in every field', async (t) => {
  await life(t, 'human', []);
  await life(t, 'json', ['--json']);
  await writeFile(path('agent.yaml'), agentConfig('human', deadPower));
  const agent = startAgent(program, dir);
  await eventually(() => readFileSync(path('agent.log'), 'utf8').split('device.started').length > 3, 20_000);
  await run(['--timeout', '1s', 'status', 'host1']);
  agent.process.kill('SIGTERM');
  await agent.ended;
  clearInterval(watch);
  Object.assign(secrets, await allSecrets());
});

/** A text as it may hide: as it is, in hexadecimal, in base64 at any place of a longer text. */
function forms(text: string): readonly string[] {
  const bytes = Buffer.from(text);
  const hex = bytes.toString('hex');
  const based = [0, 1, 2].map((shift) => {
    const code = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    return code.slice(shift === 0 ? 0 : 4, -4);
  });
  return [
    text,
    hex,
    hex.toUpperCase(),
    ...based,
    ...based.map((code) => code.replaceAll('+', '-').replaceAll('/', '_')),
  ];
}

/** The private part of a PKCS #8 file in PEM, which must be nowhere else; behind it may stand the public part. */
async function heart(file: string): Promise<string> {
  const lines = (await readFile(path(file), 'latin1')).split('\n');
  const body = lines.filter((line) => !line.startsWith('-----')).join('');
  return body.length < 80 ? body.slice(24, 60) : body.slice(50, 62);
}

/** Read within a test: a test file that does nothing but wait between its tests counts as ended. */
async function allSecrets(): Promise<Record<string, readonly string[]>> {
  return {
    ...Object.fromEntries(Object.entries(CANARIES).map(([name, text]) => [name, forms(text)])),
    agentTlsKey: [await heart('host1.key')],
    operatorTlsKey: [await heart('olga-tls.key')],
    signingKey: [await heart('olga.key')],
    governorKey: [await heart('gina.key')],
    deviceKey: [await heart('state/device-key.pem')],
  };
}

/** Which secrets these bytes hold. */
function found(bytes: Buffer | string): string[] {
  const text = typeof bytes === 'string' ? bytes : bytes.toString('latin1');
  return Object.entries(secrets).flatMap(([name, shapes]) =>
    shapes.some((shape) => shape.length > 0 && text.includes(shape)) ? [name] : [],
  );
}

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

await t.test('the search itself finds what is there', async (t) => {
  for (const name of Object.keys(CANARIES)) {
    const text = CANARIES[name as keyof typeof CANARIES];
    for (const lead of ['', 'x', 'xy'])
      t.ok(found(Buffer.from(`${lead}${text}tail`).toString('base64')).includes(name), `${name} in base64`);
  }
  t.same(found(await readFile(path('state/device-key.pem'))), ['deviceKey']);
  t.ok(Object.values(secrets).every(([first = '']) => first.length >= 12));
});

await t.test('nothing that anybody is shown has a secret', async (t) => {
  t.ok(said.join('').length > 10_000, 'a good deal was said');
  t.same(found(said.join('\n')), []);
  t.same(found(await readFile(path('agent.log'))), [], "the agent's log, for people and as JSON");
  for (const log of ['human', 'json']) t.same(found(await readFile(path(`tokens-${log}.txt`))), [], 'tokens');
});

await t.test('no command line has one, but the one that an operator typed', async (t) => {
  const lines = [...commands].filter((line) => !/ io write host1 /.test(line));
  t.ok(
    lines.some((line) => /debugfs|e2fsck|nbdfuse/.test(line)),
    'the tools of the agent were seen',
  );
  t.same(
    lines.filter((line) => found(line).length > 0),
    [],
  );
});

await t.test('own storage holds only what it must, each thing in its place', async (t) => {
  const allowed: readonly [RegExp, readonly string[]][] = [
    [/\/device-key\.pem$/, ['deviceKey']],
    // The order as it was given, until its receipt has left the journal.
    [/\/journal[^/]*$/, ['ioValue']],
  ];
  const wrong: string[] = [];
  for (const file of await filesBelow(path('state'))) {
    const may = allowed.find(([name]) => name.test(file))?.[1] ?? [];
    const has = found(await readFile(file)).filter((name) => !may.includes(name));
    if (has.length > 0) wrong.push(`${file.slice(dir.length)}: ${has.join()}`);
  }
  t.same(wrong, []);
});

await t.test('a kept receipt holds nothing but what its own order said', async (t) => {
  const files = await filesBelow(path('xdg'));
  t.ok(files.length > 12);
  const held = await Promise.all(files.map(async (file) => found(await readFile(file))));
  const kinds = new Set(held.flat());
  kinds.delete('ioValue');
  t.same([...kinds], []);
  t.equal(held.filter((names) => names.includes('ioValue')).length, 3, 'the three orders that wrote it');
});
