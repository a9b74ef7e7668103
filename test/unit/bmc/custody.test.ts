import t from 'tap';
import { milliseconds, refusal, seconds } from '../../../src/base/index.ts';
import { leaseRefusal } from '../../../src/bmc/index.ts';
import type { BlockDevice, PowerState } from '../../../src/ports/index.ts';
import { machineBench } from '../../kit/machine.ts';

const waking = refusal('HOST_WAKING');
const sector = () => new Uint8Array(512).fill(7);

await t.test('a lease takes the disk, and its release gives it back', async (t) => {
  const { clock, custody, drives, images, lend } = machineBench();
  t.match(await custody.report(), [{ name: 'disk0', position: 'host', holder: undefined, handBackMs: 2000 }]);
  const lease = await lend();
  t.match(await custody.report(), [{ position: 'ours', holder: 'put 1' }]);
  await lease.device.write(512, sector());
  t.same(await lease.confirm(), { ok: true, value: undefined });
  await clock.settle(lease.release(), seconds(2));
  t.equal(drives[0]!.at, 'host');
  t.equal(images[0]!.bytes[512], 7);
  await t.rejects(lease.device.read(0, sector()), { code: 'NS_LEASE_ENDED' });
  await lease.release();
  t.notOk(lease.signal.aborted, 'a release is no abort');
  t.equal(clock.waiting, 0, 'no timer is left behind');
});

await t.test('one writer, or many readers', async (t) => {
  const { clock, ask, lend, drives } = machineBench();
  const first = await lend({ mode: 'read', holder: 'ls 1' });
  const second = await lend({ mode: 'read', holder: 'ls 2' });
  t.match(await clock.settle(ask(), seconds(9)), {
    refusal: { code: 'DISK_BUSY', sentence: /reading by ls 1/ },
  });
  await first.release();
  t.equal(drives[0]!.at, 'ours', 'the other reader still has it');
  await t.rejects(second.device.write(0, sector()), { code: 'NS_BLOCK_READ_ONLY' });
  await clock.settle(second.release(), seconds(2));
  const writer = await lend();
  t.match(await ask({ mode: 'read' }), { refusal: { code: 'DISK_BUSY', sentence: /writing by put 1/ } });
  await clock.settle(writer.release(), seconds(2));
});

await t.test('two who come at once share one movement of the switch', async (t) => {
  const { clock, ask } = machineBench();
  const both = Promise.all([ask({ mode: 'read' }), ask({ mode: 'read' })]);
  t.ok((await clock.settle(both, seconds(5))).every((verdict) => verdict.ok));
  t.equal(clock.monotonic(), 50);
});

await t.test('the power table is asked before the switch moves, and again after', async (t) => {
  const refusedIn = async (state: PowerState, mode: 'read' | 'write', staleOk = false) => {
    const { clock, ask, drives } = machineBench({ state });
    const verdict = await clock.settle(ask({ mode, staleOk }), seconds(5));
    t.equal(drives[0]!.at, verdict.ok ? 'ours' : 'host');
    return verdict.ok ? (verdict.value.stale ? 'stale' : 'yes') : verdict.refusal.code;
  };
  t.equal(await refusedIn('S0', 'read'), 'HOST_AWAKE');
  t.equal(await refusedIn('unknown', 'read', true), 'HOST_STATE_UNKNOWN');
  t.equal(await refusedIn('S3', 'read'), 'HOST_SUSPENDED');
  t.equal(await refusedIn('S3', 'read', true), 'stale');
  t.equal(await refusedIn('S4', 'write', true), 'HOST_HIBERNATED');
  t.equal(await refusedIn('G3', 'write'), 'yes');

  const { clock, ask, drives, host, interlock } = machineBench({ interlock: false });
  interlock.stop();
  const asked = ask();
  await clock.advance(milliseconds(20));
  host.set('S0');
  t.match(await clock.settle(asked, seconds(5)), { refusal: { code: 'HOST_AWAKE' } });
  t.equal(drives[0]!.at, 'host');
});

await t.test('what is not there, or has no power, is refused', async (t) => {
  const { ask } = machineBench({ ownPower: false });
  t.match(await ask({ disk: 'disk7' }), { refusal: { code: 'NO_SUCH_DISK', sentence: /disk7.*has disk0/ } });
  t.match(await ask(), { refusal: { code: 'NOT_SUPPORTED' } });
});

