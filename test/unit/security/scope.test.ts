import fc from 'fast-check';
import t from 'tap';
import { parseMessage } from '../../../src/protocol/index.ts';
import { mayWithin, type Scope, type ScopeFacts, scope } from '../../../src/security/scope.ts';
import { testKey } from '../../kit/keys.ts';
import { testOrder } from '../../kit/orders.ts';

const key = testKey();
const facts: ScopeFacts = { device: 'host1', groups: ['rack1'], power: 'S5' };
const stat = (path: string, volume?: string) =>
  testOrder(key, { verb: 'file.stat', args: { path, ...(volume === undefined ? {} : { volume }) } });
const status = testOrder(key);

const names = fc.constantFrom('a', 'b', 'ab', 'var', 'log', 'logs');
const path = fc.array(names, { maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
const some = <T>(item: fc.Arbitrary<T>) =>
  fc.option(fc.uniqueArray(item, { minLength: 1, maxLength: 3 }), { nil: undefined });
const scopes: fc.Arbitrary<Scope> = fc
  .record({
    verbs: some(fc.constantFrom('file.*', 'file.stat', 'machine.status', 'io.*')),
    hosts: some(fc.constantFrom('host1', 'host2', '@rack1', '@rack2')),
    paths: some(
      fc.tuple(fc.constantFrom('', 'disk0p1:', 'LABEL=root:'), path).map((parts) => parts.join('')),
    ),
    states: some(fc.constantFrom('S5', 'S0', 'unknown' as const)),
  })
  .map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)));
const orders = fc.oneof(
  fc.constant(status),
  fc.tuple(path, fc.constantFrom(undefined, 'disk0p1', 'LABEL=root')).map(([at, volume]) => stat(at, volume)),
);
const situations: fc.Arbitrary<ScopeFacts> = fc.record({
  device: fc.constantFrom('host1', 'host2', 'host3'),
  groups: fc.subarray(['rack1', 'rack2']),
  power: fc.constantFrom('S0', 'S5', 'unknown', 'later'),
});

await t.test(
  'without a list a role has its whole right, and an empty list leaves nothing of it',
  async (t) => {
    t.ok(mayWithin(undefined, status, facts).ok);
    t.notOk(mayWithin([], status, facts).ok);
    t.ok(mayWithin([{}], status, facts).ok);
  },
);

await t.test('a refusal names what is missing', async (t) => {
  const sentence = (given: Scope[], order = stat('/etc/shadow')) => {
    const verdict = mayWithin(given, order, facts);
    t.notOk(verdict.ok);
    if (verdict.ok) return '';
    t.equal(verdict.refusal.code, 'OUT_OF_SCOPE');
    return verdict.refusal.sentence;
  };
  t.match(sentence([{ verbs: ['io.*'] }]), /does not cover file\.stat\./);
  t.match(sentence([{ hosts: ['host2', '@rack2', 'rack1'] }]), /the device host1\./);
  t.match(sentence([{ paths: ['/var/log'] }]), /the path "\/etc\/shadow"\./);
  t.match(sentence([{ states: ['S0'] }]), /the power state S5\./);
  t.match(sentence([{ paths: ['/var/log'] }], status), /orders without a path\./);
  t.match(sentence([{ verbs: ['io.*'], states: ['S0'] }, { paths: ['/var'] }]), /not cover the path/);
});

await t.test('a path covers what is below it by whole names, on the volume that it names', async (t) => {
  const covers = (prefix: string, asked: string, volume?: string) =>
    mayWithin([{ paths: [prefix] }], stat(asked, volume), facts).ok;
  t.ok(covers('/var/log', '/var/log'));
  t.ok(covers('/var/log/', '/var/log/a/b'));
  t.ok(covers('/', '/etc/shadow'));
  t.notOk(covers('/var/log', '/var/logs'));
  t.notOk(covers('/var/log', '/var'));
  t.notOk(covers('/var/log', '/var/log/../../etc/shadow'));
  t.notOk(covers('/var/log', 'var/log'));
  t.ok(covers('/var/log', '/var/log/*'));
  t.notOk(covers('/var/log', '/var/*/x'));
  t.ok(covers('disk0p1:/var', '/var/x', 'disk0p1'));
  t.notOk(covers('disk0p1:/var', '/var/x', 'disk0p2'));
  t.notOk(covers('disk0p1:/var', '/var/x'));
  t.ok(covers('/var', '/var/x', 'disk0p2'));
});

await t.test('at the door the power state is left for the beginning of the task', async (t) => {
  t.ok(mayWithin([{ states: ['S0'] }], status, { ...facts, power: 'later' }).ok);
});

await t.test('one more condition, one entry less or one scope less never covers more', async () => {
  const DIMENSIONS = ['verbs', 'hosts', 'paths', 'states'] as const;
  fc.assert(
    fc.property(fc.array(scopes, { maxLength: 3 }), scopes, orders, situations, (given, more, order, at) => {
      const covered = (list: readonly Scope[]) => mayWithin(list, order, at).ok;
      const tighter = given.map((each) => ({ ...more, ...each }));
      const shorter = DIMENSIONS.map((dimension) =>
        given.map((each): Scope => {
          const list = each[dimension];
          return list === undefined || list.length < 2 ? each : { ...each, [dimension]: list.slice(1) };
        }),
      );
      const narrowed = [tighter, given.slice(1), ...shorter];
      return covered(given) || narrowed.every((list) => !covered(list));
    }),
    { numRuns: 2000 },
  );
});

await t.test('a path that is covered lies below a prefix, name by name', async () => {
  fc.assert(
    fc.property(fc.array(path, { minLength: 1, maxLength: 3 }), path, (prefixes, asked) => {
      const below = prefixes.some((prefix) =>
        `${asked}/`.replace('//', '/').startsWith(`${prefix}/`.replace('//', '/')),
      );
      return mayWithin([{ paths: prefixes }], stat(asked), facts).ok === below;
    }),
  );
});

await t.test('a scope in a document is judged strictly', async (t) => {
  const fits = (value: unknown) => parseMessage(scope, value).ok;
  t.ok(fits({}));
  t.ok(
    fits({
      verbs: ['file.*', 'io.read'],
      hosts: ['web1', '@rack1'],
      paths: ['/var', 'disk0p2:/'],
      states: ['S5'],
    }),
  );
  for (const bad of [
    { colour: ['red'] },
    { verbs: [] },
    { verbs: ['*'] },
    { verbs: ['file.stat*'] },
    { hosts: ['a/b'] },
    { hosts: ['@'] },
    { paths: ['var'] },
    { paths: ['/var/../etc'] },
    { paths: ['/var/*'] },
    { paths: ['/var/[a]'] },
    { paths: ['/a\\b'] },
    { paths: ['/a\nb'] },
    { states: ['S9'] },
    { hosts: Array.from({ length: 33 }, (_, n) => `h${n}`) },
  ]) {
    t.notOk(fits(bad), JSON.stringify(bad));
  }
});
