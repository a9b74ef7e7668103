/** Sensors of the BMC itself: their numbers, and what kind they are (IPMI 2.0, tables 42-1 to 42-3). */
export const OWN_SENSORS = {
  hostPower: { number: 0xf0, name: 'Host power', sensorType: 0x22, eventType: 0x6f, readable: true },
  powerUnit: { number: 0xf1, name: 'Power unit', sensorType: 0x09, eventType: 0x6f, readable: false },
  sessions: { number: 0xf2, name: 'Sessions', sensorType: 0x2a, eventType: 0x6f, readable: false },
  machine: { number: 0xf3, name: 'Machine', sensorType: 0x18, eventType: 0x09, readable: true },
  security: { number: 0xf4, name: 'Security', sensorType: 0x06, eventType: 0x6f, readable: false },
  eventLog: { number: 0xf5, name: 'Event log', sensorType: 0x10, eventType: 0x6f, readable: false },
  watchdog: { number: 0xf6, name: 'Watchdog', sensorType: 0x23, eventType: 0x6f, readable: true },
} as const;
export type OwnSensor = keyof typeof OWN_SENSORS;
/** Enrolled channels have the numbers below. */
export const FIRST_OWN_SENSOR = 0xf0;
