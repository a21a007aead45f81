export type SessionStateName = 'waiting' | 'connecting' | 'connected' | 'backoff' | 'failed' | 'closing' | 'closed';
