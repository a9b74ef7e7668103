import t from 'tap';
import { hostConsoleConfig } from '../../../../src/programs/agent/host-console.ts';

await t.test(
  'what the configuration may say of the console of the host, and what it says by itself',
  async (t) => {
    t.same(hostConsoleConfig(undefined), { log: true, logKiB: 1024, scrollbackKiB: 64, escape: '~' });
    t.match(hostConsoleConfig({ log: false, escape: '%' }), { log: false, escape: '%' });
    for (const wrong of [
      { logKiB: 1 },
      { scrollbackKiB: 8 },
      { escape: '' },
      { escape: '\r' },
      { escape: 'ab' },
      { odd: 1 },
      'on',
    ])
      t.throws(() => hostConsoleConfig(wrong), { code: 'NS_CONFIG_INVALID' }, JSON.stringify(wrong));
  },
);