await t.test('a lease ends by itself, and says why', async (t) => {
  const { clock, drives, lend } = machineBench();
  const lease = await lend({ duration: seconds(10) });
  await clock.advance(seconds(9.9));
  await lease.device.read(0, sector());
  await clock.advance(seconds(1));
  t.equal(leaseRefusal(lease.signal.reason)?.code, 'CUSTODY_EXPIRED');
  await t.rejects(lease.device.read(0, sector()), {
    code: 'NS_LEASE_ENDED',
    refusal: { code: 'CUSTODY_EXPIRED' },
  });
  t.match(await lease.confirm(), { refusal: { code: 'CUSTODY_EXPIRED' } });
  t.equal(drives[0]!.at, 'host');
  await lease.release();
});

await t.test('a disk may linger for the next one, who then waits for nothing', async (t) => {
  const { clock, drives, lend } = machineBench({ linger: 5000 });
  await (await lend()).release();
  t.equal(drives[0]!.at, 'ours');
  const before = clock.monotonic();
  const next = await lend();
  t.equal(clock.monotonic(), before);
  await clock.advance(seconds(6));
  t.equal(drives[0]!.at, 'ours', 'not while it is lent');
  await next.release();
  await clock.advance(seconds(6));
  t.equal(drives[0]!.at, 'host');
});

await t.test('a switch that does not move is a refusal, and the disk stays with the host', async (t) => {
  for (const fault of ['stuck', 'deaf'] as const) {
    const { clock, ask, drives, lend } = machineBench();
    drives[0]!.setFault(fault);
    const verdict = await clock.settle(ask(), seconds(20));
    t.match(verdict, { refusal: { code: 'CUSTODY_UNAVAILABLE', sentence: /disk0/ } }, fault);
    drives[0]!.setFault(undefined);
    if (fault === 'stuck') {
      const lease = await lend();
      await clock.settle(lease.release(), seconds(2));
    }
    t.equal(drives[0]!.at, 'host');
  }
});

await t.test('a caller who goes away while the switch moves leaves nothing behind', async (t) => {
  const { clock, ask, custody, drives, lend } = machineBench();
  const gone = new AbortController();
  const asked = ask({ signal: gone.signal });
  await clock.advance(milliseconds(20));
  gone.abort(new Error('cancelled'));
  await t.rejects(clock.settle(asked, seconds(5)), { message: 'cancelled' });
  await clock.advance(seconds(1));
  t.equal(drives[0]!.at, 'host');
  t.equal((await custody.report())[0]!.holder, undefined);
  await clock.settle((await lend()).release(), seconds(2));
});

await t.test(
  'a hand-back stops at once who only reads, and waits for who is in a critical section',
  async (t) => {
    const { clock, custody, drives, images, lend } = machineBench({ disks: 2 });
    const reader = await lend({ disk: 'disk1', mode: 'read' });
    const writer = await lend();
    const applied = writer.critical(async () => {
      await clock.sleep(milliseconds(800), new AbortController().signal);
      await writer.device.write(0, sector());
    });
    custody.close('waking', waking);
    const back = await clock.settle(custody.handBack(waking), seconds(3));
    await applied;
    t.match(back, [
      { disk: 'disk0', inTime: true, cutOff: [] },
      { disk: 'disk1', inTime: true, cutOff: [] },
    ]);
    t.ok(back[0]!.took >= 800 && back[0]!.took < 1000, `disk0 took ${back[0]!.took}`);
    t.ok(back[1]!.took < 100, `disk1 took ${back[1]!.took}`);
    t.same(
      drives.map((drive) => drive.at),
      ['host', 'host'],
    );
    t.equal(images[0]!.bytes[0], 7, 'the critical section was finished');
    t.equal(leaseRefusal(reader.signal.reason)?.code, 'HOST_WAKING');
    await t.rejects(
      writer.critical(async () => {}),
      { code: 'NS_LEASE_ENDED' },
    );
  },
);

