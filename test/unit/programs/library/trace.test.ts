import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Fleet, type Span } from '../../../../src/programs/library/index.ts';
import { librarySite } from '../../../kit/library-site.ts';

const home = mkdtempSync(join(tmpdir(), 'nightshift-library-trace-'));
const site = await librarySite(home, { names: ['rack1', 'rack2'] });
t.teardown(async () => {
  await site.close();
  rmSync(home, { recursive: true, force: true });
});
const traceAt = (name: string): string | undefined => site.devices.get(name)?.orders.at(-1)?.trace;

await t.test(
  'each order has the trace of what gives it at that moment, and its spans come back',
  async (t) => {
    const spans: Span[] = [];
    let active: string | undefined;
    const fleet = await Fleet.open({
      config: site.config,
      trace: { parent: () => active, onSpans: (more) => spans.push(...more) },
    });
    for (const id of ['4bf92f3577b34da6a3ce929d0e0e4736', '0af7651916cd43dd8448eb211c80319c']) {
      active = `00-${id}-00f067aa0ba902b7-01`;
      await fleet.status('rack1');
      t.ok(traceAt('rack1')?.startsWith(`00-${id}-`));
      t.equal(spans[0]?.traceId, id);
      t.equal(spans[0]?.parentId, '00f067aa0ba902b7');
      spans.length = 0;
    }
    active = undefined;
    await fleet.status('rack[1-2]');
    t.not(traceAt('rack1')?.slice(3, 35), traceAt('rack2')?.slice(3, 35), 'each a trace of its own');
    await fleet.close();
  },
);

await t.test(
  'what becomes of the spans changes nothing of the order, and without the option there are none',
  async (t) => {
    const broken = await Fleet.open({
      config: site.config,
      trace: {
        onSpans: () => {
          throw new Error('no');
        },
      },
    });
    t.match(await broken.status('rack1'), [{ is: 'succeeded' }]);
    await broken.close();
    const plain = await Fleet.open({ config: site.config });
    await plain.status('rack1');
    t.equal(traceAt('rack1'), undefined);
    await plain.close();
  },
);
