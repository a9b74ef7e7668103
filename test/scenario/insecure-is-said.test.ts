import t from 'tap';
import { ColdHost } from '../kit/cold-host.ts';

await t.test('a link without encryption is told of at every start and in every status', async (t) => {
  const broker = { url: 'mqtt://broker.example', insecureNoTls: true };
  const host = await ColdHost.start({ agent: { broker } });
  t.teardown(() => host.close());
  const warnings = () => host.lines.filter((line) => line === 'warn insecure').length;
  t.equal(warnings(), 1);
  const { result } = await host.give('machine.status', {});
  t.match(result?.limits[0], /not encrypted.*broker\.insecureNoTls/);
  await host.restart();
  t.equal(warnings(), 2);
});

await t.test('a link to this machine alone, or by TLS, is nothing to tell of', async (t) => {
  for (const url of ['mqtt://127.0.0.1:1', 'mqtts://broker.example']) {
    const host = await ColdHost.start({ agent: { broker: { url } } });
    t.teardown(() => host.close());
    t.notOk(host.lines.some((line) => line.includes('insecure')));
    t.notMatch((await host.give('machine.status', {})).result?.limits.join(), /encrypted/);
  }
});
