import { milliseconds } from '../../src/base/index.ts';
import { inProcessBench, serialBench, socketBench } from '../kit/chain-links.ts';
import { chainLinkContract } from './chain-link.ts';

const link = { loss: 0.2, delay: milliseconds(4) };
const line = { flip: 0.06, truncate: 0.04, drop: 0.06, double: 0.06, swap: 0.04, noise: 0.06 };

await chainLinkContract(
  'within a process',
  () => inProcessBench(),
  (seed) => inProcessBench({ seed, link }),
);
await chainLinkContract(
  'unix socket',
  () => socketBench(),
  (seed) => socketBench({ seed, line }),
);
await chainLinkContract(
  'serial line',
  () => serialBench(),
  (seed) => serialBench({ seed, line }),
);
