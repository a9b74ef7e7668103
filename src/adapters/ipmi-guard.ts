import type { commands, IpmiClient } from '../ipmi/index.ts';
import type { HostPower } from '../ports/index.ts';

type Guard = Pick<
  HostPower,
  'capabilities' | 'onWakeRequest' | 'allowWake' | 'maskPowerOn' | 'powerOnMasked'
>;
type Client = Pick<IpmiClient, 'chassisStatus' | 'setRestorePolicy'>;

/**
 * What a board's own BMC can do to keep its host down: a restore policy of always-off, so that mains coming back switch nothing
 * on. It is no mask: Set Front Panel Button Enables stops the power button for switching off only (IPMI 2.0, 28.6), and other
 * users of that BMC switch on as they like. IPMI tells nobody that a button was pressed and keeps no host waiting, either: no
 * interlock. A host that comes on all the same is switched off by LockGuard.
 */
export class IpmiGuard implements Guard {
  readonly capabilities = { buttonMask: false, wakeInterlock: false };
  readonly #client: Client;
  /** The policy before the machine was locked, as far as this process knows it. */
  #policy: commands.PowerRestorePolicy | undefined;

  constructor(client: Client) {
    this.#client = client;
  }

  onWakeRequest(): () => void {
    return () => {};
  }

  async allowWake(): Promise<void> {}

  async maskPowerOn(masked: boolean): Promise<void> {
    if (masked) {
      const { restorePolicy } = await this.#client.chassisStatus();
      if (restorePolicy !== 'always-off' && restorePolicy !== 'unknown') this.#policy ??= restorePolicy;
      await this.#client.setRestorePolicy('always-off');
    } else if (this.#policy !== undefined) {
      await this.#client.setRestorePolicy(this.#policy);
      this.#policy = undefined;
    }
  }

  async powerOnMasked(): Promise<boolean> {
    return false;
  }
}
