import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { allow, NsError, refuse, type Verdict } from '../../base/index.ts';
import type { BlockDevice, EditableVolume, VolumeEdit, VolumeEditor } from '../../ports/index.ts';
import {
  baseName,
  fillFat,
  giveName,
  joinPath,
  openFileSystem,
  parentPath,
  standInName,
} from '../../storage/index.ts';
import { withDevicePath } from '../volume-tools/device-path.ts';
import { readOnly } from '../volume-tools/read-only.ts';
import { runTool, type ToolResult } from '../volume-tools/run-tool.ts';
import { EditorTools, openToolEditor } from '../volume-tools/tool-editor.ts';
import type { VisiblePath } from '../volume-tools/visible-path.ts';
import type { VolumeToolOptions } from '../volume-tools/volume-editors.ts';
import { type MtoolsStep, mtoolsSteps, newName } from './mtools-steps.ts';
import { MTOOLS } from './programs.ts';
import { storedEdits } from './stored-paths.ts';

/**
 * Every setting that mtools has, so that none of a configuration file counts: /etc/mtools.conf is read whatever one does,
 * and the environment goes before it. Its own checks stay on.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  MTOOLSRC: '/dev/null',
  // What hosts, and our reader, take short names to be in where nothing says otherwise.
  DEFAULT_CODEPAGE: '437',
  MTOOLS_SKIP_CHECK: '0',
  MTOOLS_FAT_COMPATIBILITY: '0',
  MTOOLS_LOWER_CASE: '0',
  MTOOLS_NO_VFAT: '0',
  MTOOLS_NAME_NUMERIC_TAIL: '1',
  MTOOLS_DOTTED_DIR: '0',
  MTOOLS_USE_XDF: '0',
  MTOOLS_LOCK_TIMEOUT: '30',
};
const NO_SLOTS = /no directory slots/i;
/** A name takes 21 entries of 32 bytes at most, and a cluster has 512 bytes at least. */
const TRIES_FOR_SLOTS = 3;

/**
 * Writing FAT12, FAT16 and FAT32 through mtools, checked by fsck.fat. Tries at once whether the programs are here and may
 * mount; where not, `capabilities` says why and nothing can be edited.
 */
export async function openMtools(options: VolumeToolOptions): Promise<VolumeEditor> {
  return await openToolEditor(MTOOLS, mtoolsEditor, options);
}

/** The same, where it is known already whether it is usable. */
export function mtoolsEditor(options: VolumeToolOptions, unusable?: string): VolumeEditor {
  return new Mtools(options, unusable);
}

class Mtools implements VolumeEditor {
  readonly capabilities: VolumeEditor['capabilities'];
  readonly #tools: EditorTools;

  constructor(options: VolumeToolOptions, unusable: string | undefined) {
    this.#tools = new EditorTools(MTOOLS, options, unusable);
    this.capabilities = this.#tools.capabilities;
  }

