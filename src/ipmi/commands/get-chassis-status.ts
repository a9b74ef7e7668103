import { type Command, NOTHING } from '../command.ts';
import { NET_FN } from '../wire/message.ts';
import { buttonsIn, type FrontPanelButtons } from './set-front-panel-enables.ts';

export type RestorePolicy = 'always-off' | 'previous' | 'always-on' | 'unknown';

/** IPMI 2.0, 28.2. */
export interface ChassisStatus {
  readonly powerOn: boolean;
  readonly overload: boolean;
  readonly interlock: boolean;
  readonly powerFault: boolean;
  readonly powerControlFault: boolean;
  readonly restorePolicy: RestorePolicy;
  readonly lastPowerEvent: {
    readonly acFailed: boolean;
    readonly overload: boolean;
    readonly interlock: boolean;
    readonly fault: boolean;
    readonly onByIpmi: boolean;
  };
  readonly intrusion: boolean;
  readonly frontPanelLockout: boolean;
  readonly driveFault: boolean;
  readonly coolingFault: boolean;
  /** Undefined where the BMC does not tell. */
  readonly identify: 'off' | 'timed' | 'on' | undefined;
  /** Undefined where the BMC does not tell. */
  readonly frontPanel:
    | {
        /** Which buttons are switched off now. */
        readonly disabled: FrontPanelButtons;
        /** Which buttons Set Front Panel Button Enables can switch off. */
        readonly canDisable: FrontPanelButtons;
      }
    | undefined;
}

const POLICIES: readonly RestorePolicy[] = ['always-off', 'previous', 'always-on', 'unknown'];
const IDENTIFY = ['off', 'timed', 'on', undefined] as const;

export const getChassisStatus: Command<void, ChassisStatus> = {
  name: 'Get Chassis Status',
  netFn: NET_FN.chassis,
  code: 0x01,
  level: 'user',
  repeatable: true,
  encode: () => NOTHING,
  decode(data) {
    const [power, event, misc] = [data.u8(0), data.u8(1), data.u8(2)];
    const bit = (byte: number, n: number): boolean => ((byte >> n) & 1) === 1;
    return {
      powerOn: bit(power, 0),
      overload: bit(power, 1),
      interlock: bit(power, 2),
      powerFault: bit(power, 3),
      powerControlFault: bit(power, 4),
      restorePolicy: POLICIES[(power >> 5) & 3]!,
      lastPowerEvent: {
        acFailed: bit(event, 0),
        overload: bit(event, 1),
        interlock: bit(event, 2),
        fault: bit(event, 3),
        onByIpmi: bit(event, 4),
      },
      intrusion: bit(misc, 0),
      frontPanelLockout: bit(misc, 1),
      driveFault: bit(misc, 2),
      coolingFault: bit(misc, 3),
      identify: bit(misc, 6) ? IDENTIFY[(misc >> 4) & 3] : undefined,
      frontPanel: data.length > 3 ? frontPanelIn(data.u8(3)) : undefined,
    };
  },
};

const frontPanelIn = (byte: number): ChassisStatus['frontPanel'] => ({
  disabled: buttonsIn(byte, 0),
  canDisable: buttonsIn(byte, 4),
});
