import t from 'tap';
import { parseSimConfig } from '../../../../src/adapters/sim/config.ts';

const disks = [{ image: 'a.img' }];
const why = (config: unknown) => {
  try {
    parseSimConfig(config);
    return 'accepted';
  } catch (error) {
    return (error as Error).message;
  }
};

await t.test('only the disks must be named; the rest has defaults', async (t) => {
  t.match(parseSimConfig({ disks }), {
    state: 'S5',
    seed: 1,
    interlock: true,
    disks: [{ name: 'disk0', image: 'a.img', sectorSize: 512, badSectors: [] }],
    dimms: [],
    volatileCache: false,
  });
  t.match(why({}), /sim: "disks" is missing/);
});

await t.test('an unknown key is an error that says what may have been meant, at any depth', async (t) => {
  t.match(why({ disks, sate: 'S5' }), /sim: unknown key "sate"; did you mean "state"\?/);
  t.match(why({ disks: [{ imgae: 'a' }] }), /sim: unknown key "disks.0.imgae"; did you mean "image"\?/);
  t.match(
    why({ disks, dimms: [{ slot: 'A1', size: 0, faults: [{ kind: 'stuck-at', at: 8, bti: 1, value: 0 }] }] }),
    /bti.*did you mean "bit"/,
  );
  t.match(why({ disks, zzzzzz: 1 }), /unknown key "zzzzzz"/);
});

await t.test('values are checked, and the place is named', async (t) => {
  t.match(why({ disks, state: 'S7' }), /"state".*S7/);
  t.match(why({ disks, dimms: [{ slot: 'A1', size: 5000 }] }), /dimms\.0\.size/);
  t.match(why({ disks: [...disks, ...disks] }), /disk names must differ/);
  t.match(why(null), /sim: /);
  t.match(why({ disks, control: '' }), /"control"/);
});
