import t, { type Test } from 'tap';
import type { TokenBook } from '../../../src/agent/index.ts';
import { hours, minutes, seconds, utf8 } from '../../../src/base/index.ts';
import { encodeSeen, LIMITS } from '../../../src/protocol/index.ts';
import type { FakeBus } from '../../kit/fake-bus.ts';
import { GossipTown } from '../../kit/gossip-town.ts';
import { testKey, testKeyring } from '../../kit/keys.ts';
import { emptyBook } from '../../kit/token-book.ts';

async function town(t: Test, ...names: readonly string[]) {
  const place = new GossipTown();
  t.teardown(() => place.close());
  const citizens = [];
  for (const name of names) citizens.push(await place.add(name));
  return { place, citizens };
}

const forks = ({ budget }: { budget: { status(): { forked: readonly number[] } } }) => budget.status().forked;

await t.test('a number used twice is known to all within seconds', async (t) => {
  const { place, citizens } = await town(t, 'one', 'two', 'three');
  await place.pass(minutes(5));
  const [one, two, three] = citizens;
  await one!.budget.hear(await place.token('one', 1));
  await two!.budget.hear(await place.token('two', 1));
  await place.pass(seconds(30));
  for (const each of [one, two, three]) t.same(forks(each!), [1], each!.name);
  t.equal(three!.gossip.counts.news, 2);
});

await t.test('what is known to all is told by one of them, less and less often', async (t) => {
  const names = Array.from({ length: 12 }, (_, i) => `host${i}`);
  const { place, citizens } = await town(t, ...names);
  await place.pass(minutes(5));
  for (let n = 1; n <= 10; n += 1) await citizens[0]!.budget.hear(await place.token('x', n));
  const before = place.said(...names).length;
  await place.pass(minutes(10));
  for (const { budget } of citizens) t.equal(budget.told().length, 10);
  t.ok(place.said(...names).length - before <= 10, 'ten tokens, twelve devices, ten minutes');
  await place.pass(hours(3));
  const settled = place.said(...names).length;
  await place.pass(hours(6));
  const hourly = place.said(...names).slice(settled);
  t.ok(hourly.length >= 4 && hourly.length <= 9, `${hourly.length} messages in six hours`);
  t.same(new Set(hourly), new Set([10]));
});

await t.test('a device that knows nothing asks once, and is told', async (t) => {
  const { place, citizens } = await town(t, 'old');
  await citizens[0]!.budget.hear(await place.token('old', 3));
  await place.pass(hours(3));
  const young = await place.add('young');
  await place.pass(seconds(60));
  t.equal(young.budget.told().length, 1);
  t.same(place.said('young').slice(0, 1), [0]);
  const quiet = place.said('young').length;
  await place.pass(minutes(10));
  t.ok(
    place
      .said('young')
      .slice(quiet)
      .every((count) => count === 1),
  );
});

await t.test('a device that nobody has anything to tell says nothing after that', async (t) => {
  const { place } = await town(t, 'lone');
  await place.pass(hours(12));
  t.same(place.said('lone'), [0]);
});

await t.test('what was told while a device was away reaches it when it is back', async (t) => {
  const { place, citizens } = await town(t, 'here', 'away');
  const [here, away] = citizens;
  const bus = away!.bus as FakeBus;
  await place.pass(minutes(1));
  bus.disconnect();
  await here!.budget.hear(await place.token('here', 1));
  await away!.budget.hear(await place.token('away', 1));
  await place.pass(hours(2));
  t.same([forks(here!), forks(away!)], [[], []]);
  bus.connect();
  await place.pass(minutes(1));
  t.same([forks(here!), forks(away!)], [[1], [1]]);
});

await t.test('lies change nothing but the counts', async (t) => {
  const { place, citizens } = await town(t, 'host1');
  const { budget, gossip } = citizens[0]!;
  await budget.hear(await place.token('host1', 1, { epoch: 5 }));
  await place.pass(minutes(1));
  const before = budget.status();
  const good = await place.token('host2', 2, { epoch: 5 });
  const bent = good.slice();
  bent[bent.length - 1]! ^= 1;
  place.tell('liar', bent);
  place.tell('liar', await place.token('host2', 3, { epoch: 9 }, testKey()));
  place.tell('liar', await place.token('host2', 3, { epoch: 9 }, place.governor, 'other'));
  place.tell('liar', utf8('no token'), new Uint8Array(0));
  await place.pass(seconds(10));
  // Of an epoch that is over: authentic, and of no use.
  place.tell('liar', await place.token('host2', 4, { epoch: 1 }));
  place.say('liar', utf8('junk'));
  place.say('liar', new Uint8Array(LIMITS.seen + 1));
  await place.pass(seconds(10));
  t.same(budget.status(), before);
  t.match(gossip.counts, { news: 0, refused: 6, dropped: 2 });
  place.broker.publish({ topic: 'ns/1/other/d/host2/seen', payload: good, retained: false });
  place.broker.publish({ topic: 'ns/1/acme/d/a b/seen', payload: good, retained: false });
  await place.pass(seconds(10));
  t.match(gossip.counts, { news: 0, refused: 6, dropped: 2 });
  place.tell('host2', good);
  await place.pass(seconds(10));
  t.equal(gossip.counts.news, 1, 'and a true one is heard after all that');
});

