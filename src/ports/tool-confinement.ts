/**
 * What a tool that reads a hostile disk is kept from.
 *
 * - `files`: it sees system programs, read-only, and the block path it works on; nothing else
 * - `dies-with-agent`: it is killed when the agent ends, however that ends
 * - `no-new-privileges`: a setuid program gives it nothing
 * - `capabilities`: none, but where it runs as root without a sandbox: to read and write any file
 * - `limits`: address space, processor time, size of a file, open files, no core
 * - `process-limit`: how many processes it has
 * - `processes`: it sees none but its own, and none of them outlives it
 * - `network`, `ipc`, `host-name`: its own, empty ones
 * - `user`: one that is not root, and under a root agent no other process has
 * - `namespaces`: it can make none, and so cannot reach the parts of the kernel that are for root
 */
export type ConfinementPart =
  | 'files'
  | 'dies-with-agent'
  | 'no-new-privileges'
  | 'capabilities'
  | 'limits'
  | 'process-limit'
  | 'processes'
  | 'network'
  | 'ipc'
  | 'host-name'
  | 'user'
  | 'namespaces';

/** How far tools are confined here, as a trial found. A part either holds or is missing. */
export interface ToolConfinement {
  readonly holds: readonly ConfinementPart[];
  readonly missing: readonly { readonly part: ConfinementPart; readonly why: string }[];
}
