import { allow, NsError, refuse, type Verdict } from '../../base/index.ts';
import type { BlockDevice, EditableVolume, VolumeEdit, VolumeEditor } from '../../ports/index.ts';
import {
  checkNtfs,
  type NtfsStep,
  placeNtfsContents,
  planNtfsEdits,
  settleTimes,
} from '../../storage/index.ts';
import { withDevicePath } from '../volume-tools/device-path.ts';
import { readOnly } from '../volume-tools/read-only.ts';
import { runTool, type ToolResult } from '../volume-tools/run-tool.ts';
import { MOUNT_POINT } from '../volume-tools/sandbox.ts';
import { stagedName } from '../volume-tools/staged-name.ts';
import { EditorTools, openToolEditor } from '../volume-tools/tool-editor.ts';
import type { VolumeToolOptions } from '../volume-tools/volume-editors.ts';
import { mountScript, STATUS } from './mount-script.ts';
import { NTFS_3G } from './programs.ts';
import { WrittenStretches } from './written-stretches.ts';

/** Clocks may be read in steps. Seconds. */
const CLOCK_STEP = 0.02;

/**
 * Writing NTFS through ntfs-3g, checked by ntfsfix, ntfsresize and our own reader. Tries at once whether the programs are here
 * and may mount; where not, `capabilities` says why and nothing can be edited.
 */
export async function openNtfs3g(options: VolumeToolOptions): Promise<VolumeEditor> {
  return await openToolEditor(NTFS_3G, ntfs3gEditor, options);
}

/** The same, where it is known already whether it is usable. */
export function ntfs3gEditor(options: VolumeToolOptions, unusable?: string): VolumeEditor {
  return new Ntfs3g(options, unusable);
}

class Ntfs3g implements VolumeEditor {
  readonly capabilities: VolumeEditor['capabilities'];
  readonly #tools: EditorTools;
  readonly #stagedPath: VolumeToolOptions['stagedPath'];

  constructor(options: VolumeToolOptions, unusable: string | undefined) {
    this.#tools = new EditorTools(NTFS_3G, options, unusable);
    this.capabilities = this.#tools.capabilities;
    this.#stagedPath = options.stagedPath;
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
    const plan = await planNtfsEdits(overlay, edits, time, signal);
    if (!plan.ok) return plan;
    const { steps, times } = plan.value;
    const recorded = new WrittenStretches(overlay);
    const from = Date.now() / 1000 - CLOCK_STEP;
    const done = await withDevicePath(this.#tools.directory, recorded, signal, async (path) =>
      judge(await this.#run(path, steps, signal)),
    );
    if (!done.ok) return done;
    const to = Date.now() / 1000 + CLOCK_STEP;
    await settleTimes(overlay, { written: recorded.stretches(), from, to, time, files: times }, signal);
    await placeNtfsContents(overlay, steps.filter(isAllocated), signal);
    return allow(undefined);
  }

  /** ntfsfix looks at what a mount needs, ntfsresize at what every file says of its clusters, and our own reader at the rest. */
  async check(device: BlockDevice, type: string, signal: AbortSignal): Promise<Verdict<void>> {
    const refused = this.#tools.refuseType(type);
    if (refused !== undefined) return refused;
    const own = await checkNtfs(device, signal);
    if (own !== undefined) {
      return refuse('CHECK_FAILED', `A fault was found in the changed volume: ${own}.`);
    }
    return await withDevicePath(this.#tools.directory, readOnly(device), signal, async (path) => {
      for (const [tool, args] of CHECKERS) {
        const { status, stdout, stderr } = await runTool({
          tool,
          args: [...args, path],
          deadline: this.#tools.deadline,
          signal,
          confined: true,
          visible: [{ path }],
        });
        if (status === 0) continue;
        const finding = lastLine(`${stdout}\n${stderr}`);
        if (status === undefined) throw new NsError('NS_TOOL_FAILED', `${tool} was ended: ${finding}`);
        return refuse('CHECK_FAILED', `${tool} found a fault in the changed volume: ${finding}`);
      }
      return allow(undefined);
    });
  }

  /** The log of NTFS is only ever replayed by Windows. */
  async replay(_overlay: BlockDevice, type: string): Promise<Verdict<void>> {
    return this.#tools.refuseType(type) ?? refuse('VOLUME_DIRTY', 'Only Windows replays the log of NTFS.');
  }

  #run(path: string, steps: readonly NtfsStep[], signal: AbortSignal): Promise<ToolResult> {
    const staged = new Set<string>();
    const script = mountScript(steps, (content) => {
      const at = this.#stagedPath(stagedName(content));
      staged.add(at);
      return at;
    });
    return runTool({
      tool: 'sh',
      args: ['-s', '--', path, MOUNT_POINT],
      input: Buffer.from(script),
      deadline: this.#tools.deadline,
      signal,
      confined: true,
      mounts: true,
      visible: [{ path, writable: true }, ...[...staged].map((at) => ({ path: at }))],
    });
  }
}

function isAllocated(step: NtfsStep): step is Extract<NtfsStep, { step: 'write' }> {
  return step.step === 'write' && step.aside?.allocated === true;
}

const CHECKERS: readonly (readonly [tool: string, args: readonly string[]])[] = [
  ['ntfsfix', ['-n']],
  ['ntfsresize', ['--check', '--force', '--no-progress-bar']],
];

/** ntfsfallocate ends with 0 where it finds no room, and says so alone. */
function judge({ status, stderr }: ToolResult): Verdict<void> {
  if (/no space left|disk full/i.test(stderr)) {
    return refuse('NO_SPACE', 'The volume has no room for the change.');
  }
  if (status === 0) return allow(undefined);
  if (/directory not empty/i.test(stderr)) return refuse('DIRECTORY_NOT_EMPTY');
  const said = lastLine(stderr);
  if (status === STATUS.notMounted) {
    return refuse('VOLUME_DIRTY', `ntfs-3g does not mount it for writing: ${said}`);
  }
  throw new NsError('NS_TOOL_FAILED', `ntfs-3g: ${said} (status ${status ?? 'none'})`);
}

/** What ntfs-3g tells of each mount. */
const CHATTER =
  /^(Version|Requested device|Mounted|Cmdline options|Mount options|Global ownership|Ownership and permissions|Unmounting|ntfsfallocate v)\b/;

function lastLine(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !CHATTER.test(line));
  return (lines.at(-1) ?? 'no reason given').slice(0, 300);
}
