import t from 'tap';
import { ChainModel } from '../kit/chain-model/chain-model.ts';
import type { ChainOptions } from '../kit/chain-model/chain-options.ts';
import { menuOf, type Trouble } from '../kit/chain-model/menus.ts';
import { PTTRSM_FAULTS } from '../kit/chain-model/planted-faults.ts';
import { explore } from '../kit/explorer/explore.ts';

const LIMIT = 1_500_000;

interface Run extends Omit<ChainOptions, 'menu'> {
  readonly troubles: readonly Trouble[];
}

/** `disturbances`: between two rests, each at any moment. */
const run = (
  units: number,
  disturbances: number,
  troubles: readonly Trouble[],
  more: Partial<Omit<ChainOptions, 'menu'>> = {},
): Run => ({ units, disturbances, troubles, anyTime: false, order: 'any', start: 'enrolled', ...more });

const RUNS: readonly Run[] = [
  run(1, Infinity, ['drives', 'host power', 'host resets', 'owner', 'lock', 'resync', 'power'], {
    anyTime: true,
  }),
  run(1, 2, ['strangers', 'cables', 'degrade', 'host power']),
  run(1, 2, ['sizes', 'degrade', 'host power']),
  run(2, 1, ['host power'], { anyTime: true, start: 'blank' }),
  run(2, 1, ['drives', 'power', 'host power'], { anyTime: true }),
  run(2, 2, ['drives', 'power', 'cables', 'host power', 'host resets']),
  run(2, 1, ['drives', 'owner', 'lock', 'resync', 'degrade', 'host resets']),
  run(2, 1, ['strangers', 'degrade', 'host power']),
  run(2, 1, ['swaps', 'host power']),
  run(2, 4, ['drives', 'host power']),
  run(2, 2, ['drives', 'glitches', 'host resets']),
  run(3, 1, ['drives', 'power', 'cables', 'host power', 'host resets']),
  run(3, 2, ['power', 'host power', 'owner', 'lock', 'host resets'], { order: 'ends' }),
  run(3, 2, ['drives', 'host power', 'resync'], { order: 'ends' }),
  run(3, 2, ['drives', 'cables', 'host power', 'host resets'], { order: 'ends' }),
  run(4, 3, ['drives', 'host power'], { order: 'ends' }),
  run(4, 2, ['power'], { order: 'ends' }),
  run(4, 1, ['glitches', 'drives', 'host resets'], { order: 'ends' }),
  run(4, 2, ['cables', 'host resets', 'lock'], { order: 'ends' }),
  run(4, 2, ['owner', 'lock', 'host power', 'host resets'], { order: 'ends' }),
  run(4, 1, ['drives', 'power', 'host power'], { order: 'ends' }),
  run(4, 1, ['host power'], { order: 'ends', start: 'blank' }),
];

const modelOf = ({ troubles, ...options }: Run): ChainModel =>
  new ChainModel({ ...options, menu: menuOf(options.units, ...troubles) });

for (const wanted of RUNS) {
  const { units, disturbances, troubles, anyTime, start } = wanted;
  const name = `${units} units, ${disturbances} disturbances of ${troubles.join(', ')}${anyTime ? ', timers at any time' : ''}${start === 'blank' ? ', from blank' : ''}`;
  await t.test(`no deadlock, no livelock, no false disk: ${name}`, async (t) => {
    const { states, edges, settled, complete, fault } = explore(modelOf(wanted), LIMIT);
    t.same(fault, undefined);
    t.ok(complete, 'every reachable state was seen');
    t.comment(`figure: chain of ${name}: ${states} states, ${edges} edges, ${settled} at rest`);
  });
}

/** Where each planted fault is looked for, the likeliest first. */
const WATCH: readonly Run[] = [
  run(2, 2, ['drives', 'host power', 'lock', 'owner']),
  run(2, 1, ['power', 'lock']),
  run(2, 1, ['drives', 'host power'], { anyTime: true }),
  run(2, 1, ['strangers', 'host power']),
];

for (const planted of PTTRSM_FAULTS) {
  await t.test(`a planted fault is found: ${planted.name}`, async (t) => {
    const undo = planted.plant();
    t.teardown(undo);
    let found: string | undefined;
    for (const wanted of WATCH) {
      const { fault } = explore(modelOf(wanted), LIMIT);
      if (!fault) continue;
      found = `${fault.is}${fault.is === 'livelock' ? '' : ` (${fault.says})`}, after ${fault.trace.length} steps`;
      break;
    }
    t.ok(found, planted.name);
    t.comment(`figure: ${planted.name}: found by ${found}`);
  });
}
