import type { commands, IpmiClient } from '../ipmi/index.ts';
import type { HostPower } from '../ports/index.ts';

type Guard = Pick<
  HostPower,
  'capabilities' | 'onWakeRequest' | 'allowWake' | 'maskPowerOn' | 'powerOnMasked'
>;
type Client = Pick<IpmiClient, 'chassisStatus' | 'disableButtons' | 'setRestorePolicy'>;

/**
 * The power button by the board's own BMC: masked by its front panel enables, and with a restore policy of always-off, so
 * that mains coming back do not switch the host on. IPMI tells nobody that a button was pressed and keeps no host waiting: no
 * interlock. What it cannot mask (another user of that BMC, say) is taken back when it is seen.
 */
export class IpmiGuard implements Guard {
  readonly capabilities: HostPower['capabilities'];
  readonly #client: Client;
  /** The policy before the mask, as far as this process knows it. */
  #policy: commands.RestorePolicy | undefined;

  private constructor(client: Client, buttonMask: boolean) {
    this.#client = client;
    this.capabilities = { buttonMask, wakeInterlock: false };
  }

  /** Asks the BMC whether its power button can be switched off. */
  static async open(client: Client, signal?: AbortSignal): Promise<IpmiGuard> {
    const { frontPanel } = await client.chassisStatus(signal);
    return new IpmiGuard(client, frontPanel?.canDisable.powerOff === true);
  }

  onWakeRequest(): () => void {
    return () => {};
  }

  async allowWake(): Promise<void> {}

  async maskPowerOn(masked: boolean): Promise<void> {
    if (masked) {
      const { restorePolicy } = await this.#client.chassisStatus();
      if (restorePolicy !== 'always-off') this.#policy ??= restorePolicy;
      await this.#client.setRestorePolicy('always-off');
    } else if (this.#policy !== undefined && this.#policy !== 'unknown') {
      await this.#client.setRestorePolicy(this.#policy);
      this.#policy = undefined;
    }
    if (this.capabilities.buttonMask) await this.#client.disableButtons({ powerOff: masked });
  }

  async powerOnMasked(signal?: AbortSignal): Promise<boolean> {
    const { frontPanel } = await this.#client.chassisStatus(signal);
    return frontPanel?.disabled.powerOff === true;
  }
}
