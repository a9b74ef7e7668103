import t from 'tap';
import { VirtualClock } from '../../../../src/adapters/sim/virtual-clock.ts';
import { minutes } from '../../../../src/base/index.ts';
import { signedTime } from '../../../../src/programs/agent/time.ts';
import { RELEASED } from '../../../../src/programs/version.ts';
import { Freshness, shapeOrder } from '../../../../src/security/index.ts';
import { Journal } from '../../../../src/tasks/index.ts';
import { testKey } from '../../../kit/keys.ts';
import { MemoryState } from '../../../kit/memory-state.ts';
import { testOrder } from '../../../kit/orders.ts';

const REGION = 256 * 1024;
let session = 0;

/** A start of a device on this storage. */
async function start(store: MemoryState) {
  const clock = new VirtualClock();
  const freshness = new Freshness({ floor: RELEASED, startedAt: clock.monotonic() });
  session += 1;
  const journal = await Journal.open(store, REGION, freshness, session);
  return { clock, freshness, journal, time: signedTime(freshness, journal, clock) };
}

await t.test('signed time is stored at once, and is there whenever the journal was rewritten', async (t) => {
  const store = new MemoryState();
  const first = await start(store);
  t.equal(first.time.surely(), RELEASED);
  await first.time.move(RELEASED + 1000, 'one person');
  // The power goes: nothing is closed.
  const second = await start(store);
  t.equal(second.time.surely(), RELEASED + 1000);
  await second.journal.compact();
  const third = await start(store);
  t.equal(third.time.surely(), RELEASED + 1000);
  await Promise.all([third.time.move(RELEASED + 2000, 'one person'), third.journal.compact()]);
  await Promise.all([third.journal.compact(), third.time.move(RELEASED + 3000, 'one person')]);
  const last = await start(store);
  t.equal(last.time.surely(), RELEASED + 3000);
  await last.time.move(RELEASED + 5, 'one person');
  t.equal((await start(store)).freshness.floor, RELEASED + 3000, 'and an older time does not replace it');
});

await t.test('however many orders one person gives, they move time by a month together', async (t) => {
  const store = new MemoryState();
  const { clock, time } = await start(store);
  const MONTH = 31 * 86_400;
  t.equal(time.latestByOne(), RELEASED + MONTH);
  await time.move(RELEASED + MONTH, 'one person');
  t.equal(time.latestByOne(), RELEASED + MONTH, 'no further by what they have moved');
  await clock.advance(minutes(60));
  t.equal(time.latestByOne(), RELEASED + MONTH + 3600, 'but with the time that passes');
  await time.move(RELEASED + 10 * MONTH, 'two people');
  t.equal(time.latestByOne(), RELEASED + 11 * MONTH);
  t.equal((await start(store)).time.latestByOne(), RELEASED + 11 * MONTH, 'and anew from a start on');
});

await t.test('a statement of time without a nonce is no order', async (t) => {
  const statement = testOrder(testKey(), { verb: 'clock.set', args: { at: RELEASED } });
  t.match(shapeOrder(statement), { refusal: { code: 'MESSAGE_INVALID', sentence: /nonce/ } });
  t.ok(shapeOrder({ ...statement, exp: undefined, nonce: new Uint8Array(16), maxAge: 60 }).ok);
  const half = { ...statement, nonce: new Uint8Array(16) };
  t.match(shapeOrder(half), { refusal: { code: 'MESSAGE_INVALID', sentence: /maxAge/ } });
});
