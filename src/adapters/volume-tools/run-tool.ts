import type { Duration } from '../../base/index.ts';
import { confine } from './confine.ts';
import { boundToUs } from './environment.ts';
import { startTool, type ToolResult } from './start-tool.ts';
import type { VisiblePath } from './visible-path.ts';

export type { ToolResult } from './start-tool.ts';

export interface ToolRun {
  readonly tool: string;
  readonly args: readonly string[];
  readonly deadline: Duration;
  readonly signal: AbortSignal;
  /**
   * True: keeps it from all that `toolConfinement` says. "raw-io": no sandbox, and of root's rights those to files and to SCSI
   * commands.
   */
  readonly confined?: true | 'raw-io' | false;
  /** All that a confined tool sees beside system programs, by the same names. */
  readonly visible?: readonly VisiblePath[];
  /** A confined tool may mount by FUSE on MOUNT_POINT, in namespaces of its own; see `whyNoMounts`. */
  readonly mounts?: boolean;
  /** Added to a clean environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Given to its standard input, which is empty otherwise: secrets go this way, never by `args` or `env`. */
  readonly input?: Uint8Array;
  /** Its standard output is bytes: one character each, code 0 to 255. */
  readonly binary?: boolean;
}

/**
 * Runs a tool to its end. NS_TOOL_FAILED where it cannot start, does not end in time or talks without end; the signal's
 * reason where that is aborted.
 */
export async function runTool(run: ToolRun): Promise<ToolResult> {
  run.signal.throwIfAborted();
  if (run.confined === undefined || run.confined === false) {
    const [command, args] = boundToUs(run.tool, run.args, 'KILL');
    return await startTool({ ...run, command, args, confined: false, sandbox: false });
  }
  const { start, giveBack } = await confine(run);
  try {
    run.signal.throwIfAborted();
    return await startTool({ ...run, ...start, confined: true });
  } finally {
    giveBack();
  }
}
