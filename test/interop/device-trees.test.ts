import { copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import * as v from 'valibot';
import { type BoardDescription, boardDescription, flashLayout, lineUses } from '../../src/board/index.ts';
import { boardSystem } from '../kit/board-systems.ts';
import { DeviceTree } from '../kit/device-tree.ts';
import { run } from '../kit/disk-tools.ts';

const root = new URL('../../', import.meta.url);
const dir = await mkdtemp(join(tmpdir(), 'nightshift-trees-'));
t.teardown(() => rm(dir, { recursive: true }));

const json = async (path: string): Promise<unknown> =>
  JSON.parse(await readFile(new URL(path, root), 'utf8'));

interface TreeBoard {
  readonly board: BoardDescription;
  readonly tree: DeviceTree;
}

/** Every board that has a device tree, with its changes made. */
async function treeBoards(): Promise<TreeBoard[]> {
  const found: TreeBoard[] = [];
  for (const { name } of (await readdir(new URL('boards/', root), { withFileTypes: true })).filter((e) =>
    e.isDirectory(),
  )) {
    const board = v.parse(boardDescription, await json(`boards/${name}/board.json`));
    if (board.deviceTree === undefined) continue;
    const system = await boardSystem(board.processor?.arch === 'arm64' ? 'arm64' : 'armhf');
    const path = join(dir, `${name}.dtb`);
    await copyFile(join(system, 'dtbs', board.deviceTree.file), path);
    for (const { node, property, value } of board.deviceTree.changes) {
      const cells = typeof value === 'string' ? ['-t', 's'] : ['-t', 'u'];
      await run('fdtput', [
        '-p',
        ...cells,
        path,
        node,
        property,
        ...(typeof value === 'string' ? [value] : value.map(String)),
      ]);
    }
    found.push({ board, tree: new DeviceTree(path) });
  }
  return found;
}

const boards = await treeBoards();
const CHIPS: Readonly<Record<string, readonly [node: string, lines: number | undefined]>> = {
  '1e780000.gpio': ['/ahb/apb/gpio@1e780000', undefined],
  '1e780800.gpio': ['/ahb/apb/gpio@1e780800', undefined],
  'pinctrl-bcm2711': ['/soc/gpio@7e200000', 58],
};
const chipNode = (label: string): string => {
  const node = CHIPS[label]?.[0];
  if (node === undefined) throw new Error(`no node is known for the chip ${label}`);
  return node;
};

/** What a 32-bit kernel keeps for such windows where its arguments say nothing, in bytes. */
const USUAL_VMALLOC = 240 * 1024 ** 2;

/** The windows that ASPEED's flash controllers map whole, of those that are switched on, in bytes. */
async function mappedFlash(tree: DeviceTree): Promise<number> {
  let bytes = 0;
  for (const name of (await tree.children('/')).includes('ahb') ? await tree.children('/ahb') : []) {
    const kind = (await tree.texts(`/ahb/${name}`, 'compatible'))?.[0] ?? '';
    if (!/^aspeed,ast2600-(?:fmc|spi)$/.test(kind)) continue;
    if ((await tree.texts(`/ahb/${name}`, 'status'))?.[0] === 'disabled') continue;
    bytes += (await tree.cells(`/ahb/${name}`, 'reg'))?.[3] ?? 0;
  }
  return bytes;
}

await t.test('there are boards to compare', async (t) => {
  t.same(boards.map(({ board }) => board.name).sort(), [
    'ast2600-evb',
    'quanta-s6q',
    'rainier',
    'romulus',
    'rpi-cm4-sidecar',
    'tioga-pass',
  ]);
});

for (const { board, tree } of boards) {
  await t.test(`${board.name}: its machine is recognised by what its device tree calls itself`, async (t) => {
    const compatible = await tree.texts('/', 'compatible');
    t.equal(compatible?.[0], board.compatible?.[0]);
  });

  await t.test(
    `${board.name}: every line is on a chip of that many lines, under the name it has there`,
    async (t) => {
      for (const { label, lines } of board.gpio?.chips ?? []) {
        const [, known] = CHIPS[label] ?? [];
        const names = await tree.texts(chipNode(label), 'gpio-line-names');
        const counted = (await tree.cells(chipNode(label), 'ngpios'))?.[0] ?? known ?? names?.length;
        t.equal(counted, lines, label);
      }
      const named = [
        ...lineUses(board).map(({ by, line }) => ({ by, ...line })),
        ...(board.gpio?.reserved ?? []).map((line) => ({ by: line.why, ...line })),
      ];
      for (const { by, chip, offset, line } of named) {
        const names = await tree.texts(chipNode(chip), 'gpio-line-names');
        // A tree that names the line names it as the board does; one that does not gives the board nothing to go by.
        t.equal(line ?? '', names?.[offset] ?? '', `${by}: ${chip} ${offset}`);
      }
    },
  );

  await t.test(`${board.name}: every chip on an I2C bus is there, of that kind`, async (t) => {
    for (const { bus, address, kind } of board.i2c ?? []) {
      const node = (await tree.texts('/aliases', `i2c${bus}`))?.[0] ?? '';
      const child = (await tree.children(node)).find((name) => name.endsWith(`@${address.toString(16)}`));
      t.ok(child, `bus ${bus} address ${address.toString(16)}`);
      const compatible = await tree.texts(`${node}/${child}`, 'compatible');
      t.ok(
        compatible?.some((text) => text.endsWith(`,${kind}`)),
        `${kind}: ${compatible?.join(' ')}`,
      );
    }
    for (const { name, at } of board.channels) {
      const place =
        at?.on === 'eeprom'
          ? { bus: at.bus, address: at.address }
          : at?.on === 'hwmon' && at.device !== undefined
            ? {
                bus: Number(at.device.split('-')[0]),
                address: Number.parseInt(at.device.split('-')[1] ?? '', 16),
              }
            : undefined;
      if (place === undefined) continue;
      t.ok(
        board.i2c?.some(({ bus, address }) => bus === place.bus && address === place.address),
        `${name} is on a chip that the board lists`,
      );
    }
  });

  await t.test(`${board.name}: the flash of its tree is parted as its layout says`, async (t) => {
    if (board.flash?.kind !== 'nor') {
      t.pass('no flash of this kind');
      return;
    }
    const layout = v.parse(flashLayout, await json(`flash/layouts/${board.flash.layout}.json`));
    t.ok(layout.size <= board.flash.size);
    const node = '/ahb/spi@1e620000/flash@0/partitions';
    const children = await tree.children(node);
    t.equal(children.length, layout.partitions.length);
    for (const name of children) {
      const [offset, size] = (await tree.cells(`${node}/${name}`, 'reg')) ?? [];
      const label = (await tree.texts(`${node}/${name}`, 'label'))?.[0];
      t.match(
        layout.partitions.find((part) => part.name === label),
        { offset, size },
        `${label}`,
      );
    }
  });

  await t.test(`${board.name}: its kernel has addresses for all of the flash that it maps`, async (t) => {
    const named = /\bvmalloc=(\d+)M\b/.exec(board.firmware?.arguments ?? '')?.[1];
    const room = named === undefined ? USUAL_VMALLOC : Number(named) * 1024 ** 2;
    t.ok((await mappedFlash(tree)) < room, 'a controller whose window finds no room shows no flash');
  });

  await t.test(
    `${board.name}: every UART that it names is one of its tree, and is switched on`,
    async (t) => {
      for (const { path } of board.uarts ?? []) {
        const [, number] = /^\/dev\/tty(?:S|AMA)(\d+)$/.exec(path) ?? [];
        if (number === undefined) {
          t.match(path, /^\/dev\/ttyUSB\d+$/, 'an adapter is in no tree');
          continue;
        }
        const node = (await tree.texts('/aliases', `serial${number}`))?.[0] ?? '';
        t.ok((await tree.texts(node, 'compatible'))?.length, path);
        t.equal((await tree.texts(node, 'status'))?.[0] ?? 'okay', 'okay', path);
        t.notOk((await tree.children(node)).includes('bluetooth'), `${path} is not the radio's`);
      }
    },
  );

  await t.test(
    `${board.name}: a drive of its host comes to a bus that is switched on and driven`,
    async (t) => {
      for (const { path } of board.host?.disks ?? []) {
        const [, at] = /\/platform-([0-9a-f]+)\.usb-/.exec(path) ?? [];
        if (at !== undefined) t.equal((await tree.texts(`/ahb/usb@${at}`, 'status'))?.[0], 'okay', path);
        if (path.includes('-scsi-')) t.ok(board.firmware?.modules.includes('sd_mod'), `${path} needs sd_mod`);
      }
      t.ok(board.host, 'it has a host');
    },
  );

  await t.test(`${board.name}: where its host asks it is switched on`, async (t) => {
    const lpc = '/ahb/apb/lpc@1e789000';
    const on = async (node: string) => (await tree.texts(`${lpc}/${node}`, 'status'))?.[0] === 'okay';
    if (board.hostInterface?.bt !== undefined) t.ok(await on('ibt@140'), 'BT');
    if (board.hostInterface?.kcs !== undefined) t.ok((await on('kcs@2c')) || (await on('kcs@28')), 'KCS');
    if (board.hostInterface === undefined) t.pass('its host does not ask it');
  });
}

await t.test(
  'every layout of flash/layouts is right, under its own name, and fits the boards that use it',
  async (t) => {
    const files = await readdir(new URL('flash/layouts/', root));
    t.ok(files.length > 0);
    for (const file of files)
      t.equal(`${v.parse(flashLayout, await json(`flash/layouts/${file}`)).name}.json`, file);
    for (const { board } of boards)
      if (board.flash !== undefined) t.ok(files.includes(`${board.flash.layout}.json`), board.name);
  },
);
