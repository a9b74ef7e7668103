/** What a chassis control can ask of a host's power (IPMI 2.0, 28.3): "soft" presses the button for the operating system. */
export type PowerAction = 'on' | 'off' | 'cycle' | 'reset' | 'nmi' | 'soft';

/**
 * The host's power, driven. Apart from HostPower, so that no task can reach it (promise 1): only the chassis orders of
 * src/bmc use it, behind the lock and the custody of disks.
 */
export interface HostControl {
  /** What this board can do; "cycle" is made of "off" and "on" by whoever orders it. */
  readonly actions: readonly Exclude<PowerAction, 'cycle'>[];
  /**
   * Gives it to the host at once and asks nobody: before "on" the disks must be home. Resolves when it was given, which
   * is before the host shows it. NS_POWER where it cannot be given.
   */
  drive(action: Exclude<PowerAction, 'cycle'>, signal: AbortSignal): Promise<void>;
}
