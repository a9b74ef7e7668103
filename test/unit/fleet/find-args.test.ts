import t from 'tap';
import { bothSizes, parseKind, parseMoment, parseNeedle, parseSize } from '../../../src/fleet/index.ts';
import { showResult } from '../../../src/show/index.ts';

await t.test('sizes, kinds and times are read as they are written', (t) => {
  t.same(parseSize('+10M'), { min: 10 * 1024 * 1024 + 1 });
  t.same(parseSize('-1k'), { max: 1023 });
  t.same(parseSize('=5'), { min: 5, max: 5 });
  t.same(parseSize('7c'), { min: 7, max: 7 });
  t.same(bothSizes(parseSize('+1k'), parseSize('-2k')), { min: 1025, max: 2047 });
  for (const wrong of ['', '10X', '+', '-0', '1.5M', '999999999999999T']) {
    t.throws(() => parseSize(wrong), { code: 'NS_USAGE' }, wrong);
  }
  t.equal(parseKind('l'), 'symlink');
  for (const wrong of ['file', '', 'toString']) t.throws(() => parseKind(wrong), { code: 'NS_USAGE' });
  t.equal(parseMoment('2h', 10_000), 2800);
  t.equal(parseMoment('1000', 0), 1000);
  t.equal(parseMoment('1970-01-02T00:00:00Z', 0), 86_400);
  for (const wrong of ['keep', 'soon', '2w']) t.throws(() => parseMoment(wrong, 0), { code: 'NS_USAGE' });
  t.end();
});

await t.test('what is searched for is text or bytes, and no fault shows it', (t) => {
  t.same(Buffer.from(parseNeedle('BEGIN KEY')), Buffer.from('BEGIN KEY'));
  t.same(Buffer.from(parseNeedle('hex:00ff')), Buffer.from([0, 255]));
  t.same(Buffer.from(parseNeedle('text:hex:1')), Buffer.from('hex:1'));
  for (const wrong of ['', 'hex:', 'hex:5ec', 'hex:secret', 's3cret'.repeat(50)]) {
    t.throws(() => parseNeedle(wrong), { code: 'NS_USAGE', message: /^(?!.*(5ec|s3cret|secret))/ }, wrong);
  }
  t.end();
});

await t.test('an answer says what was found, and what was passed over', (t) => {
  const volume = { name: 'disk0', type: 'ext4', label: '', uuid: '', stale: false, notes: [] };
  const facts = { size: 3, mode: 0o644, uid: 0, gid: 0, mtime: 0 };
  const found = {
    volume,
    matches: [
      { path: '/etc', kind: 'directory' as const, ...facts },
      {
        path: '/etc/\ufffd',
        raw: Buffer.from('/etc/\xff', 'latin1'),
        kind: 'file' as const,
        at: 7,
        ...facts,
      },
    ],
    visited: { directories: 1, files: 9 },
    skipped: [{ path: '/srv', why: 'it is spoilt' }],
    more: 4,
    next: [Buffer.from('etc')],
  };
  const lines = showResult('file.find', found);
  t.match(lines[0], '2 matches among 9 files in 1 directory');
  t.match(lines.slice(1), [
    '/etc/',
    /not UTF-8: 2f6574632fff\) at byte 7/,
    /not at its end/,
    /PASSED OVER: 5/,
    /srv: it is/,
    /4 more/,
  ]);
  t.match(showResult('file.find', { ...found, matches: [] }, { long: true })[0], /^0 matches/);
  t.end();
});
