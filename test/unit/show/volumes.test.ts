import t from 'tap';
import type { ResultOf } from '../../../src/protocol/index.ts';
import { showResult } from '../../../src/show/index.ts';

const volume: ResultOf<'volume.list'>['volumes'][number] = {
  disk: 'disk0',
  name: 'disk0p1/a-volume-group/a-logical-volume',
  type: 'LUKS2-encrypted',
  label: 'a label that somebody liked',
  uuid: '01234567-89ab-cdef-0123-456789abcdef',
  start: 0,
  size: 1023.9 * 1024 ** 4,
  used: 1023 * 1024 ** 3,
  read: { may: 'stale' },
  write: { may: 'no' },
  notes: [],
};
const result: ResultOf<'volume.list'> = {
  power: 'S5',
  disks: [],
  volumes: [volume, { ...volume, name: 'disk0p2', label: '', uuid: '', write: { may: 'yes' } }],
  evidence: [],
};

await t.test('the narrow table fits 79 columns, and says where a name goes on', async (t) => {
  const lines = showResult('volume.list', result, { narrow: true });
  t.ok(lines.every((line) => line.length <= 79));
  t.match(lines[1], /^volume +type +label +size +used +read +write$/);
  t.match(lines[2], /^disk0p1\/a-volume~ {2}LUKS2-e~ {2}a label tha~ .*stale {2}no$/);
});

await t.test('the long one leaves nothing out', async (t) => {
  const text = showResult('volume.list', result, { narrow: true, long: true }).join('\n');
  for (const whole of [volume.name, volume.type, volume.label, volume.uuid]) t.ok(text.includes(whole));
  t.match(text, /read: stale only, write: no/);
});
