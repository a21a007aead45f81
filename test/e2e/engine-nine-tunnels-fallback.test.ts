import { vi } from 'vitest';
import { nineTunnels } from './nine-tunnels.ts';

// As with a version of ssh2 whose internals are others: its own channels must do.
vi.mock(import('../../src/ssh/flow.ts'), async (original) => ({ ...(await original()), takeChannels: () => null }));

nineTunnels({ mebibytes: 16 });
