import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { isPermitted, readPermit } from '../../../../src/adapters/pki/permitted-names.ts';
import type { Wanted } from '../../../../src/adapters/pki/site.ts';
import { issue } from '../../../../src/adapters/pki/site.ts';
import { newFile, readSite, withWork } from '../../../../src/adapters/pki/site-file.ts';
import { ask, SitePki } from '../../../kit/site-pki.ts';

const site = await new SitePki(t.testdir({})).init();
const names = (...of: readonly string[]): Wanted => ({ kind: 'broker', name: 'evil', names: of });

await t.test(
  'a name that is not permitted, or is none, is not certified, and asks for no passphrase',
  async (t) => {
    const refusals: readonly [Wanted, RegExp][] = [
      [names(), /--dns or --ip/],
      [names('127.0.0.1', 'elsewhere.example'), /may not certify "elsewhere\.example"/],
      [names('notsite.example'), /may not certify/],
      [names('site.example.evil'), /may not certify/],
      [names('128.0.0.1'), /may not certify/],
      [names('::1'), /may not certify/],
      [names('a b.site.example'), /is no DNS name/],
      [names('evil\nDNS:x.site.example'), /is no DNS name/],
      [names('evil,DNS:x.site.example'), /is no DNS name/],
      [names('*.site.example'), /is no DNS name/],
      [names('fe80::1%eth0.site.example'), /is no DNS name/],
      [{ kind: 'operator', name: 'x'.repeat(60) }, /too long for a certificate/],
    ];
    for (const [wanted, message] of refusals) {
      await t.rejects(
        issue(site.place, [wanted], () => Promise.reject(new Error('asked'))),
        { code: 'NS_USAGE', message },
      );
    }
    t.same((await readSite(site.directory)).issued, []);
  },
);

await t.test('what permits may say', async (t) => {
  for (const good of ['site.example', 'localhost', '10.0.0.0/8', '192.0.2.7', 'fd00::/8', '::1'])
    readPermit(good);
  for (const bad of [
    '',
    'a_b',
    'x/8',
    '10.0.0.0/33',
    '10.0.0.0/',
    'fd00::/129',
    '10.0.0.0/8/8',
    '-a.b',
    'a..b',
    'a b',
  ]) {
    t.throws(() => readPermit(bad), { code: 'NS_USAGE' }, bad);
  }
  const permits = ['Site.example', '10.1.0.0/16', 'fd00::/8'].map(readPermit);
  fc.assert(
    fc.property(fc.ipV4(), fc.domain(), (address, domain) => {
      t.equal(isPermitted(address, permits), address.startsWith('10.1.'), address);
      t.notOk(isPermitted(domain, permits));
      t.ok(isPermitted(`${domain}.SITE.example`, permits));
    }),
    { numRuns: 50 },
  );
  t.ok(isPermitted('fdff::1', permits));
  t.notOk(isPermitted('fe00::1', permits));
});

await t.test('a certificate begins a day early and never outlives its authority', async (t) => {
  const now = Math.floor(Date.now() / 1000);
  const late = site.at(now + 3600 * 86_400);
  const [made] = await late.make({ kind: 'device', name: 'rack1' });
  const leaf = new X509Certificate(site.read('device/rack1-1.pem'));
  const ca = new X509Certificate(site.read('ca-1.pem'));
  t.equal(leaf.validTo, ca.validTo);
  t.equal(Date.parse(leaf.validFrom) / 1000, late.place.now - 86_400);
  t.match(made, { file: /rack1-1$/ });
  await t.rejects(site.at(now + 3651 * 86_400).make({ kind: 'device', name: 'rack2' }), {
    message: /authority itself has ended/,
  });
});

await t.test('one program at a time, and no file is replaced', async (t) => {
  await withWork(site.directory, async () => {
    await t.rejects(issue(site.place, [{ kind: 'device', name: 'rack3' }], ask), { code: 'NS_PKI_BUSY' });
  });
  await site.make({ kind: 'device', name: 'rack3' });
  // A key that a run which was cut off has left.
  await newFile(`${site.directory}/device/rack4-1.key`, 'left over');
  t.match(await site.make({ kind: 'device', name: 'rack4' }), [{ file: /rack4-2$/ }]);
  t.equal(site.read('device/rack4-1.key'), 'left over');
  await t.rejects(newFile(`${site.directory}/ca-1.pem`, 'x'), { code: 'NS_PKI_EXISTS' });
  t.match(site.read('ca-1.pem'), /BEGIN CERTIFICATE/);
});
