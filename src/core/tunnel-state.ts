export type TunnelStateName = 'waiting' | 'opening' | 'open' | 'unhealthy' | 'reconnecting' | 'idle' | 'failed' | 'closing' | 'closed';