  async edit(
    overlay: EditableVolume,
    type: string,
    edits: readonly VolumeEdit[],
    time: number,
    signal: AbortSignal,
  ): Promise<Verdict<void>> {
    const refused = this.#tools.refuseType(type);
    if (refused !== undefined) return refused;
    const { facts } = await openFileSystem(overlay, type, signal);
    const found = await storedEdits(overlay, edits, signal);
    if (!found.ok) return found;
    const { attributes, spareName } = found.value;
    return withDevicePath(this.#tools.directory, overlay, signal, async (path, room) => {
      const empty = join(room, 'empty');
      await writeFile(empty, '', { mode: 0o600 });
      const steps = mtoolsSteps(found.value.edits, {
        time,
        beside: fitsBeside(edits, facts),
        empty,
        attributesOf: (of) => attributes.get(of) ?? 0,
        spareName: (directory) => spareName.get(directory) ?? '',
      });
      const visible = [{ path, writable: true }, { path: empty }];
      for (const step of steps) {
        const made = await this.#make(step, overlay, path, visible, signal);
        if (!made.ok) return made;
      }
      return allow(undefined);
    });
  }

  /** fsck.fat ends with 1 for whatever it finds, the mark of a volume that was not unmounted among it. */
  async check(device: BlockDevice, type: string, signal: AbortSignal): Promise<Verdict<void>> {
    const refused = this.#tools.refuseType(type);
    if (refused !== undefined) return refused;
    const { status, stdout } = await withDevicePath(this.#tools.directory, readOnly(device), signal, (path) =>
      runTool({
        tool: 'fsck.fat',
        args: ['-n', path],
        deadline: this.#tools.deadline,
        signal,
        confined: true,
        visible: [{ path }],
      }),
    );
    if (status === 0) return allow(undefined);
    const finding = firstFinding(stdout);
    if (status === 1) {
      return refuse('CHECK_FAILED', `fsck.fat found a fault in the changed volume: ${finding}`);
    }
    throw new NsError('NS_TOOL_FAILED', `fsck.fat ended with ${status ?? 'a signal'}: ${finding}`);
  }

  /** FAT has no journal. */
  async replay(_overlay: BlockDevice, type: string): Promise<Verdict<void>> {
    return this.#tools.refuseType(type) ?? allow(undefined);
  }

  /**
   * What is made gets a name in ASCII from mtools: other letters it turns into what the code page has for them, and a name
   * with a tilde it may take for a short one. So these are put into the long name here, and the small letters that a renamed
   * file loses.
   */
  async #make(
    step: MtoolsStep,
    overlay: EditableVolume,
    image: string,
    visible: readonly VisiblePath[],
    signal: AbortSignal,
  ): Promise<Verdict<void>> {
    const { makes } = step;
    if (makes === undefined) return judge(step, await this.#run(step, image, visible, signal));
    const [directory, name] = [parentPath(makes), baseName(makes)];
    const plain = /^[\x20-\x7d]*$/.test(name) ? name : await standInName(overlay, directory, name, signal);
    if (plain === undefined) return refuse('NAME_UNSUPPORTED', `There is no room for the name ${name}.`);
    const path = joinPath(directory, plain);
    const run = (): Promise<ToolResult> =>
      this.#run({ ...step, args: [...step.args, newName(path)] }, image, visible, signal);
    let result = await run();
    // A directory grows by one cluster each time, which is too little for a long name in small clusters.
    for (let tries = 1; tries < TRIES_FOR_SLOTS && NO_SLOTS.test(result.stderr); tries += 1) {
      result = await run();
    }
    const made = judge(step, result);
    if (!made.ok) return made;
    await giveName(overlay, path, name, signal);
    const { content } = step;
    return content === undefined ? made : fillFat(overlay, makes, content, signal);
  }

  #run(
    { program, args, time }: MtoolsStep,
    path: string,
    visible: readonly VisiblePath[],
    signal: AbortSignal,
  ): Promise<ToolResult> {
    return runTool({
      tool: 'mtools',
      args: ['-c', program, '-i', path, ...args],
      deadline: this.#tools.deadline,
      signal,
      env: {
        ...SETTINGS,
        SOURCE_DATE_EPOCH: String(time),
      },
      confined: true,
      visible,
    });
  }
}

/** Is there room for all new content while the old is still there? */
function fitsBeside(
  edits: readonly VolumeEdit[],
  { free = Number.POSITIVE_INFINITY, blockSize }: { readonly free?: number; readonly blockSize: number },
): boolean {
  let needed = 0;
  for (const edit of edits) {
    if (edit.edit === 'put-file') needed += Math.ceil(edit.content.size / blockSize) * blockSize;
    if (edit.edit === 'put-file' || edit.edit === 'make-directory') needed += blockSize;
  }
  return needed <= free;
}

/** 0 is success; whatever else, with what it says, is why nothing of the order is done. */
function judge({ program }: MtoolsStep, { status, stdout, stderr }: ToolResult): Verdict<void> {
  if (status === 0) return allow(undefined);
  const said = `${stderr}\n${stdout}`.split('\n').find((line) => line.trim() !== '') ?? '';
  if (/disk full|no directory slots|no space/i.test(`${stderr}${stdout}`)) {
    return refuse('NO_SPACE', 'The volume has no room for the change.');
  }
  if (/non empty/i.test(said)) return refuse('DIRECTORY_NOT_EMPTY');
  const why = said === '' ? `ended with ${status ?? 'a signal'}` : said.slice(0, 300);
  throw new NsError('NS_TOOL_FAILED', `${program}: ${why}`);
}

/** The first line about a fault. What it says of the copy of the boot sector is no fault, and comes first. */
function firstFinding(stdout: string): string {
  const lines = stdout
    .split('\n')
    .filter(
      (line) =>
        /^\S/.test(line) && !/^fsck\.fat \d|^There are differences between boot|^This is mostly/.test(line),
    );
  return (lines[0] ?? 'no reason given').slice(0, 300);
}
