import t from 'tap';
import { REFUSALS, type RefusalCode } from '../../../../src/base/index.ts';
import { mayWait } from '../../../../src/tasks/staged/may-wait.ts';

await t.test('of all refusals only those wait that end without a new order', async (t) => {
  const codes = Object.keys(REFUSALS) as RefusalCode[];
  const waits = codes.filter((code) => mayWait({ code }));
  t.strictSame(waits.sort(), [
    'CUSTODY_UNAVAILABLE',
    'DISK_BUSY',
    'HOST_AWAKE',
    'HOST_HIBERNATED',
    'HOST_STATE_UNKNOWN',
    'HOST_SUSPENDED',
    'HOST_WAKING',
    'VOLUME_DIRTY',
    'VOLUME_HIBERNATED',
  ]);
});
