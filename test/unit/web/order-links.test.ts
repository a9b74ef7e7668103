import fc from 'fast-check';
import t from 'tap';
import { NAME } from '../../../src/protocol/index.ts';
import { hostsInLink, MOST_ORDERED, orderLink } from '../../../web/order-links.ts';

await t.test('an address names the hosts that it was made for', async () => {
  const hosts = fc.uniqueArray(fc.stringMatching(NAME), { minLength: 1, maxLength: MOST_ORDERED });
  fc.assert(
    fc.property(hosts, (names) => {
      t.same(hostsInLink(orderLink(names) ?? ''), names);
    }),
    { numRuns: 50 },
  );
});

await t.test('hosts that are none or too many have no address, and no address names more', async (t) => {
  const many = Array.from({ length: MOST_ORDERED + 1 }, (_, n) => `h${n}`);
  t.equal(orderLink([]), undefined);
  t.equal(orderLink(many), undefined);
  t.equal(hostsInLink(`#order/${many.join(',')}`)?.length, MOST_ORDERED);
  t.same(hostsInLink('#order/a,,b,a'), ['a', 'b']);
  t.same(hostsInLink('#order/%E0%A4%A'), []);
  t.equal(hostsInLink('#host/a'), undefined);
  t.equal(hostsInLink(''), undefined);
});
