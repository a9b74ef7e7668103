import fc from 'fast-check';
import t from 'tap';
import {
  checkWritableName,
  joinPath,
  parentPath,
  parseHostPath,
  pathNames,
} from '../../../src/storage/index.ts';

const code = (verdict: { ok: boolean; refusal?: { code: string } }): string => verdict.refusal?.code ?? 'ok';

await t.test('plain absolute paths are taken', async (t) => {
  for (const path of ['/', '/a', '/a b/-c/"d"', '/ünïcödé/🚀', `/${'n'.repeat(255)}`, '/...', '/a\nb']) {
    t.same(parseHostPath(path), { ok: true, value: path });
  }
  t.same(parseHostPath('/a/b/'), { ok: true, value: '/a/b' });
});

await t.test('tricks are refused', async (t) => {
  const tricks = [
    '',
    'a',
    './a',
    '/a/../b',
    '/..',
    '/./a',
    '/a//b',
    '//',
    '/a\0b',
    `/${'n'.repeat(256)}`,
    '/\ud800',
  ];
  for (const path of [...tricks, `/${'ü'.repeat(128)}`, '/abc'.repeat(1025)]) {
    t.equal(code(parseHostPath(path)), 'PATH_INVALID', JSON.stringify(path.slice(0, 20)));
  }
});

await t.test('new names are free of control characters', async (t) => {
  for (const name of ['a', '-rf', '"quoted"', 'ü 🚀', "it's", '$HOME', '*', 'n'.repeat(255)]) {
    t.equal(code(checkWritableName(name)), 'ok', name);
  }
  for (const name of ['', '.', '..', 'a\nb', 'a\0', '\x7f', '\x85', 'a/b', 'n'.repeat(256), '\udfff']) {
    t.equal(code(checkWritableName(name)), 'NAME_UNSUPPORTED', JSON.stringify(name.slice(0, 20)));
  }
});

await t.test('a path taken is made of its names again', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }), { maxLength: 20 }),
      (names) => {
        const verdict = parseHostPath(`/${names.join('/')}`);
        if (!verdict.ok) return true;
        const path = pathNames(verdict.value).reduce(joinPath, '/');
        return path === verdict.value && verdict.value.startsWith(parentPath(verdict.value));
      },
    ),
  );
});
