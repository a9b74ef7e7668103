export const THRESHOLD_EVENTS = 0x01;
const SENSOR_SPECIFIC = 0x6f;

const list = (words: string): readonly string[] => words.split('|');

/** States of generic event types, by offset (IPMI 2.0, table 42-2). */
const GENERIC: Readonly<Record<number, readonly string[]>> = {
  1: list(
    'lower non-critical going low|lower non-critical going high|lower critical going low|lower critical going high|lower non-recoverable going low|lower non-recoverable going high|upper non-critical going low|upper non-critical going high|upper critical going low|upper critical going high|upper non-recoverable going low|upper non-recoverable going high',
  ),
  2: list('transition to idle|transition to active|transition to busy'),
  3: list('state deasserted|state asserted'),
  4: list('predictive failure deasserted|predictive failure asserted'),
  5: list('limit not exceeded|limit exceeded'),
  6: list('performance met|performance lags'),
  7: list(
    'transition to OK|transition to non-critical from OK|transition to critical from less severe|transition to non-recoverable from less severe|transition to non-critical from more severe|transition to critical from non-recoverable|transition to non-recoverable|monitor|informational',
  ),
  8: list('device removed|device inserted'),
  9: list('device disabled|device enabled'),
  10: list(
    'transition to running|transition to in test|transition to power off|transition to on line|transition to off line|transition to off duty|transition to degraded|transition to power save|install error',
  ),
  11: list(
    'fully redundant|redundancy lost|redundancy degraded|non-redundant: sufficient from redundant|non-redundant: sufficient from insufficient|non-redundant: insufficient resources|redundancy degraded from fully redundant|redundancy degraded from non-redundant',
  ),
  12: list('D0 power state|D1 power state|D2 power state|D3 power state'),
};

/** States of the sensor's own type, by offset (IPMI 2.0, table 42-3): the common types. */
const SPECIFIC: Readonly<Record<number, readonly string[]>> = {
  5: list(
    'general chassis intrusion|drive bay intrusion|I/O card area intrusion|processor area intrusion|LAN leash lost|unauthorized dock|FAN area intrusion',
  ),
  6: list(
    'front panel lockout violation attempted|pre-boot password violation: user|pre-boot password violation: setup|pre-boot password violation: network boot|other pre-boot password violation|out-of-band access password violation',
  ),
  7: list(
    'IERR|thermal trip|FRB1/BIST failure|FRB2/hang in POST|FRB3/processor startup failure|configuration error|uncorrectable CPU-complex error|presence detected|disabled|terminator presence detected|throttled|uncorrectable machine check|correctable machine check',
  ),
  8: list(
    'presence detected|failure detected|predictive failure|power supply input lost (AC/DC)|power supply input lost or out of range|power supply input out of range, but present|configuration error|inactive',
  ),
  9: list(
    'power off|power cycle|240 VA power down|interlock power down|AC lost|soft power control failure|failure detected|predictive failure',
  ),
  12: list(
    'correctable ECC|uncorrectable ECC|parity|memory scrub failed|memory device disabled|correctable ECC logging limit reached|presence detected|configuration error|spare|memory automatically throttled|critical overtemperature',
  ),
  13: list(
    'drive present|drive fault|predictive failure|hot spare|consistency check in progress|in critical array|in failed array|rebuild in progress|rebuild aborted',
  ),
  15: list('system firmware error (POST error)|system firmware hang|system firmware progress'),
  16: list(
    'correctable memory error logging disabled|event type logging disabled|log area reset or cleared|all event logging disabled|SEL full|SEL almost full|correctable machine check error logging disabled',
  ),
  17: list(
    'BIOS reset|OS reset|OS shut down|OS power down|OS power cycle|OS NMI|OS expired, status only|OS pre-timeout interrupt, non-NMI',
  ),
  18: list(
    'system reconfigured|OEM system boot event|undetermined system hardware failure|entry added to auxiliary log|PEF action|timestamp clock synch',
  ),
  19: list(
    'front panel NMI|bus timeout|I/O channel check NMI|software NMI|PCI PERR|PCI SERR|EISA fail safe timeout|bus correctable error|bus uncorrectable error|fatal NMI|bus fatal error|bus degraded',
  ),
  20: list(
    'power button pressed|sleep button pressed|reset button pressed|FRU latch open|FRU service request button',
  ),
  25: list('soft power control failure|thermal trip'),
  27: list('connected|configuration error'),
  29: list(
    'initiated by power up|initiated by hard reset|initiated by warm reset|user requested PXE boot|automatic boot to diagnostic|OS initiated hard reset|OS initiated warm reset|system restart',
  ),
  30: list(
    'no bootable media|non-bootable diskette|PXE server not found|invalid boot sector|timeout waiting for boot source',
  ),
  31: list(
    'A: boot completed|C: boot completed|PXE boot completed|diagnostic boot completed|CD-ROM boot completed|ROM boot completed|boot completed, device not specified|OS installation started|OS installation completed|OS installation aborted|OS installation failed',
  ),
  32: list(
    'critical stop during OS load|run-time critical stop|OS graceful stop|OS graceful shutdown|soft shutdown initiated by PEF|agent not responding',
  ),
  33: list(
    'fault status asserted|identify status asserted|device installed|ready for device installation|ready for device removal|slot power is off|device removal request|interlock asserted|slot disabled|slot holds spare device',
  ),
  34: list(
    'S0/G0: working|S1: sleeping with system hardware and processor context maintained|S2: sleeping, processor context lost|S3: sleeping, processor and hardware context lost, memory retained|S4: non-volatile sleep/suspend to disk|S5/G2: soft-off|S4/S5: soft-off|G3: mechanical off|sleeping in S1/S2/S3 state|G1: sleeping|S5: entered by override|legacy ON state|legacy OFF state|reserved|unknown',
  ),
  35: list(
    'timer expired|hard reset|power down|power cycle|reserved|reserved|reserved|reserved|timer interrupt',
  ),
  37: list('present|absent|disabled'),
  39: list('heartbeat lost|heartbeat'),
  40: list(
    'sensor access degraded or unavailable|controller access degraded or unavailable|management controller off-line|management controller unavailable|sensor failure|FRU failure',
  ),
  41: list('low|failed|presence detected'),
  42: list('session activated|session deactivated|invalid username or password|invalid password disable'),
  43: list(
    'hardware change detected|firmware or software change detected|hardware incompatibility detected|firmware or software incompatibility detected|invalid or unsupported hardware|invalid or unsupported firmware or software|hardware change successful|firmware or software change successful',
  ),
  44: list(
    'not installed|inactive|activation requested|activation in progress|active|deactivation requested|deactivation in progress|communication lost',
  ),
};

/** What a state or event with this offset means; "state 5" where only the maker knows. */
export function wordOf(sensorType: number, eventType: number, offset: number): string {
  const words = eventType === SENSOR_SPECIFIC ? SPECIFIC[sensorType] : GENERIC[eventType];
  return words?.[offset] ?? `state ${offset}`;
}
