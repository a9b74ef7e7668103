import fc from 'fast-check';
import t from 'tap';
import { chooseHosts, expandHosts, foldHosts, groupEqual, resolveHosts } from '../../../src/fleet/index.ts';

await t.test('ranges stand for names, each once, in the order written', async (t) => {
  t.same(expandHosts('rack[1-4]'), ['rack1', 'rack2', 'rack3', 'rack4']);
  t.same(expandHosts('web[08-10,20]'), ['web08', 'web09', 'web10', 'web20']);
  t.same(expandHosts('r[1-2]n[1-2].lab, db,r1n1.lab'), [
    'r1n1.lab',
    'r1n2.lab',
    'r2n1.lab',
    'r2n2.lab',
    'db',
  ]);
});

await t.test('what is no range is an error that says why', async (t) => {
  const wrong: [string, RegExp][] = [
    ['rack[1-', /"\[" without "\]"/],
    ['a]b', /"\]" without "\["/],
    ['x[[1]]', /bracket inside/],
    ['a,,b', /missing/],
    ['', /missing/],
    ['x[]', /neither a number/],
    ['x[a]', /neither a number/],
    ['x[4-1]', /counts down/],
    ['x[01-4]', /01-04/],
    ['x[1-99999]', /more than 16384/],
    ['x[1-200]y[1-200]', /more than 16384/],
    ['x[1-9000],y[1-9000]', /more than 16384/],
    [`x[${Array(9000).fill('1-9000').join()}]`, /more than 16384/],
    [Array(9000).fill('x[1-9000]').join(), /again and again/],
    ['x'.repeat(1_100_000), /too long/],
  ];
  for (const [text, why] of wrong) {
    t.throws(() => expandHosts(text), { code: 'NS_HOSTS_INVALID', message: why }, text.slice(0, 20));
  }
});

await t.test('no text whatever makes it hang or grow without bound', async (t) => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('[', ']', '1', '9', '-', ',', 'a', '@'), maxLength: 40 }),
      (text) => {
        try {
          return expandHosts(text).length <= 16_384;
        } catch {
          return true;
        }
      },
    ),
    { numRuns: 2000 },
  );
  t.pass();
});

await t.test('groups, groups of groups and @all', async (t) => {
  const inventory = {
    devices: ['rack1', 'rack2', 'web01', 'db'],
    groups: { racks: 'rack[1-2]', most: '@racks,db', loop: '@loop' },
  };
  t.same(resolveHosts('@most', inventory), ['rack1', 'rack2', 'db']);
  t.same(resolveHosts('@all', inventory), inventory.devices);
  t.throws(() => resolveHosts('rak1', inventory), { message: /did you mean "rack1"\?/ });
  t.throws(() => resolveHosts('@rack', inventory), { message: /did you mean "@racks"\?/ });
  t.throws(() => resolveHosts('@loop', inventory), { message: /name each other/ });
  t.throws(() => resolveHosts('@constructor', inventory), { code: 'NS_HOSTS_INVALID' });
});

await t.test('folded names read back as the same hosts', async (t) => {
  t.equal(foldHosts(['rack1', 'rack2', 'rack3', 'db', 'rack7']), 'rack[1-3,7],db');
  t.equal(foldHosts(['web08', 'web09', 'web10']), 'web[08-10]');
  t.equal(foldHosts(['solo']), 'solo');
  t.equal(foldHosts(['one1']), 'one1');
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b-', 'r1n'), fc.nat(120), fc.constantFrom(0, 2, 3)), {
        maxLength: 40,
      }),
      (parts) => {
        const names = [...new Set(parts.map(([frame, n, width]) => frame + String(n).padStart(width, '0')))];
        if (names.length === 0) return true;
        return expandHosts(foldHosts(names)).sort().join() === [...names].sort().join();
      },
    ),
  );
});

await t.test('hosts with the same answer stand together', async (t) => {
  const answers = [
    { host: 'a1', text: 'ok' },
    { host: 'a2', text: 'no' },
    { host: 'a3', text: 'ok' },
  ];
  t.same(groupEqual(answers), [
    { hosts: ['a1', 'a3'], text: 'ok' },
    { hosts: ['a2'], text: 'no' },
  ]);
});

await t.test('lists stand for what is in them, and what is left out is left out', async (t) => {
  const inventory = { devices: ['rack1', 'rack2', 'rack3', 'db'], groups: { racks: 'rack[1-3]' } };
  const lists: Readonly<Record<string, string>> = {
    a: '# two of them\nrack[1,3]\n\n  db, # and this\n',
    '-': '@racks',
    empty: '# nobody\n',
    chain: '^a',
    wrong: 'rak1',
  };
  const choose = (hosts: string, allBut?: string): Promise<string[]> =>
    chooseHosts(
      { hosts, allBut },
      async (name) => lists[name] ?? '',
      (range) => resolveHosts(range, inventory),
      (name) => name,
    );
  t.same(await choose('^a'), ['rack1', 'rack3', 'db']);
  t.same(await choose('rack2, ^a'), ['rack2', 'rack1', 'rack3', 'db']);
  t.same(await choose('@all', '^-'), ['db']);
  t.same(await choose('^-', 'rack2,db'), ['rack1', 'rack3']);
  const wrong: [string, string | undefined, RegExp][] = [
    ['@all', 'rak1', /did you mean "rack1"/],
    ['@all', '^empty', /the list is empty/],
    ['^chain', undefined, /names no other list/],
    ['^wrong', undefined, /did you mean "rack1"/],
    ['@racks', '@all', /left out by --all-but/],
    ['@all', '', /missing/],
  ];
  for (const [hosts, allBut, why] of wrong) {
    await t.rejects(choose(hosts, allBut), { code: 'NS_HOSTS_INVALID', message: why }, `${hosts} ${allBut}`);
  }
});

await t.test('as many hosts as may be reached at once fit in one list', async (t) => {
  const devices = Array.from({ length: 16_384 }, (_, i) => `datacentre-oslo-1-row-12-rack-${i}`);
  const chosen = await chooseHosts(
    { hosts: '^f', allBut: devices[7] },
    async () => devices.join('\n'),
    (range) => resolveHosts(range, { devices, groups: {} }),
    (name) => name,
  );
  t.equal(chosen.length, 16_383);
});
