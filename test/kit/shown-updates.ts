import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { squash } from '../../flash/trees.ts';
import { openKeyFile } from '../../src/adapters/key-files.ts';
import type { BoardSite } from './board-site.ts';
import { packUpdate } from './firmware-image.ts';
import type { ToldSteps } from './told-steps.ts';

export interface ShownUpdates {
  readonly told: ToldSteps;
  readonly site: BoardSite;
  readonly board: string;
  /** An update that the packer has made. */
  readonly good: { readonly file: string; readonly version: string };
}

/** An update that proves itself, then one that does not and is taken back: both by an order, as the operator sees it. */
export async function showUpdates({ told, site, board, good }: ShownUpdates): Promise<void> {
  const update = (file: string) => site.run('update', 'board1', file, '--wait', '40m', '--timeout', '45m');
  const proven = await update(good.file);
  told.check(
    proven.code === 0 && proven.stdout.includes(`version ${good.version} was confirmed, and runs in slot b`),
    `an update to ${good.version} is written, started and confirmed`,
    proven.stdout + proven.stderr,
  );

  const bad = join(site.home, 'dead.nsfw');
  await writeFile(bad, await deadUpdate(board, '9.9.9', site.home));
  const failed = await update(bad);
  told.check(
    failed.code !== 0 && failed.stdout.includes(`version 9.9.9 was ROLLED BACK, and ${good.version} runs`),
    'an update whose agent does not live is taken back by the board itself',
    failed.stdout + failed.stderr,
  );
  const firmware = await site.order('firmware', 'board1');
  told.check(
    firmware.stdout.includes(`version ${good.version} (slot b, proven)`) &&
      /slot a +9\.9\.9 +did not prove itself/.test(firmware.stdout),
    'and the board says so',
    firmware.stdout + firmware.stderr,
  );
  const status = await site.order('status', 'board1');
  told.check(status.code === 0, 'and answers as before', status.stdout + status.stderr);
}

/** Whole and well signed, of an agent that ends at once. */
async function deadUpdate(board: string, version: string, directory: string): Promise<Uint8Array> {
  const tree = join(directory, 'dead');
  await mkdir(join(tree, 'dist'), { recursive: true });
  await writeFile(join(tree, 'dist/nightshift-agent.mjs'), 'process.exit(1);\n');
  const image = join(directory, 'dead.squashfs');
  squash(tree, image, { compression: 'xz', date: 1_790_000_000 });
  const key = join(directory, 'test-key.pem');
  await copyFile('flash/test-key.pem', key);
  await chmod(key, 0o600);
  const update = await packUpdate(await readFile(image), await openKeyFile(key), {
    board,
    version,
    rollback: 1,
  });
  return update.file;
}
