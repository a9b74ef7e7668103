import t from 'tap';
import { seconds } from '../../../../src/base/index.ts';
import { openMedia } from '../../../../src/tasks/index.ts';
import { encodeOffer } from '../../../../src/tasks/media/media-record.ts';
import { eventually } from '../../../kit/eventually.ts';
import { LeapingClock } from '../../../kit/leaping-clock.ts';
import { MemoryState } from '../../../kit/memory-state.ts';

const offer = {
  order: new Uint8Array(16).fill(1),
  size: 512,
  sha256: new Uint8Array(32).fill(2),
  started: false,
};

await t.test('while its port does not answer one look waits, and no more', async (t) => {
  const store = new MemoryState();
  await store.writeDocument('media', encodeOffer(offer));
  const clock = new LeapingClock();
  let looks = 0;
  let answer: (() => void) | undefined;
  let hangs = false;
  const desk = await openMedia({
    port: {
      shown: async () => {
        looks += 1;
        if (hangs) await new Promise<void>((done) => (answer = done));
        return 'image';
      },
      show: async () => {},
      take: async () => {},
    },
    store,
    pathOf: (name) => name,
    power: {
      read: async () => ({ state: 'S5', certain: true, sources: {}, fusion: 'agreed' }),
      onChange: () => () => {},
    },
    lockout: { enabled: true },
    clock,
    log: { log: () => {} },
    onTakenBack: () => {},
  });
  hangs = true;
  looks = 0;
  clock.leap(seconds(1));
  await eventually(() => looks === 1);
  for (let second = 0; second < 100; second += 1) {
    clock.leap(seconds(1));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  hangs = false;
  answer?.();
  await desk.close();
  t.equal(looks, 2);
});
