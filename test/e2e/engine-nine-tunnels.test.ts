import { nineTunnels } from './nine-tunnels.ts';

nineTunnels();
