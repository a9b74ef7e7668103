import t from 'tap';
import { encodeEvidence, fileLines, Verification } from '../../../src/fleet/index.ts';
import { chainOf } from '../../kit/grants.ts';
import { testKey, testKeyring } from '../../kit/keys.ts';
import { Witness } from '../../kit/witness.ts';

const tom = testKey();
const uli = testKey();

/** What is found in the receipt of an order that was given by grants of these kinds, as the witness kept it. */
async function found(change: Record<string, unknown>, outcome: 'succeeded' | 'refused' = 'succeeded') {
  const witness = new Witness();
  const at = witness.now;
  const both = { at, notAfter: at + 3600, ...change };
  const grants = await chainOf(
    [witness.operator, tom, uli],
    [both, { ...both, scopes: [{ verbs: ['io.*'] }] }],
  );
  const [olga, middle] = [witness.operator, tom].map(({ publicKey }) => publicKey.keyId);
  const kept = await witness.give({
    key: uli,
    order: { verb: 'io.list', grants, exp: at + 600 },
    receipt: {
      outcome,
      askers: [
        {
          key: uli.publicKey.keyId,
          name: 'uli for tom for olga',
          person: 'Tom',
          role: 'operator',
          through: [olga!, middle!],
        },
      ],
    },
  });
  const verification = new Verification({
    devices: new Map([['host1', [witness.key.publicKey]]]),
    people: testKeyring({ olga: [witness.operator, 'operator'] }),
    tenant: 'acme',
  });
  const file = verification.add('kept', encodeEvidence(kept));
  if (file.is !== 'receipt') throw new Error(file.is);
  return { codes: file.checked.findings.map(({ code }) => code), lines: fileLines(file).join('\n') };
}

await t.test('an order by grants is told with all keys that its right came through', async (t) => {
  const { codes, lines } = await found({});
  t.same(codes, []);
  t.match(
    lines,
    /asked by uli for tom for olga \(operator, key \w{16} by grant of key \w{16} by grant of key \w{16}\); the signature holds/,
  );
});

await t.test('a device that obeyed beside a grant is found out', async (t) => {
  t.same((await found({ scopes: [{ hosts: ['host2'] }] })).codes, ['GRANT']);
  t.same((await found({ scopes: [{ hosts: ['@rack9'] }] })).codes, [], "groups are the device's own matter");
  t.same((await found({ scopes: [{ verbs: ['file.*'] }] })).codes, ['GRANT']);
  t.same(
    (await found({ notAfter: 1_700_000_005, at: 1_700_000_000 })).codes,
    ['DELEGATION_INVALID'],
    'for longer than it may be',
  );
  t.same((await found({ scopes: [{ verbs: ['file.*'] }] }, 'refused')).codes, [], 'it did not obey');
});
