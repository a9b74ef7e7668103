import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { BOOT_EXIT, loadingBootSector, sayingBootSector } from '../kit/boot-sector.ts';
import { exportChain } from '../kit/chain-export.ts';
import { scratch } from '../kit/disk-tools.ts';
import { ahciDrive, debugConsole, startQemu } from '../kit/qemu.ts';

const SECTOR = 512;
/** Sectors of each member: odd, so that no border is where a guess would put it, and one that a command reaches across. */
const MEMBERS = [2047, 5, 1777, 901] as const;
const TOTAL = MEMBERS.reduce((sum, sectors) => sum + sectors, 0);

const { dir, remove } = await scratch();
t.teardown(remove);
let count = 0;

/** A chain with this boot sector, and a text that begins at this byte of it. */
async function chainWith(boot: Uint8Array, text = '', at = 0) {
  const content = new Uint8Array(TOTAL * SECTOR);
  content.set(boot);
  content.set(Buffer.from(text), at);
  count += 1;
  const directory = join(dir, `chain-${count}`);
  await mkdir(directory);
  return { directory, chain: await exportChain(directory, content, MEMBERS) };
}

/** What the host says on its debug console when it boots from this chain. */
async function boot({ directory, chain }: Awaited<ReturnType<typeof chainWith>>) {
  const began = performance.now();
  const host = startQemu({ directory, args: [...debugConsole, ...ahciDrive(chain)], lifeSeconds: 60 });
  try {
    const code = await host.ended;
    return { code, said: host.said.text, milliseconds: Math.round(performance.now() - began) };
  } finally {
    await chain.close();
  }
}

await t.test('a host boots from the chain through AHCI', async (t) => {
  const { directory, chain } = await chainWith(sayingBootSector('NIGHT'));
  const { code, said, milliseconds } = await boot({ directory, chain });
  t.equal(said, 'NIGHT');
  t.equal(code, BOOT_EXIT.said);
  t.comment(`figure: QEMU from power on to the word of the boot sector ${milliseconds} ms`);
});

await t.test('the boot sector reads a sector of the last member by the BIOS', async (t) => {
  const lba = TOTAL - 1;
  const boots = loadingBootSector({ lba, sectors: 1, textAt: 5 });
  const bench = await chainWith(boots, 'on the very last sector', lba * SECTOR + 5);
  const { code, said } = await boot(bench);
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
    const bench = await chainWith(loadingBootSector({ lba, sectors, textAt: 0 }), `${text}\0`, lba * SECTOR);
    const { code, said } = await boot(bench);
    t.equal(said, text);
    t.equal(code, BOOT_EXIT.said);
  },
);

await t.test('the drive ends where the last member ends', async (t) => {
  const bench = await chainWith(loadingBootSector({ lba: TOTAL, sectors: 1, textAt: 0 }));
  const { code, said } = await boot(bench);
  t.equal(said, '');
  t.equal(code, BOOT_EXIT.diskError);
});
