/** Everything that is measured, in the order of the table. */
import type { Measure } from './measure.ts';
import { beside } from './measures/beside.ts';
import { coldStart } from './measures/cold-start.ts';
import { connections } from './measures/connections.ts';
import { distance } from './measures/distance.ts';
import { greeting } from './measures/greeting.ts';
import { growth } from './measures/growth.ts';
import { idle } from './measures/idle.ts';
import { legs } from './measures/legs.ts';
import { memory } from './measures/memory.ts';
import { profile } from './measures/profile.ts';
import { reload } from './measures/reload.ts';
import { cpu, throughput } from './measures/throughput.ts';

export const MEASURES: readonly Measure[] = [
  throughput,
  connections,
  idle,
  legs,
  greeting,
  beside,
  distance,
  cpu,
  memory,
  coldStart,
  reload,
  growth,
  profile,
];
