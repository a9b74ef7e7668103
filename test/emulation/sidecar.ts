import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BootedSystemd, type Result } from '../kit/booted-systemd.ts';
import { buildCli, runCli } from '../kit/cli.ts';
import { makeExt4, run } from '../kit/disk-tools.ts';
import { ToldSteps } from '../kit/told-steps.ts';

/** The .deb for this machine on a Debian with systemd: installed, confined, ordered, hung, upgraded, purged. */
const BROKER = '192.0.2.7';
const SERVICE = 'nightshift-agent.service';
const DROP_INS = `/etc/systemd/system/${SERVICE}.d`;
const told = new ToldSteps();
const say = (text: string): void => told.say(text);
const check = (holds: boolean, what: string, seen?: string): void => told.check(holds, what, seen);

const home = await mkdtemp(join(tmpdir(), 'nightshift-sidecar-'));
let system: BootedSystemd | undefined;
let broker: ReturnType<BootedSystemd['serve']> | undefined;
try {
  const given = join(home, 'given');
  await mkdir(given);
  await run(process.execPath, [
    '--import=tsx',
    'packaging/package.ts',
    '--deb',
    '--tarball',
    '--compression',
    'zstd',
    '--out',
    given,
  ]);
  await run('sh', [
    '-c',
    'mv "$0"/*.deb "$0/nightshift.deb"; mv "$0"/*.tar.gz "$0/nightshift.tar.gz"',
    given,
  ]);
  say('packed');
  const cli = await buildCli(home);
  const { stdout: key } = await runCli(cli, ['keys', 'new', '--role', 'operator', '--name', 'olga'], {
    cwd: home,
  });
  await writeFile(
    join(given, 'agent.yaml'),
    `device: host1\ntenant: acme\nbroker: { url: "mqtt://${BROKER}", insecureNoTls: true }\nstate: /var/lib/nightshift\n` +
      `sim: { state: S5, disks: [{ image: /var/lib/nightshift/disk0.img }] }\nkeyring:\n${key}`,
  );
  const tree = join(home, 'tree');
  await mkdir(join(tree, 'etc'), { recursive: true });
  await writeFile(join(tree, 'etc/motd'), 'before\n');
  await makeExt4({ path: join(given, 'disk0.img'), size: 16 * 1024 * 1024, content: tree });
  await writeFile(join(given, 'broker.conf'), `[Service]\nIPAddressAllow=${BROKER}\n`);
  await writeFile(join(given, 'watchdog.conf'), '[Service]\nWatchdogSec=4\n');

  const booted = await BootedSystemd.boot(home, given);
  system = booted;
  const shell = (script: string): Promise<Result> => booted.run('sh', '-c', script);
  const shows = async (property: string): Promise<string> =>
    (await shell(`systemctl show -P ${property} ${SERVICE}`)).said.trim();
  const order = (...args: string[]): Promise<Result> =>
    booted.inItsNetwork([process.execPath, cli, ...args, '--timeout', '30s'], home);
  say((await shell('systemctl --version | head -n 1; . /etc/os-release; echo "$PRETTY_NAME"')).said.trim());

  const installed = await shell('dpkg --force-depends --install /srv/given/nightshift.deb');
  check(installed.code === 0, 'dpkg installs it', installed.said);
  check((await shows('ActiveState')) === 'inactive', 'it does not run before it is configured');
  await shell(
    'cp /srv/given/agent.yaml /etc/nightshift/; echo BOARD=sim-host >/etc/default/nightshift-agent; ' +
      'install -o nightshift -g nightshift -m 600 /srv/given/disk0.img /var/lib/nightshift/',
  );
  const identity = await shell(
    'runuser -u nightshift -- nightshift-agent --config /etc/nightshift/agent.yaml --identity',
  );
  check(/^host1: ed25519:\S+$/m.test(identity.said), 'it makes its key as its own user', identity.said);
  await writeFile(
    join(home, 'nightshift.yaml'),
    `broker: { url: "mqtt://${BROKER}", insecureNoTls: true }\ntenant: acme\nkey: olga.key\ndevices:\n  ${identity.said}`,
  );
  await booted.run('ip', 'address', 'add', `${BROKER}/32`, 'dev', 'lo');
  const conf = join(home, 'mosquitto.conf');
  await writeFile(conf, `listener 1883 ${BROKER}\nallow_anonymous true\n`);
  broker = booted.serve(['mosquitto', '-c', conf]);

  const started = await shell(`systemctl start ${SERVICE}`);
  check(started.code === 0, 'systemctl start returns when the device has started', started.said);
  const denied = await booted.inItsNetwork(
    [process.execPath, cli, 'status', 'host1', '--timeout', '5s'],
    home,
  );
  check(
    /the device does not answer/.test(denied.said),
    'it reaches no address that was not named, its broker neither',
    denied.said,
  );
  await shell('umask 077; echo hidden >/etc/nightshift/secrets/host1.key');
  await shell(
    `mkdir -p ${DROP_INS}; cp /srv/given/broker.conf ${DROP_INS}/; systemctl daemon-reload; systemctl restart ${SERVICE}`,
  );
  const status = await order('status', 'host1');
  check(
    status.code === 0 && /board sim-host/.test(status.said),
    'a signed order is answered over MQTT',
    status.said,
  );
  check(/cannot write|not usable/.test(status.said), 'status says that nothing can be written', status.said);
  const refused = await order('put', 'nightshift.yaml', 'host1', '/etc/new');
  check(refused.code !== 0, 'a put is refused', refused.said);
  const got = await order('get', 'host1', '/etc/motd');
  check(
    got.code === 0 && (await readFile(join(home, 'motd'), 'utf8')) === 'before\n',
    'a get is done',
    got.said,
  );
  const pid = await shows('MainPID');
  const secret = '/run/credentials/nightshift-agent.service/secret_host1.key';
  const seen = await shell(`runuser -u nightshift -- cat ${secret}`);
  check(seen.said === 'hidden\n', 'it reads the secret that root keeps', seen.said);
  const outside = await shell(`runuser -u nobody -- cat ${secret}`);
  check(/Permission denied/.test(outside.said), 'and no other user does', outside.said);
  const process_ = await shell(
    `grep -E '^(Uid|CapBnd|CapEff|NoNewPrivs|Seccomp):' /proc/${pid}/status | tr '\\n\\t' '; '`,
  );
  check(
    /CapBnd: 0+; ?NoNewPrivs: 1; ?Seccomp: 2/.test(process_.said),
    'no capability, no way to one, a filter',
    process_.said,
  );

  await shell(
    `cp /usr/share/nightshift/host-disks.conf ${DROP_INS}/; systemctl daemon-reload; systemctl restart ${SERVICE}`,
  );
  const put = await order('put', 'nightshift.yaml', 'host1', '/etc/new');
  check(put.code === 0, 'with host-disks.conf a put is done', put.said);
  const back = await order('get', 'host1', '/etc/new', 'new.yaml');
  check(
    back.code === 0 &&
      (await readFile(join(home, 'new.yaml'), 'utf8')) ===
        (await readFile(join(home, 'nightshift.yaml'), 'utf8')),
    'and what was put is there',
    back.said,
  );
  await shell(
    `rm ${DROP_INS}/host-disks.conf; cp /srv/given/watchdog.conf ${DROP_INS}/; systemctl daemon-reload; systemctl restart ${SERVICE}`,
  );
  const hung = await shows('MainPID');
  await shell(
    `kill -STOP ${hung}; for i in $(seq 60); do [ "$(systemctl show -P NRestarts ${SERVICE})" = 1 ] && break; sleep 0.5; done`,
  );
  check((await shows('NRestarts')) === '1', 'an agent that hangs is started anew');
  const again = await order('status', 'host1');
  check(again.code === 0, 'and answers', again.said);

  await shell(`systemctl --quiet enable ${SERVICE}`);
  const upgraded = await shell('dpkg --force-depends --install /srv/given/nightshift.deb');
  check(
    upgraded.code === 0 && (await shows('ActiveState')) === 'active',
    'after an upgrade it runs',
    upgraded.said,
  );
  check((await order('status', 'host1')).code === 0, 'and answers');
  const kills = await shell(
    'journalctl -q -k -b 2>/dev/null | grep -c SECCOMP || true; journalctl -q | grep -c "code=killed, status=31" || true',
  );
  check(!/[1-9]/.test(kills.said), 'no system call was its end', kills.said);
  say((await shell(`systemctl status --no-pager --lines=0 ${SERVICE}`)).said.trim());
  const purged = await shell('dpkg --purge nightshift');
  check(
    /removing \/var\/lib\/nightshift: the device's key/.test(purged.said),
    'a purge says what goes',
    purged.said,
  );
  check(
    /\/etc\/nightshift\/secrets is not empty, and stays/.test(purged.said),
    'and what stays',
    purged.said,
  );
  const left = await shell(
    'find /opt/nightshift /var/lib/nightshift /etc/nightshift -type f 2>/dev/null; systemctl is-active nightshift-agent',
  );
  check(
    /^\/etc\/nightshift\/secrets\/host1.key\n[a-z]+\n$/.test(left.said),
    'nothing else is left',
    left.said,
  );

  const unpacked = await shell('cd /srv && tar xf given/nightshift.tar.gz && nightshift-*/install.sh');
  check(/^Installed\./m.test(unpacked.said), 'the archive installs itself', unpacked.said);
  await shell(
    'cp /srv/given/agent.yaml /etc/nightshift/; echo BOARD=sim-host >/etc/default/nightshift-agent; ' +
      `install -o nightshift -g nightshift -m 600 /srv/given/disk0.img /var/lib/nightshift/; systemctl start ${SERVICE}`,
  );
  check((await shows('ActiveState')) === 'active', 'and its agent starts');
  const renewed = await shell('/srv/nightshift-*/install.sh');
  check((await shows('ActiveState')) === 'active', 'installed over itself it runs again', renewed.said);
  const taken = await shell(
    '/srv/nightshift-*/install.sh --uninstall; ls -d /opt/nightshift 2>&1; ls /var/lib/nightshift',
  );
  check(/cannot access[\s\S]*device-key\.pem/.test(taken.said), 'taken away, its state is there', taken.said);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  broker?.kill('SIGKILL');
  await system?.pull();
  await rm(home, { recursive: true, force: true });
}
