// The whole story on one machine: a broker, a simulated host that is switched off, the agent beside it, and an operator
// who gives every kind of order. Each step is a real command; the demo fails where one does not end as it should.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  atTheHost,
  CODES,
  check,
  children,
  env,
  freeUdpPort,
  joinDisk,
  line,
  MIB,
  makeDisk,
  root,
  say,
  splitDisk,
  start,
  tool,
} from './demo-parts.mjs';

async function main() {
  tool('bash', [join(root, 'scripts/setup')], { stdio: 'inherit' });
  say('building the two programs');
  tool(join(root, 'node_modules/.bin/rollup'), ['-c', '--silent'], { cwd: root, stdio: 'inherit' });
  const began = Date.now();
  const dir = await mkdtemp(join(tmpdir(), 'nightshift-demo-'));
  const operator = join(root, 'dist/nightshift.mjs');
  const device = join(root, 'dist/nightshift-agent.mjs');
  let user = 'olga';

  /** Runs a command as the operator would type it, shows it and what it prints, and checks how it ends. */
  const run = (expected, ...args) =>
    new Promise((resolve, reject) => {
      say(
        `\n${user}$ nightshift ${args.map((arg) => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg}'`)).join(' ')}`,
      );
      const child = spawn(process.execPath, [operator, '--config', `${user}.yaml`, ...args], {
        cwd: dir,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      children.add(child);
      let output = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk) => {
          output += chunk;
        });
      }
      child.on('exit', (code) => {
        children.delete(child);
        process.stdout.write(output.replace(/^/gm, '  ').replace(/ +$/, ''));
        if (code === CODES[expected]) resolve(output);
        else reject(new Error(`the command ended with ${code}, not with ${CODES[expected]} (${expected})`));
      });
    });
  /** The same, again and again without showing it, until the answer looks so; then once more for all to see. */
  const showsSoon = async (pattern, ...args) => {
    for (let left = 100; left > 0; left -= 1) {
      const answer = tool(process.execPath, [operator, '--config', `${user}.yaml`, ...args], { cwd: dir });
      if (pattern.test(answer.split('\n')[0])) break;
    }
    const shown = await run('ok', ...args);
    if (!pattern.test(shown.split('\n')[0])) throw new Error(`never came true: ${pattern}`);
  };
  const startAgent = async () => {
    const agent = start('agent', [device, '--board', 'sim-host', '--config', 'agent.yaml'], dir);
    await line(agent, /device\.started/, 'the agent');
    return agent;
  };

  try {
    say(`\n== A disk, as a host left it when it was shut down (in ${dir})`);
    const { image, dump } = await makeDisk(dir);
    const drives = ['drive-a.img', 'drive-b.img', 'drive-c.img'];
    const hashOfDisk = async () =>
      createHash('sha256')
        .update(await readFile(joinDisk(dir, drives)))
        .digest('hex');
    const checkDisk = () => check(joinDisk(dir, drives));
    await splitDisk(image, drives);
    const untouched = await hashOfDisk();
    say(
      `  GPT, one ext4 volume "root", on three drives behind a SATA chain: ${drives.join(', ')}; ${checkDisk()}`,
    );

    say('\n== Keys: two operators, two security officers, whoever holds the budget, and the device itself');
    const entries = [];
    for (const [name, role] of [
      ['olga', 'operator'],
      ['otto', 'operator'],
      ['sam', 'security'],
      ['tess', 'security'],
      ['gina', 'governor'],
    ]) {
      const made = tool(
        process.execPath,
        [operator, 'keys', 'new', '--role', role, '--name', name, '--out', `${name}.pem`],
        { cwd: dir },
      );
      const key = /(ed25519:\S+)/.exec(made)?.[1];
      if (key === undefined) throw new Error(`no public key in:\n${made}`);
      entries.push(`  - { name: ${name}, role: ${role}, key: "${key}" }`);
    }
    const broker = start('broker', [operator, 'broker', '--port', '0'], dir);
    const url = (await line(broker, /(mqtt:\/\/127\.0\.0\.1:\d+)/, 'the broker'))[1];
    const port = await freeUdpPort();
    await writeFile(join(dir, 'fence.pw'), `${randomBytes(8).toString('hex')}\n`, { mode: 0o600 });
    await writeFile(
      join(dir, 'agent.yaml'),
      [
        'device: sleepy',
        'tenant: demo',
        `broker: ${url}`,
        'state: ./state',
        'keyring:',
        ...entries,
        'protectedPaths: [/opt]',
        'budget: { lock: 2, wipe: 2 }',
        'ipmi:',
        `  port: ${port}`,
        '  accounts: [{ name: fence, passwordFile: ./fence.pw, level: operator }]',
        'sim:',
        '  state: S5',
        '  control: ./host.sock',
        '  disks:',
        '    - members:',
        ...drives.map((name) => `        - { image: ./${name} }`),
        '  dimms:',
        '    - { slot: A1, size: 4194304 }',
        '    - { slot: A2, size: 4194304, faults: [{ kind: stuck-at, at: 70001, bit: 3, value: 1 }] }',
        '',
      ].join('\n'),
    );
    const identity = tool(process.execPath, [device, '--config', 'agent.yaml', '--identity'], {
      cwd: dir,
    }).trim();
    for (const name of ['olga', 'sam', 'tess', 'gina']) {
      await writeFile(
        join(dir, `${name}.yaml`),
        `broker: ${url}\ntenant: demo\nkey: ./${name}.pem\ndevices:\n  ${identity.replace(': ', ': "')}"\nreceipts: ./receipts\nbudgetLedger: ./budget\npeople:\n${entries.join('\n')}\nipmi:\n  pins: ./pins.json\n  hosts:\n    sleepy: { address: 127.0.0.1, port: ${port}, user: fence, passwordFile: fence.pw, level: operator }\n`,
      );
    }
    say(`  ${identity}`);

    say('\n== The host is off (S5). The agent starts beside it, on standby power');
    let agent = await startAgent();
    await run('ok', 'status', 'sleepy');
    await run('ok', 'clock', 'sleepy');
    await run('ok', 'volumes', 'sleepy');

    say('\n== Reading: no boot, no mount, and the disk does not change by a bit');
    await run('ok', 'ls', '-l', 'sleepy', '/var/log/app');
    await run('ok', 'stat', 'sleepy', '/srv/a/very/deep/path/with/many/levels/of/directories/note.txt');
    await run('ok', 'get', 'sleepy', '/srv/dump.bin', 'dump.bin');
    await run('ok', 'find', 'sleepy', '/', '--name', '*.log', '--contains', 'text:day 3');
    await run('ok', 'get', '-r', 'sleepy', '/var/log/app', 'logs');
    const fetched = createHash('sha256')
      .update(await readFile(join(dir, 'dump.bin')))
      .digest('hex');
    if (fetched !== dump) throw new Error('the fetched file is another one');
    if ((await hashOfDisk()) !== untouched) throw new Error('reading changed the disk');
    say('  64 MiB fetched, SHA-256 as on the disk; the drives are bit for bit as before');

    say('\n== Writing: first what it would do, then doing it');
    await writeFile(join(dir, 'motd'), 'Maintenance tonight.\n');
    await utimes(join(dir, 'motd'), 1_795_000_000, 1_795_000_000);
    const planned = await run('ok', 'put', 'motd', 'sleepy', '/etc/motd', '--dry-run');
    await run('ok', 'put', 'motd', 'sleepy', '/etc/motd');
    await run('ok', 'rm', 'sleepy', '/var/log/app/*-0[1-3].log', '--dry-run');
    await run('ok', 'rm', 'sleepy', '/var/log/app/*-0[1-3].log');
    await run('ok', 'ls', 'sleepy', '/var/log/app');
    await run('ok', 'put', '-r', 'logs', 'sleepy', '/srv/kept-logs');
    if (!/effect/i.test(planned)) throw new Error('the dry run shows no effect');
    say(`  e2fsck: ${checkDisk()}`);

    say('\n== What cannot be brought back: a whole tree takes two operators, and a token of the budget');
    await run('usage', 'rm', 'sleepy', '/var/log/app', '-r', '--cosign-key', 'otto.pem', '--yes');
    user = 'gina';
    await run('ok', 'token', 'init', '--limit', 'lock=2,wipe=2');
    await run('ok', 'token', 'issue', 'sleepy', '--for', 'wipe', '--out', 'wipe.txt', '--yes');
    user = 'olga';
    await run(
      ...['ok', 'rm', 'sleepy', '/var/log/app', '-r'],
      ...['--cosign-key', 'otto.pem', '--tokens', 'wipe.txt', '--yes'],
    );
    await run('ok', 'budget', 'sleepy');
    say(`  e2fsck: ${checkDisk()}`);

    say('\n== What must be refused');
    await run('refused', 'put', 'motd', 'sleepy', '/opt/motd', '--parents');
    await atTheHost(join(dir, 'host.sock'), { set: 'S3' });
    say('\n  (somebody suspends the host: S3)');
    await run('refused', 'put', 'motd', 'sleepy', '/etc/motd', '--replace');
    await run('ok', 'put', 'motd', 'sleepy', '/etc/motd', '--replace', '--stage');
    await run('ok', 'staged', 'sleepy');
    await atTheHost(join(dir, 'host.sock'), { set: 'S5' });
    say('\n  (and shuts it down again: S5; what waits for that is done without being asked again)');
    await showsSoon(/no staged order|: 0 staged/, 'staged', 'sleepy');
    say(`  e2fsck: ${checkDisk()}`);

    say('\n== The chain: three drives, one disk');
    await run('ok', 'chain', 'sleepy');
    await atTheHost(join(dir, 'host.sock'), { chain: { pull: 1, disk: 'disk0' } });
    say('\n  (somebody pulls the second drive; nothing is shown to a host until it is back)');
    await showsSoon(/HELD/, 'chain', 'sleepy');
    await atTheHost(join(dir, 'host.sock'), { chain: { plug: 1, disk: 'disk0' } });
    say('\n  (and puts it back)');
    await showsSoon(/^(?!.*HELD).*3 units/, 'chain', 'sleepy');
    await run('ok', 'chain', 'sync', 'sleepy');

    say('\n== Memory and I/O');
    await run('ok', 'memcheck', 'sleepy', '--medium', 'spd');
    await run('ok', 'memcheck', 'sleepy', '--medium', 'dram');
    await run('ok', 'memcheck', 'sleepy', '--medium', 'storage');
    await run('ok', 'io', 'list', 'sleepy');
    await run('ok', 'io', 'read', 'sleepy', 'inlet-temp');
    await run('ok', 'io', 'write', 'sleepy', 'aux-relay', '1');
    await run('ok', 'io', 'watch', 'sleepy', 'inlet-temp', '--samples', '3');

    say("\n== The fleet's other tools see the same machine, by IPMI");
    await run('ok', 'ipmi', '--host', 'sleepy', 'power', 'status');
    await run('ok', 'ipmi', '--host', 'sleepy', 'sensor');
    await run('ok', 'ipmi', '--host', 'sleepy', 'sel', 'list');

    say('\n== The power fails in the middle of a put');
    await writeFile(join(dir, 'firmware.bin'), randomBytes(8 * MIB));
    await atTheHost(join(dir, 'host.sock'), { cutAtWrite: 5 });
    const put = run('ok', 'put', 'firmware.bin', 'sleepy', '/srv/firmware.bin');
    put.catch(() => {});
    const how = await Promise.race([agent.ended, put.then(() => 'the put ended first')]);
    say(`  (the agent's power is gone: ${how})`);
    if (how !== 'SIGKILL') throw new Error('the power did not fail');
    say(`  the disk as it is now, e2fsck: ${checkDisk()}`);
    agent = await startAgent();
    say('  (power is back; the operator has not touched anything)');
    await put;
    say(`  e2fsck: ${checkDisk()}`);
    await run('ok', 'get', 'sleepy', '/srv/firmware.bin', 'firmware.back');
    if (!(await readFile(join(dir, 'firmware.back'))).equals(await readFile(join(dir, 'firmware.bin'))))
      throw new Error('another file came back');

    say('\n== Stolen: disabled by two security officers, who sit in two places');
    user = 'sam';
    await run('usage', 'disable', 'sleepy', '--reason', 'reported stolen', '--yes');
    await run('usage', 'sign', 'disable', 'sleepy', '--reason', 'reported stolen', '--out', 'order.txt');
    user = 'gina';
    await run('ok', 'token', 'issue', 'sleepy', '--for', 'lock', '--out', 'lock.txt', '--yes');
    user = 'sam';
    await run(
      ...['ok', 'sign', 'disable', 'sleepy', '--reason', 'reported stolen'],
      ...['--tokens', 'lock.txt', '--out', 'order.txt'],
    );
    say('\n  (Sam sends the file to Tess by mail:)');
    say((await readFile(join(dir, 'order.txt'), 'utf8')).trimEnd().replace(/^/gm, '  '));
    await run('usage', 'send', 'order.txt', '--yes');
    user = 'tess';
    await run('ok', 'cosign', 'order.txt', '--yes');
    await run('ok', 'send', 'order.txt', '--yes');
    const pressed = await atTheHost(join(dir, 'host.sock'), { press: 'power' });
    say(`  (the thief presses the power button: ${JSON.stringify(pressed.result)})`);
    user = 'olga';
    await run('refused', 'get', 'sleepy', '/etc/hostname', 'hostname');
    await run('refused', 'ipmi', '--host', 'sleepy', 'power', 'on');
    say('\n== Found again: both officers at one desk give it back');
    user = 'sam';
    await run('ok', 'enable', 'sleepy', '--reason', 'found again', '--cosign-key', 'tess.pem');
    await run('ok', 'status', 'sleepy');
    await run('ok', 'audit', 'sleepy');
    agent.kill('SIGTERM');
    const code = await agent.ended;
    if (code !== 0) throw new Error(`the agent ended with ${code}`);
    broker.kill('SIGTERM');
    await broker.ended;
    for (const name of drives) await stat(join(dir, name));
    say(
      `\nThe demo is done: every order answered, the host never switched on, the disk whole (${Math.round((Date.now() - began) / 1000)} s).`,
    );
    await rm(dir, { recursive: true });
  } catch (error) {
    say(`\nThe demo failed: ${error.message}\nLogs are in ${dir}.`);
    process.exitCode = 1;
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
}

try {
  await main();
} catch (error) {
  say(`\nThe demo could not begin: ${error.message}`);
  process.exitCode = 1;
}
