import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readAgentConfig } from '../../../../src/programs/agent/config.ts';
import { ROOTS, rootsOf } from '../../../kit/keyring-papers.ts';

const directory = t.testdir({});
const path = join(directory, 'agent.yaml');

/** The relay's part of a configuration with this one. */
async function relayOf(relay: unknown) {
  const config = { device: 'host1', broker: 'mqtt://127.0.0.1', state: 'state', keyring: [], relay };
  writeFileSync(path, JSON.stringify(config));
  return (await readAgentConfig(path, {})).relay;
}

await t.test('a device without links has no relay', async (t) => {
  t.equal(await relayOf(undefined), undefined);
});

await t.test('sockets are beside the file, serial lines where they are', async (t) => {
  t.same(await relayOf({ above: 'connect:run/up.sock', below: 'serial:/dev/ttyS1@9600', for: ['host2'] }), {
    links: [
      { is: 'connect', path: join(directory, 'run/up.sock') },
      { is: 'serial', device: '/dev/ttyS1', baud: 9600 },
    ],
    for: ['host2'],
    afterSeconds: 30,
    spoolMiB: 4,
  });
  t.match(await relayOf({ below: 'listen:/run/down.sock', afterSeconds: 5, spoolMiB: 1 }), {
    links: [{ is: 'listen', path: '/run/down.sock' }],
    for: [],
    afterSeconds: 5,
    spoolMiB: 1,
  });
});

await t.test('what cannot be meant is named', async (t) => {
  const above = 'connect:/run/up.sock';
  const mistakes: readonly [unknown, RegExp][] = [
    [{ for: ['host2'] }, /"relay": needs a link, above or below/],
    [{ above, below: above }, /links above and below are one and the same/],
    [{ above: 'tcp:host2' }, /"relay.above": "tcp:host2" is no link; write connect:PATH/],
    [{ below: 'serial:/dev/ttyS1@1' }, /"relay.below": the baud rate is a number from 1200/],
    [{ above: `listen:${'x'.repeat(100)}` }, /"relay.above": .* is longer than the 107 bytes/],
    [{ above, for: ['host1'] }, /"relay.for": a device does not stand for itself/],
    [{ above, for: ['host2', 'host2'] }, /"relay.for": names a device twice/],
    [{ above, for: Array.from({ length: 9 }, (_, n) => `host${n + 2}`) }, /"relay.for"/],
    [{ above, spoolMib: 2 }, /unknown key "relay.spoolMib"; did you mean "spoolMiB"\?/],
    [{ above, spoolMiB: 17 }, /"relay.spoolMiB"/],
  ];
  for (const [relay, message] of mistakes) {
    await t.rejects(relayOf(relay), { code: 'NS_CONFIG_INVALID', message });
  }
});

/** The whole configuration with these sections. */
async function configOf(sections: object) {
  const config = { device: 'host1', broker: 'mqtt://127.0.0.1', state: 'state', keyring: [], ...sections };
  writeFileSync(path, JSON.stringify(config));
  return readAgentConfig(path, {});
}

const fence = { name: 'fence', passwordFile: 'fence.pw' };

await t.test(
  'the BMC side is off where it is not configured, and takes the safe choice of everything',
  async (t) => {
    t.equal((await configOf({})).ipmi, undefined);
    t.same((await configOf({ ipmi: { accounts: [fence], bmcKeyFile: 'kg' } })).ipmi, {
      listen: ['127.0.0.1'],
      port: 623,
      suites: [17],
      accounts: [{ name: 'fence', passwordFile: join(directory, 'fence.pw'), level: 'user' }],
      bmcKeyFile: join(directory, 'kg'),
      consoleLevel: 'operator',
    });
  },
);

await t.test("the board's own BMC is asked as it is configured", async (t) => {
  t.same((await configOf({})).hostPower, {});
  const ipmi = { host: '10.0.0.8', user: 'nightshift', passwordFile: 'bmc.pw' };
  t.same((await configOf({ hostPower: { ipmi } })).hostPower, {
    ipmi: {
      ...ipmi,
      passwordFile: join(directory, 'bmc.pw'),
      port: 623,
      suites: [17],
      quirks: [],
      required: true,
    },
  });
});

