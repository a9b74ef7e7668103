import t from 'tap';
import { parseConfig, resolveIpmiHosts } from '../../../src/fleet/index.ts';

const config = (ipmi: unknown, groups = {}) => parseConfig('test.yaml', { ipmi, groups }, {});
const { ipmi, groups } = config(
  {
    defaults: { user: 'admin', passwordFile: 'bmc.pass', suites: [17], quirks: ['slow-answers'] },
    hosts: {
      rack1: '10.0.0.1',
      rack2: { address: '10.0.0.2', port: 9623, user: 'oper', suites: [17, 3], bmcKeyFile: 'kg' },
      rack3: { address: '[fe80::3]:7623' },
      'rack4.bmc': null,
    },
  },
  { racks: 'rack[1-2]', most: '@racks,rack3', circle: '@circle' },
);
const found = (text: string) => resolveIpmiHosts(text, ipmi, groups);
const names = (text: string) => found(text).map(({ name }) => name);

await t.test('a name has what its entry says, and else the defaults', async (t) => {
  t.match(found('rack1'), [
    { name: 'rack1', address: '10.0.0.1', port: 623, user: 'admin', passwordFile: 'bmc.pass', suites: [17] },
  ]);
  t.match(found('rack2'), [
    {
      address: '10.0.0.2',
      port: 9623,
      user: 'oper',
      suites: [17, 3],
      quirks: ['slow-answers'],
      bmcKeyFile: 'kg',
    },
  ]);
  t.match(found('rack3'), [{ address: 'fe80::3', port: 7623 }]);
  t.match(found('rack4.bmc'), [{ address: 'rack4.bmc', port: 623 }]);
});

await t.test('ranges, lists, groups and all', async (t) => {
  t.same(names('rack[1-3],rack1'), ['rack1', 'rack2', 'rack3']);
  t.same(names('@most'), ['rack1', 'rack2', 'rack3']);
  t.same(names('@all'), ['rack1', 'rack2', 'rack3', 'rack4.bmc']);
});

await t.test('plain addresses, with a port or without, also of IPv6', async (t) => {
  const at = (text: string) => found(text).map(({ name, address, port }) => [name, address, port]);
  t.same(at('10.1.1.1,bmc7:9623,bmc.example:1,localhost'), [
    ['10.1.1.1', '10.1.1.1', 623],
    ['bmc7:9623', 'bmc7', 9623],
    ['bmc.example:1', 'bmc.example', 1],
    ['localhost', 'localhost', 623],
  ]);
  t.same(at('[::1],[fe80::1%eth0]:700,rack1'), [
    ['[::1]', '::1', 623],
    ['[fe80::1%eth0]:700', 'fe80::1%eth0', 700],
    ['rack1', '10.0.0.1', 623],
  ]);
  t.same(
    at('127.0.0.1:[9001-9002]').map(([, , port]) => port),
    [9001, 9002],
  );
  t.match(found('10.1.1.1'), [{ user: 'admin', passwordFile: 'bmc.pass' }]);
});

await t.test('what names nothing is refused, with what was meant', async (t) => {
  const cases: readonly [string, RegExp][] = [
    ['rack9', /did you mean "rack\d"/],
    ['bmc7', /bmc7:623/],
    ['@rack', /did you mean "@racks"/],
    ['@circle', /name each other/],
    ['10.0.0.1:0', /no port/],
    ['10.0.0.1:65536', /no port/],
    ['a.b/c', /no address/],
    ['[::1', /without/],
    ['rack1,,rack2', /missing/],
    ['10.0.[0-199].[0-199]', /more than 16384/],
  ];
  for (const [text, message] of cases)
    t.throws(() => found(text), { code: 'NS_HOSTS_INVALID', message }, text);
  t.throws(() => resolveIpmiHosts('@all', config({}).ipmi), { message: /no IPMI hosts/ });
});

await t.test('the section is judged like the rest of the configuration', async (t) => {
  const cases: readonly [unknown, RegExp][] = [
    [{ defaults: { pasword: 'x' } }, /ipmi.defaults.pasword/],
    [{ defaults: { password: 'secret' } }, /unknown key "ipmi.defaults.password"/],
    [{ hosts: { r: { suites: [0] } } }, /suites/],
    [{ hosts: { r: { port: 70_000 } } }, /port/],
    [{ hosts: { 'a b': 'x' } }, /letters/],
    [{ pins: '' }, /pins/],
  ];
  for (const [section, message] of cases)
    t.throws(() => config(section), { code: 'NS_CONFIG_INVALID', message }, JSON.stringify(section));
});
