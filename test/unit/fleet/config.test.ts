import t from 'tap';
import { parseConfig } from '../../../src/fleet/index.ts';
import { publicKeyText } from '../../../src/security/index.ts';
import { testKey } from '../../kit/keys.ts';

const key = publicKeyText(testKey().publicKey);

await t.test('a whole configuration', async (t) => {
  const config = parseConfig(
    'ns.yaml',
    {
      broker: { url: 'mqtts://b:8883', ca: 'ca.pem' },
      tenant: 'acme',
      key: 'olga.key',
      devices: { rack1: key },
      groups: { racks: 'rack[1-4]', both: ['rack1', '@racks'] },
    },
    {},
  );
  t.match(config, { broker: { url: 'mqtts://b:8883', ca: 'ca.pem' }, tenant: 'acme', keyFile: 'olga.key' });
  t.same([...config.devices.keys()], ['rack1']);
  t.same(config.groups, { racks: 'rack[1-4]', both: 'rack1,@racks' });
});

await t.test('nothing at all is a configuration too', async (t) => {
  t.match(parseConfig('none', undefined, {}), { broker: undefined, tenant: 'default', keyFile: undefined });
});

await t.test('the environment wins, and leaves the certificates', async (t) => {
  const config = parseConfig(
    'ns.yaml',
    { broker: { url: 'mqtts://a', ca: 'ca.pem' }, tenant: 'a' },
    { NIGHTSHIFT_BROKER: 'mqtts://b', NIGHTSHIFT_TENANT: 't', NIGHTSHIFT_KEY: 'k', PATH: '/bin' },
  );
  t.match(config, { broker: { url: 'mqtts://b', ca: 'ca.pem' }, tenant: 't', keyFile: 'k' });
});

await t.test('a mistake is named, with what was most likely meant', async (t) => {
  const wrong: [unknown, RegExp][] = [
    [{ brokr: 'mqtt://x' }, /unknown key "brokr"; did you mean "broker"\?/],
    [{ broker: { url: 'mqtt://x', cafile: 'y' } }, /unknown key "broker\.cafile"/],
    [{ broker: 'http://x' }, /"broker\.url": must begin with mqtt/],
    [{ devices: { rack1: 'ed25519:short' } }, /devices\.rack1/],
    [{ devices: { 'a b': key } }, /devices\.a b/],
    [{ groups: { g: 'a[' } }, /groups\.g.*without/],
    [{ tenant: 'a/b' }, /"tenant"/],
    [['broker'], /must be a map/],
    ['text', /must be a map/],
  ];
  for (const [raw, why] of wrong) {
    t.throws(() => parseConfig('ns.yaml', raw, {}), { code: 'NS_CONFIG_INVALID', message: why });
  }
  t.throws(() => parseConfig('ns.yaml', {}, { NIGHTSHIFT_BROKR: 'x' }), {
    message: /did you mean NIGHTSHIFT_BROKER\?/,
  });
  t.doesNotThrow(() => parseConfig('ns.yaml', {}, { NIGHTSHIFT_AGENT_STATE_DIRECTORY: 'x' }));
});
