export {
  ACPI_DEVICE_STATE,
  ACPI_SYSTEM_STATE,
  type AcpiDeviceState,
  type AcpiSystemState,
} from './acpi-power-state.ts';
export { type ActivatedSol, activatePayload } from './activate-payload.ts';
export { addSelEntry } from './add-sel-entry.ts';
export {
  BOOT_DEVICE,
  type BootDevice,
  type BootFlags,
  decodeBootFlags,
  encodeBootFlags,
} from './boot-flags.ts';
export {
  BOOT_PARAMETER,
  type BootOption,
  decodeBootOption,
  encodeBootOption,
  type SetInProgress,
  type ValidBitKept,
} from './boot-option.ts';
export { type ChannelNumber, THIS_CHANNEL } from './channel.ts';
export { CHASSIS_CONTROL, type ChassisControl, chassisControl } from './chassis-control.ts';
export { chassisIdentify, DEFAULT_IDENTIFY, type Identify } from './chassis-identify.ts';
export { clearSel } from './clear-sel.ts';
export { closeSession } from './close-session.ts';
export { type DcmiCapabilities, dcmiGetCapabilities } from './dcmi-get-capabilities.ts';
export { dcmiGetPowerReading, type PowerReading } from './dcmi-get-power-reading.ts';
export { deactivatePayload } from './deactivate-payload.ts';
export { deleteSelEntry } from './delete-sel-entry.ts';
export { type AcpiPowerState, getAcpiPowerState } from './get-acpi-power-state.ts';
export { type ChannelAccess, getChannelAccess } from './get-channel-access.ts';
export {
  type AuthenticationCapabilities,
  getChannelAuthenticationCapabilities,
} from './get-channel-authentication-capabilities.ts';
export {
  decodeCipherSuites,
  getChannelCipherSuites,
  MOST_SUITE_PIECES,
  type OfferedSuite,
  SUITES_PIECE,
} from './get-channel-cipher-suites.ts';
export { type ChannelInfo, getChannelInfo } from './get-channel-info.ts';
export { getChannelPayloadSupport, type SupportedPayloads } from './get-channel-payload-support.ts';
export { type ChassisCapabilities, getChassisCapabilities } from './get-chassis-capabilities.ts';
export { type ChassisStatus, getChassisStatus, type RestorePolicy } from './get-chassis-status.ts';
export { getDeviceGuid } from './get-device-guid.ts';
export { type DeviceId, getDeviceId } from './get-device-id.ts';
export { getFruInventoryAreaInfo } from './get-fru-inventory-area-info.ts';
export {
  getLanConfigurationParameters,
  type LanParameterWanted,
} from './get-lan-configuration-parameters.ts';
export { getPayloadActivationStatus, type PayloadActivation } from './get-payload-activation-status.ts';
export { getPayloadInstanceInfo, type PayloadInstance } from './get-payload-instance-info.ts';
export { getPohCounter } from './get-poh-counter.ts';
export { getSdr, type SdrPiece } from './get-sdr.ts';
export { getSdrRepositoryInfo, type SdrRepositoryInfo } from './get-sdr-repository-info.ts';
export { getSdrRepositoryTime } from './get-sdr-repository-time.ts';
export { FIRST_RECORD, getSelEntry, LAST_RECORD, SEL_RECORD_SIZE } from './get-sel-entry.ts';
export { getSelInfo, type SelInfo } from './get-sel-info.ts';
export { getSelTime } from './get-sel-time.ts';
export { getSelTimeUtcOffset } from './get-sel-time-utc-offset.ts';
export { getSelfTestResults, type SelfTest } from './get-self-test-results.ts';
export { getSensorReading, type RawReading } from './get-sensor-reading.ts';
export { getSensorReadingFactors } from './get-sensor-reading-factors.ts';
export { getSensorThresholds } from './get-sensor-thresholds.ts';
export {
  type ActiveSession,
  getSessionInfo,
  type SessionInfo,
  type SessionWanted,
} from './get-session-info.ts';
export {
  getSolConfigurationParameters,
  type SolParameterWanted,
} from './get-sol-configuration-parameters.ts';
export { type BootOptionWanted, getSystemBootOptions } from './get-system-boot-options.ts';
export { getSystemGuid } from './get-system-guid.ts';
export { getSystemRestartCause, type RestartCause } from './get-system-restart-cause.ts';
export { getUserAccess, MOST_USERS, type UserAccess } from './get-user-access.ts';
export { getUserName } from './get-user-name.ts';
export { getWatchdogTimer, type WatchdogTimer } from './get-watchdog-timer.ts';
export { decodeGuid, type Guid } from './guid.ts';
export { decodeLanParameter, type IpSource, LAN_PARAMETER, type LanParameter } from './lan-parameter.ts';
export { rawCommand } from './raw.ts';
export { readFruData } from './read-fru-data.ts';
export { decodeFactors, type Factors, signed } from './reading-factors.ts';
export { reserveSdrRepository } from './reserve-sdr-repository.ts';
export { reserveSel } from './reserve-sel.ts';
export { resetWatchdogTimer } from './reset-watchdog-timer.ts';
export type { UtcOffset } from './sel-time-utc-offset.ts';
export { type RawThresholds, THRESHOLDS, type Threshold } from './sensor-thresholds.ts';
export { type AcpiPowerStateChange, setAcpiPowerState } from './set-acpi-power-state.ts';
export {
  buttonsIn,
  type FrontPanelButtons,
  setFrontPanelEnables,
} from './set-front-panel-enables.ts';
export { setPowerCycleInterval } from './set-power-cycle-interval.ts';
export {
  POWER_RESTORE_POLICY,
  type PowerRestorePolicy,
  setPowerRestorePolicy,
} from './set-power-restore-policy.ts';
export { setSelTime } from './set-sel-time.ts';
export { setSelTimeUtcOffset } from './set-sel-time-utc-offset.ts';
export { setSensorThresholds } from './set-sensor-thresholds.ts';
export { setSessionPrivilegeLevel } from './set-session-privilege-level.ts';
export {
  type SolParameterSetting,
  setSolConfigurationParameters,
} from './set-sol-configuration-parameters.ts';
export { setSystemBootOptions } from './set-system-boot-options.ts';
export { setWatchdogTimer, type WatchdogSettings } from './set-watchdog-timer.ts';
export { decodeSolParameter, encodeSolParameter, SOL_PARAMETER, type SolParameter } from './sol-parameter.ts';
export {
  COUNT_MS,
  decodeUses,
  encodeUses,
  PRE_TIMEOUT_INTERRUPT,
  type PreTimeoutInterrupt,
  useIn,
  WATCHDOG_ACTION,
  WATCHDOG_USE,
  type WatchdogAction,
  type WatchdogUse,
} from './watchdog-timer.ts';
export { writeFruData } from './write-fru-data.ts';
