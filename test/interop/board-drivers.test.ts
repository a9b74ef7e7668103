import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import t from 'tap';
import * as v from 'valibot';
import { kernelModules } from '../../flash/kernel-modules.ts';
import { type BoardDescription, boardDescription } from '../../src/board/index.ts';
import { boardSystem } from '../kit/board-systems.ts';
import { DeviceTree } from '../kit/device-tree.ts';

const boards = new URL('../../boards/', import.meta.url);

/** What a module says that it drives, as "of:N*T*Cti,tmp75" or "i2c:tmp75". */
const aliasesOf = (text: string): string[] =>
  [...text.matchAll(/(?:^|\0)(?:\w+\.)?alias=([^\0]+)/g)].map(([, alias]) => alias ?? '');
const moduleText = (path: string): string => readFileSync(path).toString('latin1');

/** What drives the parts of a board: the modules that it has loaded, and what is built into its kernel. */
class Drivers {
  readonly #modules: string;
  readonly #aliases: ReadonlySet<string>;

  constructor(modules: string, loaded: readonly string[]) {
    this.#modules = modules;
    this.#aliases = new Set([
      ...aliasesOf(moduleText(join(modules, 'modules.builtin.modinfo'))),
      ...kernelModules(modules, loaded).flatMap(({ path }) => aliasesOf(moduleText(path))),
    ]);
  }

  drives(compatible: readonly string[]): boolean {
    return names(compatible).some((name) => this.#aliases.has(name));
  }

  /** Of the whole kernel, for whoever has to add one. */
  wouldDrive(compatible: readonly string[]): string {
    const wanted = names(compatible);
    const found = readdirSync(this.#modules, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ko'))
      .filter((path) =>
        aliasesOf(moduleText(join(this.#modules, path))).some((alias) => wanted.includes(alias)),
      )
      .map((path) => basename(path, '.ko').replaceAll('-', '_'));
    return found.length === 0 ? "Debian's kernel has no driver for it" : `add ${found.join(' or ')}`;
  }
}

/** An I2C chip goes by what is behind the comma too. */
const names = (compatible: readonly string[]): string[] =>
  compatible.flatMap((text) => [
    `of:N*T*C${text}`,
    `of:N*T*C${text}C*`,
    `i2c:${text.slice(text.indexOf(',') + 1)}`,
  ]);

/** The chips that channels read, and the switches before them: what it is for, and its node. */
async function partsOf(board: BoardDescription, tree: DeviceTree): Promise<(readonly [string, string])[]> {
  const found: (readonly [string, string])[] = [];
  for (const { name, at } of board.channels) {
    const [bus, address] =
      at?.on === 'eeprom'
        ? [at.bus, at.address]
        : at?.on === 'hwmon' && at.device !== undefined
          ? at.device.split('-').map((text, i) => Number.parseInt(text, i === 0 ? 10 : 16))
          : [];
    if (bus === undefined || address === undefined) continue;
    const node = (await tree.texts('/aliases', `i2c${bus}`))?.[0] ?? '';
    const chip = (await tree.children(node)).find((child) => child.endsWith(`@${address.toString(16)}`));
    found.push([name, `${node}/${chip}`]);
    for (const [before] of node.matchAll(/.*?\/i2c-(?:switch|mux)@[^/]+(?=\/)/g))
      found.push([`${name}, behind a switch`, node.slice(0, node.indexOf(before) + before.length)]);
    found.push([`${name}, its bus`, node.replace(/\/i2c-(?:switch|mux)@.*$/, '')]);
  }
  return found;
}

for (const entry of readdirSync(boards, { withFileTypes: true }).filter((each) => each.isDirectory())) {
  const board = v.parse(
    boardDescription,
    JSON.parse(readFileSync(new URL(`${entry.name}/board.json`, boards), 'utf8')),
  );
  const { deviceTree, firmware } = board;
  if (board.adapter !== 'linux' || deviceTree === undefined || firmware === undefined) continue;
  const system = await boardSystem(board.processor?.arch === 'arm64' ? 'arm64' : 'armhf');
  await t.test(`${board.name}: the devices by which its host asks have their drivers`, async (t) => {
    const { bt, kcs } = board.hostInterface ?? {};
    const needed = [
      ...(bt === undefined ? [] : ['bt_bmc']),
      ...(kcs === undefined ? [] : ['kcs_bmc_aspeed', 'kcs_bmc_cdev_ipmi']),
    ];
    t.doesNotThrow(() => kernelModules(join(system, 'modules'), needed));
    for (const name of needed) t.ok(firmware.modules.includes(name), name);
  });

  await t.test(`${board.name}: what its channels read has a driver that is loaded`, async (t) => {
    const tree = new DeviceTree(join(system, 'dtbs', deviceTree.file));
    const drivers = new Drivers(join(system, 'modules'), firmware.modules);
    const parts = await partsOf(board, tree);
    if (parts.length === 0) t.pass('none of them is on an I2C bus');
    for (const [what, node] of parts) {
      const compatible = (await tree.texts(node, 'compatible')) ?? [];
      const driven = drivers.drives(compatible);
      t.ok(driven, `${what}: ${compatible.join(' ')}${driven ? '' : `: ${drivers.wouldDrive(compatible)}`}`);
    }
  });
}
