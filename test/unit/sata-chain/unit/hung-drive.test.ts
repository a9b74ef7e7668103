import t from 'tap';
import { millis } from '../../../../src/sata-chain/index.ts';
import { type UnitChain, unitChain } from '../../../kit/unit-chain.ts';

const sector = (fill: number): Uint8Array => new Uint8Array(512).fill(fill);
const endOf = (command: Promise<unknown>): Promise<string> =>
  command.then(
    () => 'done',
    (error: { code: string }) => error.code,
  );

/** The next write to this drive hangs until the function given is called, and lands then. */
function hangNextWrite(chain: UnitChain, drive: number): () => void {
  const image = chain.images[drive]!;
  const write = image.write.bind(image);
  let land: () => void = () => {};
  image.write = async (offset, data) => {
    image.write = write;
    const then = data.slice();
    await new Promise<void>((resolve) => {
      land = resolve;
    });
    await write(offset, then);
  };
  return () => land();
}

await t.test('a drive that hangs and is pulled does not hold back those that go on without it', async (t) => {
  const chain = unitChain([10, 20]);
  await chain.powerOn();
  hangNextWrite(chain, 1);
  const old = endOf(chain.hba.target.write(10, sector(1), false));
  await chain.run(millis(1));
  chain.units[1]!.attach('ddi', undefined);
  await chain.run(millis(5000));
  t.equal(await old, 'NS_ATA_ABORTED');
  t.equal(chain.hba.disk, undefined);
  t.match(await chain.settle(chain.units[1]!.order('go-degraded')), { ok: true });
  await chain.run(millis(5000));
  t.equal(chain.hba.disk?.sectors, 10);
});

await t.test('a drive put back says nothing before its old work has ended', async (t) => {
  const chain = unitChain([10, 20]);
  await chain.powerOn();
  const land = hangNextWrite(chain, 1);
  const old = endOf(chain.hba.target.write(10, sector(1), false));
  await chain.run(millis(1));
  chain.units[1]!.attach('ddi', undefined);
  await chain.run(millis(5000));
  t.equal(await old, 'NS_ATA_ABORTED');
  chain.units[1]!.attach('ddi', chain.drives[1]);
  await chain.run(millis(5000));
  t.equal(chain.hba.disk, undefined, 'the old write could still land on a newer one');
  land();
  await chain.run(millis(5000));
  t.equal(chain.hba.disk?.sectors, 30);
  await chain.hba.target.write(10, sector(2), true);
  t.equal(chain.images[1]!.bytes[0], 2);
});
