import fc from 'fast-check';
import t from 'tap';
import * as v from 'valibot';
import { shapeConfig } from '../../../src/base/index.ts';
import { brokerSection, brokerUrl, insecureIn, isOpenLink, pinsOf } from '../../../src/security/index.ts';

const schema = v.strictObject({ broker: v.union([brokerUrl, brokerSection]) });
const read = (broker: unknown) => shapeConfig(schema, { broker }, 'agent.yaml').broker;

await t.test(
  'a link without encryption to another machine is refused, unless it is said by name',
  async (t) => {
    for (const url of [
      'mqtt://broker',
      'mqtt://10.0.0.1:1883',
      'mqtt://127.0.0.1.example',
      'mqtt://127.0.0.256',
    ]) {
      t.throws(() => read(url), { code: 'NS_CONFIG_INVALID', message: /"broker".*insecureNoTls: true/ }, url);
      t.throws(
        () => read({ url }),
        { code: 'NS_CONFIG_INVALID', message: /"broker".*insecureNoTls: true/ },
        url,
      );
      t.throws(() => read({ url, insecureNoTls: false }), { code: 'NS_CONFIG_INVALID' }, url);
      t.match(read({ url, insecureNoTls: true }), { url });
      t.match(insecureIn({ url }), [/not encrypted.*broker\.insecureNoTls/]);
    }
  },
);

await t.test('the own machine and TLS need no such word', async (t) => {
  for (const url of [
    'mqtt://127.0.0.1:1883',
    'mqtt://127.9.9.9',
    'mqtt://LOCALHOST',
    'mqtt://[::1]:1',
    'mqtts://broker',
  ]) {
    t.equal(read(url), url);
    t.same(insecureIn({ url }), [], url);
  }
});

await t.test(
  'no other spelling of an address makes a link to elsewhere a link to this machine',
  async (t) => {
    fc.assert(
      fc.property(
        fc.webUrl({ validSchemes: ['mqtt'], withFragments: true, withQueryParameters: true }),
        (url) => {
          const { hostname } = new URL(url);
          t.equal(isOpenLink(url), !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/i.test(hostname));
        },
      ),
      { numRuns: 200 },
    );
    for (const url of [
      'mqtt://127.0.0.1@evil.example',
      'mqtt://evil.example#localhost',
      'mqtt://localhost.evil',
    ]) {
      t.ok(isOpenLink(url), url);
    }
  },
);

await t.test('pins: both spellings of base64, one or up to four, with TLS only', async (t) => {
  const url = 'mqtts://broker';
  const plain = `${'A'.repeat(41)}-_`;
  t.same(pinsOf({}), []);
  t.same(pinsOf(shapeConfig(brokerSection, { url, pin: `sha256:${plain}` }, 'x')), [plain]);
  const two = [`sha256:${'A'.repeat(41)}+/=`, `sha256:${plain}`];
  t.same(pinsOf(shapeConfig(brokerSection, { url, pin: two }, 'x')), [plain, plain]);
  const wrong: readonly [unknown, RegExp][] = [
    [{ url, pin: 'sha256:short' }, /"broker\.pin".*is no pin/],
    [{ url, pin: plain }, /is no pin/],
    [{ url, pin: [] }, /pin/],
    [{ url, pin: Array.from({ length: 5 }, () => `sha256:${plain}`) }, /pin/],
    [{ url: 'mqtt://127.0.0.1', pin: `sha256:${plain}` }, /a pin needs mqtts/],
    [{ url, cert: 'me.pem' }, /certificate and its key/],
    [{ url, insecureNoTLS: true }, /unknown key "broker\.insecureNoTLS"; did you mean "insecureNoTls"/],
    [{ url, rejectUnauthorized: false }, /unknown key "broker\.rejectUnauthorized"/],
  ];
  for (const [broker, message] of wrong) t.throws(() => read(broker), { code: 'NS_CONFIG_INVALID', message });
});