await t.test('repeats cost no second look, whether good or bad', async (t) => {
  const { place, citizens } = await town(t, 'host1');
  const { budget, gossip } = citizens[0]!;
  let looks = 0;
  const hear = budget.hear.bind(budget);
  budget.hear = (packet) => {
    looks += 1;
    return hear(packet);
  };
  const [good, bad] = [await place.token('host2', 1), await place.token('host2', 2, {}, testKey())];
  for (let i = 0; i < 20; i += 1) {
    place.tell('host2', good, bad, good);
    await place.pass(seconds(1));
  }
  t.equal(looks, 2);
  t.match(gossip.counts, { news: 1, refused: 1, known: 19, dropped: 0 });
});

await t.test('a flood is dropped, slowly judged, and keeps nobody else out', async (t) => {
  const { place, citizens } = await town(t, 'host1');
  const { budget, gossip } = citizens[0]!;
  const forger = testKey();
  const junk = await Promise.all(
    Array.from({ length: 300 }, (_, n) => place.token('host2', n + 1, {}, forger)),
  );
  const since = place.clock.monotonic();
  for (let i = 0; i < 40; i += 1) place.tell('liar', ...junk.slice(i * 7, i * 7 + 200));
  const good = await place.token('host2', 1);
  place.tell('host2', good);
  for (let i = 0; i < 40; i += 1) place.tell('liar', ...junk.slice(i * 7, i * 7 + 200));
  await place.pass(seconds(10));
  t.equal(budget.told().length, 1);
  const { refused, dropped } = gossip.counts;
  t.ok(dropped > 70, `${dropped} dropped`);
  t.ok(refused <= (place.clock.monotonic() - since) / 20, `${refused} judged in ten seconds`);
});

await t.test("a stolen governor's key has nobody write without end", async (t) => {
  let writes = 0;
  const book: TokenBook = {
    ...emptyBook,
    hear: async () => {
      writes += 1;
      return 'new';
    },
  };
  const { place } = await town(t);
  await place.add('host1', undefined, book);
  let n = 0;
  const flood = async (rounds: number) => {
    for (let round = 0; round < rounds; round += 1) {
      const made = Array.from({ length: 64 }, () => {
        n += 1;
        return utf8(`token ${n}`);
      });
      place.tell('rogue', ...made);
      await place.pass(seconds(4));
    }
  };
  await flood(80);
  t.ok(writes >= 4096, `${writes}: whoever was away long hears all there can be`);
  const before = writes;
  await flood(900);
  t.ok(writes - before <= 61, `${writes - before} writes in an hour`);
  t.ok(writes - before >= 30, 'and it is not deaf');
});

await t.test('whoever seems to know less is told soon, and not as often as it likes', async (t) => {
  const { place, citizens } = await town(t, 'host1');
  await citizens[0]!.budget.hear(await place.token('host1', 1));
  await place.pass(hours(3));
  const before = place.said('host1').length;
  place.tell('other');
  await place.pass(seconds(5));
  t.equal(place.said('host1').length, before + 1);
  for (let i = 0; i < 600; i += 1) {
    place.tell('other');
    await place.pass(seconds(2));
  }
  t.ok(place.said('host1').length - before < 60, `${place.said('host1').length - before} answers to 600`);
});

await t.test('retained messages are heard, and silence nobody', async (t) => {
  const place = new GossipTown();
  t.teardown(() => place.close());
  const [first, second] = [await place.token('a', 1), await place.token('b', 1)];
  place.say('kept', encodeSeen([first, second]), true);
  const host = await place.add('host1');
  await place.pass(seconds(40));
  t.same(forks(host), [1]);
  t.same(place.said('host1').slice(0, 1), [2], 'it tells what it learned, for all that it was kept');
});

await t.test('more tokens than one message holds are told in several', async (t) => {
  const { place, citizens } = await town(t, 'host1', 'host2');
  await place.pass(minutes(2));
  const tokens = await Promise.all(
    Array.from({ length: 700 }, (_, n) => place.token('x', n + 1, { for: n % 2 === 0 ? 'lock' : 'wipe' })),
  );
  for (const token of tokens) await citizens[0]!.budget.hear(token);
  await place.pass(minutes(3));
  t.equal(citizens[1]!.budget.told().length, 700);
  t.equal(citizens[1]!.gossip.counts.dropped, 0);
});

await t.test('a new keyring judges anew what was refused', async (t) => {
  const { place, citizens } = await town(t, 'host1');
  const { ring, budget } = citizens[0]!;
  const next = testKey();
  const token = await place.token('host2', 1, {}, next);
  place.tell('host2', token);
  await place.pass(seconds(5));
  t.equal(budget.told().length, 0);
  ring.current = testKeyring({ gail: [place.governor, 'governor'], gus: [next, 'governor'] });
  place.tell('host2', token);
  await place.pass(seconds(5));
  t.equal(budget.told().length, 1);
});

await t.test('a storage that fails is no end of it', async (t) => {
  const { place, citizens } = await town(t, 'host1');
  const { budget, gossip } = citizens[0]!;
  const hear = budget.hear.bind(budget);
  budget.hear = () => Promise.reject(new Error('no space'));
  place.tell('host2', await place.token('host2', 1));
  await place.pass(seconds(5));
  budget.hear = hear;
  place.tell('host2', await place.token('host2', 2));
  await place.pass(seconds(5));
  t.match(gossip.counts, { refused: 1, news: 1 });
});

await t.test('nothing is left behind by a stop', async (t) => {
  const { place, citizens } = await town(t, 'host1');
  await citizens[0]!.budget.hear(await place.token('host1', 1));
  await place.pass(minutes(1));
  await place.close();
  t.equal(place.clock.waiting, 0);
});
