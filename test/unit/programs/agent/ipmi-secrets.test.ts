import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkBmc } from '../../../../src/programs/agent/bmc.ts';
import { checkPowerByIpmi } from '../../../../src/programs/agent/power.ts';

const directory = t.testdir({});
const lines: string[] = [];
const log = {
  log: (level: string, event: string, fields: object = {}) =>
    lines.push(`${level} ${event} ${JSON.stringify(fields)}`),
};
const secret = (name: string, text: string): string => {
  const path = join(directory, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
};
const bmc = (password: string, bmcKey?: string) =>
  checkBmc(
    {
      listen: ['127.0.0.1'],
      port: 623,
      suites: [17],
      accounts: [{ name: 'fence', passwordFile: secret('fence.pw', password), level: 'operator' }],
      consoleLevel: 'operator',
      ...(bmcKey === undefined ? {} : { bmcKeyFile: secret('kg', bmcKey) }),
    },
    log,
  );
const invalid = (message: RegExp) => ({ code: 'NS_CONFIG_INVALID', message });

await t.test('a password is the first line of its file, 1 to 20 bytes', async (t) => {
  for (const good of ['x', 'x'.repeat(20), 'secret\n', 'secret\r\nand a remark\n']) await bmc(good);
  t.same(lines, []);
  for (const empty of ['', '\n', '\nsecret\n'])
    await t.rejects(bmc(empty), invalid(/fence\.pw has nothing on its first line/));
  await t.rejects(bmc('x'.repeat(21)), invalid(/fence\.pw: an IPMI password has at most 20 bytes/));
  await t.rejects(bmc('x'.repeat(5000)), invalid(/fence\.pw cannot be read: it has 5000 bytes/));
});

await t.test("a BMC's own key is a text of 1 to 20 bytes, or 40 digits", async (t) => {
  for (const good of ['k', 'k'.repeat(20), `0x${'5A'.repeat(20)}\n`]) await bmc('secret', good);
  for (const bad of ['k'.repeat(21), `0x${'5a'.repeat(19)}`, `0x${'5a'.repeat(21)}`])
    await t.rejects(bmc('secret', bad), invalid(/kg: a BMC's own key \(Kg\) is/));
});

await t.test('a secret that others may read is used, and told of without its text', async (t) => {
  const passwordFile = secret('bmc.pw', 'telltale');
  const config = {
    host: '127.0.0.1',
    port: 623,
    user: 'nightshift',
    passwordFile,
    suites: [17] as 17[],
    quirks: ['no-set-privilege'],
    required: true,
  };
  await checkPowerByIpmi(config, log);
  t.same(lines, []);
  chmodSync(passwordFile, 0o640);
  await checkPowerByIpmi(config, log);
  const said = lines.splice(0);
  t.match(said, [/^warn secret\.others-may-read .*bmc\.pw/]);
  t.notMatch(said.join(), /telltale/);
  await t.rejects(checkPowerByIpmi({ ...config, quirks: ['lazy'] }, log), { message: /no quirk "lazy"/ });
});
