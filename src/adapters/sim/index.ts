export { SimBootGuard, type SimRestorePolicy } from './boot-guard.ts';
export {
  memoryFault,
  parseSimConfig,
  type SimConfig,
  type SimConfigInput,
  simConfig,
} from './config.ts';
export { openSimControl, turnKnob } from './control.ts';
export { SimDriveBay, SimDriveLock } from './drive-bay.ts';
export { SimDriveSwitch, type SimDriveSwitchOptions, type SwitchFault } from './drive-switch.ts';
export { SimHost, type SimHostEvent, type SimHostOptions } from './host.ts';
export { SimIo } from './io.ts';
export { SimMachine, type SimMachineOptions } from './machine.ts';
export { type SimDimm, SimMemory, type SimMemoryOptions } from './memory.ts';
export type { MemoryFault } from './memory-cells.ts';
export { PowerCut, type PowerCutOptions } from './power-cut.ts';
export { SeededEntropy } from './seeded-entropy.ts';
export { VirtualClock } from './virtual-clock.ts';
