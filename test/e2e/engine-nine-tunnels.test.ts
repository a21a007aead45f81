import { nineTunnels } from './nine-tunnels.ts';

nineTunnels({ mebibytes: 64 });