await t.test('a critical section that never ends is cut off in time', async (t) => {
  const { clock, custody, drives, images, lend } = machineBench();
  const writer = await lend();
  let writes = 0;
  const applied = writer.critical(async () => {
    for (;;) {
      await clock.sleep(milliseconds(100), new AbortController().signal);
      await writer.device.write(writes * 512, sector());
      writes += 1;
    }
  });
  applied.catch(() => {});
  const [back] = await clock.settle(custody.handBack(waking), seconds(3));
  t.match(back, { inTime: true, cutOff: ['put 1'] });
  t.ok(back!.took <= 2000, `took ${back!.took}`);
  t.equal(drives[0]!.at, 'host');
  await clock.advance(seconds(1));
  await t.rejects(applied, { code: 'NS_LEASE_ENDED' });
  const landed = images[0]!.bytes.reduce((sum, byte) => sum + (byte === 7 ? 1 : 0), 0) / 512;
  t.equal(landed, writes, 'what the holder believes written is written, and nothing after');
});

await t.test('a drive that hangs in a write or a flush does not stop the hand-back', async (t) => {
  for (const hangs of ['write', 'flush'] as const) {
    const never = () => new Promise<never>(() => {});
    const wrap = (image: BlockDevice): BlockDevice => ({
      name: image.name,
      capabilities: image.capabilities,
      read: (offset, into, signal) => image.read(offset, into, signal),
      write: (offset, data, signal) => (hangs === 'write' ? never() : image.write(offset, data, signal)),
      flush: () => (hangs === 'flush' ? never() : image.flush()),
      trim: (offset, length, signal) => image.trim(offset, length, signal),
      close: () => image.close(),
    });
    const { clock, custody, drives, lend } = machineBench({ wrap });
    const lease = await lend();
    const write = lease.device.write(0, sector());
    if (hangs === 'write') write.catch(() => {});
    else await write;
    const [back] = await clock.settle(custody.handBack(waking), seconds(3));
    t.match(back, { inTime: true }, hangs);
    t.equal(drives[0]!.at, 'host');
    if (hangs === 'write') await t.rejects(write, { code: 'NS_LEASE_ENDED' });
  }
});

await t.test('a switch that fails while giving back is tried again, and told', async (t) => {
  const { clock, custody, drives, lend, lines } = machineBench();
  const lease = await lend();
  drives[0]!.setFault('stuck');
  const [back] = await clock.settle(custody.handBack(waking), seconds(5));
  t.match(back, { inTime: false });
  t.ok(lines.includes('error custody.switch-failed'));
  await t.rejects(lease.device.read(0, sector()), { code: 'NS_LEASE_ENDED' }, 'but we let go all the same');
  drives[0]!.setFault(undefined);
  await clock.settle(custody.handBack(waking), seconds(5));
  t.equal(drives[0]!.at, 'host');
});

await t.test('confirm refuses when anything is no longer as it was', async (t) => {
  const bench = machineBench({ interlock: false });
  bench.interlock.stop();
  const lease = await bench.lend();
  bench.host.set('unknown');
  t.match(await lease.confirm(), { refusal: { code: 'HOST_STATE_UNKNOWN' } });
  bench.host.set('S0');
  t.match(await lease.confirm(), { refusal: { code: 'HOST_WAKING' } });
  bench.host.set('S5');
  t.match(await lease.confirm(), { refusal: { code: 'HOST_WAKING', sentence: /was awake/ } });
});

await t.test('confirm refuses when the switch has moved away', async (t) => {
  const bench = machineBench();
  const lease = await bench.lend();
  t.match(await lease.confirm(), { ok: true });
  await bench.clock.settle(bench.drives[0]!.giveBack(), seconds(2));
  t.match(await lease.confirm(), { refusal: { code: 'CUSTODY_UNAVAILABLE' } });
});

await t.test('a report says since when a disk is lent, and until when at most', async (t) => {
  const { clock, custody, lend } = machineBench();
  t.match(await custody.report(), [{ heldForMs: undefined, leaseLeftMs: undefined }]);
  const first = await lend({ mode: 'read', holder: 'ls 1', duration: seconds(20) });
  await clock.advance(seconds(5));
  const second = await lend({ mode: 'read', holder: 'ls 2', duration: seconds(60) });
  await clock.advance(seconds(1));
  const [both] = await custody.report();
  t.match(both, { holder: 'ls 1, ls 2' });
  const near = (ms: number | undefined, wanted: number) => Math.abs((ms ?? Number.NaN) - wanted) < 1000;
  t.ok(near(both?.heldForMs, 6000), 'by who has it longest');
  t.ok(near(both?.leaseLeftMs, 59_000), 'by whose lease is the longest');
  await clock.settle(Promise.all([first.release(), second.release()]), seconds(9));
  t.match(await custody.report(), [{ heldForMs: undefined, leaseLeftMs: undefined }]);
});
