import t from 'tap';
import { UsbGadget } from '../../../../src/adapters/linux/index.ts';
import { FakeConfigfs } from '../../../kit/fake-configfs.ts';

const IMAGE = '/var/lib/nightshift/media-aa';

await t.test(
  'an image is shown read-only, replaced by another, and taken away without a trace',
  async (t) => {
    const files = new FakeConfigfs();
    const gadget = new UsbGadget('usb0', files);
    t.equal(await gadget.shown(), undefined);
    await gadget.show(IMAGE);
    t.same(files.seen, { file: IMAGE, readOnly: true });
    t.equal(await gadget.shown(), IMAGE);
    await gadget.show(`${IMAGE}2`);
    t.same(files.seen, { file: `${IMAGE}2`, readOnly: true });
    await gadget.take();
    t.equal(files.seen, undefined);
    t.same([...files.directories], ['/sys/kernel/config/usb_gadget']);
    t.equal(files.files.size + files.links.size, 0);
    await gadget.take();
    t.equal(await gadget.shown(), undefined);
  },
);

await t.test('a gadget of somebody else is left alone', async (t) => {
  const files = new FakeConfigfs();
  await files.makeDirectory('/sys/kernel/config/usb_gadget/g1');
  const gadget = new UsbGadget('usb0', files);
  await gadget.show(IMAGE);
  await gadget.take();
  t.ok(await files.has('/sys/kernel/config/usb_gadget/g1/UDC'));
});

await t.test('without gadgets, or without the controller, it says so and leaves nothing', async (t) => {
  const none = new FakeConfigfs();
  none.directories.clear();
  t.equal(await new UsbGadget('usb0', none).shown(), undefined);
  await t.rejects(new UsbGadget('usb0', none).show(IMAGE), { code: 'NS_MEDIA', message: /no USB gadgets/ });
  const other = new FakeConfigfs(['usb1']);
  await t.rejects(new UsbGadget('usb0', other).show(IMAGE), { code: 'NS_MEDIA', message: /ENODEV/ });
  t.same([...other.directories], ['/sys/kernel/config/usb_gadget']);
});

await t.test(
  'whichever call fails, the host sees nothing that is not said, and the next try works',
  async (t) => {
    const whole = new FakeConfigfs();
    await new UsbGadget('usb0', whole).show(IMAGE);
    const calls = whole.calls;
    for (let failAt = 1; failAt <= calls; failAt += 1) {
      const files = new FakeConfigfs();
      files.failAt = failAt;
      const gadget = new UsbGadget('usb0', files);
      await t.rejects(gadget.show(IMAGE), { code: 'NS_MEDIA' }, `call ${failAt}`);
      t.equal(files.seen, undefined);
      await gadget.show(IMAGE);
      t.same(files.seen, { file: IMAGE, readOnly: true });
    }
    for (let failAt = calls + 1; ; failAt += 1) {
      const files = new FakeConfigfs();
      const gadget = new UsbGadget('usb0', files);
      await gadget.show(IMAGE);
      files.failAt = failAt;
      const failed = await gadget.take().then(
        () => false,
        () => true,
      );
      if (!failed) break;
      await gadget.take();
      t.equal(files.seen, undefined, `call ${failAt}`);
      t.same([...files.directories], ['/sys/kernel/config/usb_gadget']);
    }
  },
);
