/** ACPI system power states (IPMI 2.0, table 20-6). */
export const ACPI_SYSTEM_STATE = {
  S0: 0x00,
  S1: 0x01,
  S2: 0x02,
  S3: 0x03,
  S4: 0x04,
  S5: 0x05,
  'S4/S5': 0x06,
  G3: 0x07,
  sleeping: 0x08,
  'G1-sleeping': 0x09,
  'S5-by-override': 0x0a,
  'legacy-on': 0x20,
  'legacy-off': 0x21,
  unknown: 0x2a,
} as const;
export type AcpiSystemState = keyof typeof ACPI_SYSTEM_STATE;

export const ACPI_DEVICE_STATE = { D0: 0, D1: 1, D2: 2, D3: 3, unknown: 0x2a } as const;
export type AcpiDeviceState = keyof typeof ACPI_DEVICE_STATE;