await t.test('of IPMI, too, what cannot be meant is named', async (t) => {
  const accounts = [fence];
  const mistakes: readonly [object, RegExp][] = [
    [{ ipmi: {} }, /"ipmi.accounts"/],
    [{ ipmi: { accounts: [] } }, /"ipmi.accounts"/],
    [{ ipmi: { accounts: [fence, fence] } }, /"ipmi.accounts": names an account twice/],
    [{ ipmi: { accounts: [{ ...fence, name: 'a name' }] } }, /1 to 16 printable characters/],
    [{ ipmi: { accounts: [{ ...fence, password: 'secret' }] } }, /unknown key "ipmi.accounts.0.password"/],
    [{ ipmi: { accounts, suites: [0] } }, /"ipmi.suites.0"/],
    [{ ipmi: { accounts, suites: [17, 17] } }, /"ipmi.suites": names a suite twice/],
    [{ ipmi: { accounts, listen: ['localhost'] } }, /"ipmi.listen.0": must be an address in digits/],
    [{ ipmi: { accounts, listen: ['::1', '::1'] } }, /"ipmi.listen": names an address twice/],
    [{ ipmi: { accounts, listen: [] } }, /"ipmi.listen"/],
    [{ ipmi: { accounts, port: 0 } }, /"ipmi.port"/],
    [{ ipmi: { accounts, keyFile: 'kg' } }, /unknown key "ipmi.keyFile"/],
    [{ hostPower: { ipmi: { host: '10.0.0.8', user: '', passwordFile: 'p' } } }, /"hostPower.ipmi.user"/],
    [{ hostInterface: { kcs: '/dev/ipmi-kcs3' } }, /"hostInterface.kcs"/],
  ];
  for (const [sections, message] of mistakes) {
    await t.rejects(configOf(sections), { code: 'NS_CONFIG_INVALID', message });
  }
});

await t.test(
  "the lock's witness lies beside the file, and never where it would be put back with the state",
  async (t) => {
    const { lockWitness } = await configOf({ lockWitness: 'eeprom' });
    t.match(lockWitness, /^\/.*\/eeprom$/);
    t.equal((await configOf({})).lockWitness, undefined);
    for (const inside of ['state', 'state/witness', './state/../state']) {
      await t.rejects(configOf({ lockWitness: inside }), {
        code: 'NS_CONFIG_INVALID',
        message: /state directory/,
      });
    }
  },
);

await t.test("the drives' own locks are off unless they are wanted", async (t) => {
  t.equal((await configOf({})).lock, undefined);
  t.equal((await configOf({ lock: {} })).lock?.driveSecurity, false);
  t.equal((await configOf({ lock: { driveSecurity: true } })).lock?.driveSecurity, true);
});

await t.test('the absence lock is off, and never short', async (t) => {
  t.equal((await configOf({})).absenceLock, undefined);
  t.same((await configOf({ absenceLock: { days: 14 } })).absenceLock, { days: 14 });
  for (const days of [13, 14.5, 3651, 0]) {
    await t.rejects(configOf({ absenceLock: { days } }), { code: 'NS_CONFIG_INVALID', message: /days/ });
  }
});

await t.test('a device has a list of keys, or roots for a keyring document, or both', async (t) => {
  const { ann, ben, cy, cy2 } = ROOTS;
  const keyringRoots = rootsOf(2, { ann, ben });
  const config = await configOf({ keyring: undefined, keyringRoots, keyringFile: 'keyring.cose' });
  t.same(config.keyring.entries(), []);
  t.same(config.keyringRoots, keyringRoots);
  t.equal(config.keyringFile, join(directory, 'keyring.cose'));
  await t.rejects(configOf({ keyring: undefined }), {
    code: 'NS_CONFIG_INVALID',
    message: /nobody could give an order/,
  });
  await t.rejects(configOf({ keyringRoots: rootsOf(2, { cy, cy2 }) }), {
    code: 'NS_KEYRING_INVALID',
    message: /The roots are 1 people, and 2 must sign/,
  });
  await t.rejects(configOf({ keyringRoots: { ...keyringRoots, threshold: 0 } }), {
    code: 'NS_CONFIG_INVALID',
  });
  const key = { name: 'olga', role: 'operator', key: keyringRoots.keys[0]?.key };
  const scopes = [{ verbs: ['file.*'], paths: ['/var/log'] }];
  const [olga] = (await configOf({ keyring: [{ ...key, scopes, notAfter: 7 }] })).keyring.entries();
  t.match(olga, { scopes, notAfter: 7 });
  await t.rejects(configOf({ keyring: [{ ...key, scopes: [{ paths: ['log'] }] }] }), {
    code: 'NS_CONFIG_INVALID',
  });
});
