import { BT_FRAMES, KCS_FRAMES } from '../../src/ipmi/index.ts';
import { FakeBt, FakeKcs } from '../kit/host-devices.ts';
import { hostDoorContract } from './host-door.ts';

await hostDoorContract('KCS', () => new FakeKcs(), KCS_FRAMES);
await hostDoorContract('BT', () => new FakeBt(), BT_FRAMES);
