import type { commands, IpmiClient } from '../ipmi/index.ts';
import type { BootGuard, BootGuarded } from '../ports/index.ts';

type Client = Pick<IpmiClient, 'chassisStatus' | 'setRestorePolicy' | 'bootFlags' | 'setBootFlags'>;

const POLICIES: readonly commands.PowerRestorePolicy[] = ['always-off', 'previous', 'always-on'];

/**
 * The boot as the board's own BMC keeps it: the power restore policy (IPMI 2.0, 28.8) and the boot flags (28.13, parameter 5).
 * Its user needs the level operator.
 */
export class IpmiBootGuard implements BootGuard {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async setting(signal: AbortSignal): Promise<string> {
    return (await this.#client.chassisStatus(signal)).restorePolicy;
  }

  async guard(signal: AbortSignal): Promise<void> {
    await this.#client.setRestorePolicy('always-off', signal);
    if (await this.#chosen(signal)) await this.#client.setBootFlags({ valid: false }, signal);
  }

  async release(setting: string | undefined, signal: AbortSignal): Promise<void> {
    const policy = POLICIES.find((known) => known === setting);
    if (policy !== undefined) await this.#client.setRestorePolicy(policy, signal);
  }

  async guarded(signal: AbortSignal): Promise<BootGuarded> {
    const { restorePolicy } = await this.#client.chassisStatus(signal);
    const off = restorePolicy === 'always-off';
    const chosen = await this.#chosen(signal);
    if (off && !chosen) return 'yes';
    return off || !chosen ? 'partly' : 'no';
  }

  /** Flags that are marked valid choose something; a BMC that keeps none has none to clear. */
  async #chosen(signal: AbortSignal): Promise<boolean> {
    const flags = await this.#client.bootFlags(signal);
    return flags?.valid === true && flags.device !== 'none';
  }
}
