import t from 'tap';
import { toolConfinement } from '../../src/adapters/volume-tools/confine.ts';
import { ColdHost } from '../kit/cold-host.ts';

await t.test('how far disk tools are confined is told of at every start and in every status', async (t) => {
  const host = await ColdHost.start({ agent: {} });
  t.teardown(() => host.close());
  const told = () => host.lines.filter((line) => line.includes('tools.confinement'));
  const here = await toolConfinement();
  t.same(told(), [`${here.missing.length === 0 ? 'info' : 'warn'} tools.confinement`]);
  const { result } = await host.give('machine.status', {});
  t.same(result?.toolConfinement, here);
  await host.restart();
  t.equal(told().length, 2);
});
