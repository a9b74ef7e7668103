export { type CableEnd, SimCable } from './cable.ts';
export { SimChain, type SimChainOptions } from './sim-chain.ts';
export { SimDrive, type SimDriveOptions } from './sim-drive.ts';
export { SimHost as SimChainHost } from './sim-host.ts';
export { SimUnit, type SimUnitCables } from './sim-unit.ts';
export { Wheel } from './wheel.ts';
