import { join } from 'node:path';
import t from 'tap';
import { toolConfinement } from '../../src/adapters/volume-tools/confine.ts';
import { openVolumeEditors } from '../../src/adapters/volume-tools/volume-editors.ts';
import { allow } from '../../src/base/index.ts';
import type { VolumeEditor } from '../../src/ports/index.ts';
import { openDeviceEditors } from '../../src/programs/agent/editors.ts';
import { scratch } from '../kit/disk-tools.ts';
import { MemoryDevice } from '../kit/memory-device.ts';

const place = await scratch();
t.teardown(place.remove);
const { signal } = new AbortController();
const options = { stagedPath: (name: string) => name, directory: join(place.dir, 'work') };

/** Writes down what it is asked for. */
function kindOf(types: readonly string[], program: string, asked: string[]) {
  const load = async (): Promise<VolumeEditor> => {
    asked.push(`load ${types[0]}`);
    const note = (what: string) => async (_device: unknown, type: string) => {
      asked.push(`${what} ${type}`);
      return allow(undefined);
    };
    return { capabilities: { types }, edit: note('edit'), check: note('check'), replay: note('replay') };
  };
  return { types, programs: [[program, []]] as const, load };
}

/** What it says that it can write, and why not more. */
function usable({ capabilities: { types, unusable } }: VolumeEditor) {
  return unusable === undefined ? { types } : { types, unusable };
}

await t.test('each type goes to its own programs, which are loaded at the first use', async (t) => {
  const asked: string[] = [];
  const kinds = [kindOf(['a', 'b'], 'true', asked), kindOf(['c'], 'true', asked)];
  const editor = await openVolumeEditors(kinds, options);
  t.same(usable(editor), { types: ['a', 'b', 'c'] });
  t.same(asked, []);
  const device = new MemoryDevice('disk0', 4096);
  await editor.edit(device, 'b', [], 0, signal);
  await editor.check(device, 'a', signal);
  await editor.replay(device, 'c', 0, signal);
  t.same(asked, ['load a', 'edit b', 'check a', 'load c', 'replay c']);
  t.match(await editor.check(device, 'd', signal), { refusal: { code: 'WRITE_TOOLS_MISSING' } });
});

await t.test('what is missing makes its own types unusable alone, and is named', async (t) => {
  const asked: string[] = [];
  const kinds = [kindOf(['a'], 'true', asked), kindOf(['b', 'c'], 'no-such-program', asked)];
  const editor = await openVolumeEditors(kinds, options);
  t.same(usable(editor), { types: ['a'], unusable: 'b, c: no-such-program is not usable' });
  t.match(await editor.check(new MemoryDevice('disk0', 4096), 'c', signal), {
    refusal: { code: 'WRITE_TOOLS_MISSING', sentence: /no-such-program/ },
  });
  const nowhere = await openVolumeEditors(kinds, { ...options, directory: '/dev/null/work' });
  t.match(nowhere.capabilities, { types: [], unusable: /cannot mount/ });
});

await t.test(
  'where tools are to run confined only, they do, or none does and the refusal says so',
  async (t) => {
    const asked: string[] = [];
    const editor = await openVolumeEditors([kindOf(['a'], 'true', asked)], {
      ...options,
      confinedOnly: true,
    });
    const confinement = await toolConfinement();
    t.same(editor.capabilities.confinement, confinement);
    const made = await editor.check(new MemoryDevice('disk0', 4096), 'a', signal);
    if (confinement.missing.length === 0) t.ok(made.ok);
    else t.match(made, { refusal: { code: 'TOOLS_UNCONFINED' } });
    t.equal(asked.length > 0, confinement.missing.length === 0);
  },
);

await t.test('a device writes ext2, ext3, ext4 and FAT', async (t) => {
  const { types } = (await openDeviceEditors(options)).capabilities;
  t.same(types.slice(0, 4), ['ext4', 'ext3', 'ext2', 'vfat']);
  // Where the sandbox lets a program mount.
  t.match(types.slice(4).join(), /^(ntfs)?$/);
});
