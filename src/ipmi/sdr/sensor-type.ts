/** IPMI 2.0, table 42-3, by number. */
const SENSOR_TYPES =
  '|Temperature|Voltage|Current|Fan|Physical Security|Platform Security|Processor|Power Supply|Power Unit|Cooling Device|Other Units-based Sensor|Memory|Drive Slot|POST Memory Resize|System Firmware Progress|Event Logging Disabled|Watchdog 1|System Event|Critical Interrupt|Button|Module / Board|Microcontroller|Add-in Card|Chassis|Chip Set|Other FRU|Cable / Interconnect|Terminator|System Boot Initiated|Boot Error|OS Boot|OS Stop|Slot / Connector|System ACPI Power State|Watchdog 2|Platform Alert|Entity Presence|Monitor ASIC|LAN|Management Subsystem Health|Battery|Session Audit|Version Change|FRU State'.split(
    '|',
  );

/** "Temperature"; "sensor type C1h" for one of the maker. */
export function sensorTypeName(type: number): string {
  const name = SENSOR_TYPES[type];
  if (name !== undefined && name !== '') return name;
  return `sensor type ${type.toString(16).padStart(2, '0').toUpperCase()}h`;
}
