import { readFile, stat } from 'node:fs/promises';
import t from 'tap';
import { BOOT_EXIT, loadingBootSector, sayingBootSector } from '../kit/boot-sector.ts';
import { exportChain } from '../kit/chain-export.ts';
import { buildChainProgram } from '../kit/chain-program.ts';
import { scratch } from '../kit/disk-tools.ts';
import { ahciDrive, debugConsole, startQemu } from '../kit/qemu.ts';

const SECTOR = 512;
/** Sectors of each member: odd, so that no border is where a guess would put it, and one that a command reaches across. */
const MEMBERS = [2047, 5, 1777, 901] as const;
const TOTAL = MEMBERS.reduce((sum, sectors) => sum + sectors, 0);

const { dir, remove } = await scratch();
t.teardown(remove);
const chain = await exportChain(await buildChainProgram(dir), dir, MEMBERS);
t.teardown(() => chain.close());

/** What the host says on its debug console when it boots this boot sector from the chain, where a text begins at a byte. */
async function boot(bootSector: Uint8Array, text = '', at = 0) {
  const disk = await chain.disk();
  await disk.write(0, bootSector);
  await disk.write(at, Buffer.from(text));
  await disk.flush();
  await disk.close();
  const began = performance.now();
  const host = startQemu({
    directory: dir,
    args: [...debugConsole, ...ahciDrive(chain)],
    lifeSeconds: 60,
  });
  const code = await host.ended;
  return { code, said: host.said.text, milliseconds: Math.round(performance.now() - began) };
}

await t.test('a host boots from the chain through AHCI', async (t) => {
  const { code, said, milliseconds } = await boot(sayingBootSector('NIGHT'));
  t.equal(said, 'NIGHT');
  t.equal(code, BOOT_EXIT.said);
  t.comment(`figure: QEMU from power on to the word of the boot sector ${milliseconds} ms`);
});

await t.test('the boot sector reads a sector of the last member by the BIOS', async (t) => {
  const lba = TOTAL - 1;
  const bootSector = loadingBootSector({ lba, sectors: 1, textAt: 5 });
  const { code, said } = await boot(bootSector, 'on the very last sector', lba * SECTOR + 5);
  t.equal(said, 'on the very last sector');
  t.equal(code, BOOT_EXIT.said);
});

await t.test(
  'one command that begins on a member and ends two members on gives what all three hold',
  async (t) => {
    const lba = MEMBERS[0] - 2;
    const sectors = 2 + MEMBERS[1] + 2;
    const text = Array.from({ length: sectors * 64 }, (_, i) => `${1_000_000 + i} `)
      .join('')
      .slice(0, sectors * SECTOR - 1);
    const bootSector = loadingBootSector({ lba, sectors, textAt: 0 });
    const { code, said } = await boot(bootSector, `${text}\0`, lba * SECTOR);
    t.equal(said, text);
    t.equal(code, BOOT_EXIT.said);
  },
);

await t.test('the drive ends where the last member ends', async (t) => {
  const { code, said } = await boot(loadingBootSector({ lba: TOTAL, sectors: 1, textAt: 0 }));
  t.equal(said, '');
  t.equal(code, BOOT_EXIT.diskError);
});

await t.test('each text lies on the member where it belongs, and no member grew', async (t) => {
  const last = await readFile(chain.members.at(-1)!);
  t.equal(last.subarray(-SECTOR).toString().slice(5, 28), 'on the very last sector');
  const first = await readFile(chain.members[0]!);
  t.match(first.subarray(-2 * SECTOR).toString(), /^1000000 /);
  t.same(
    [...chain.members.keys()].map((i) => MEMBERS[i]! * SECTOR),
    await Promise.all(chain.members.map(async (path) => (await stat(path)).size)),
  );
});
