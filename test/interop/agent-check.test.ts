import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';

const directory = t.testdir({
  'agent.yaml': `device: host1
broker: { url: mqtts://localhost, ca: ca.pem, passwordFile: password }
state: state
keyring: []
sim: { disks: [{ name: disk0, image: disk.img }] }
`,
  'ipmi.yaml': `device: host1
broker: mqtt://localhost
state: state
keyring: []
sim: { disks: [{ name: disk0, image: disk.img }] }
ipmi: { accounts: [{ name: fence, passwordFile: fence.pw }], bmcKeyFile: kg }
hostPower: { ipmi: { host: 127.0.0.1, user: us, passwordFile: bmc.pw, quirks: [no-set-privilege] } }
`,
});

async function check(file = 'agent.yaml'): Promise<{ readonly code: number | null; readonly said: string }> {
  const args = ['--import=tsx', 'src/programs/agent/main.ts', '--board', 'sim-host', '--check'];
  const child = spawn(process.execPath, [...args, '--config', join(directory, file)]);
  let said = '';
  const hear = (text: Buffer) => {
    said += text.toString();
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return { code, said };
}

await t.test('a check names a file of the broker that cannot be read', async (t) => {
  writeFileSync(join(directory, 'ca.pem'), '');
  writeFileSync(join(directory, 'password'), 'secret\n');
  t.match(await check(), { code: 0, said: 'the configuration is good' });
  rmSync(join(directory, 'password'));
  t.match(await check(), { code: 2, said: /password cannot be read/ });
});

await t.test('and a secret of IPMI', async (t) => {
  const secret = (name: string, text: string) =>
    writeFileSync(join(directory, name), `${text}\n`, { mode: 0o600 });
  secret('fence.pw', 'a-long-password-4242');
  secret('bmc.pw', 'another');
  secret('kg', 'a text');
  t.same(await check('ipmi.yaml'), { code: 0, said: 'the configuration is good\n' });
  rmSync(join(directory, 'bmc.pw'));
  t.match(await check('ipmi.yaml'), { code: 2, said: /bmc\.pw cannot be read/ });
});

await t.test('a check judges what is said of the firmware', async (t) => {
  const base =
    'device: host1\nbroker: mqtt://localhost\nstate: state\nkeyring: []\nsim: { disks: [{ name: disk0, image: disk.img }] }\n';
  writeFileSync(join(directory, 'firmware.yaml'), `${base}firmware: { trialMinute: 5 }\n`);
  t.match(await check('firmware.yaml'), {
    code: 2,
    said: /firmware: unknown key "trialMinute"; did you mean "trialMinutes"/,
  });
});
