/** The ways of running the program that the promises are held in, and what each of them lets go. */
import type { ChaosRelay } from '../chaos-relay';
import type { Plan } from './run';

export type Mode = Pick<Plan, 'flags' | 'slack' | 'unpromised' | 'weather' | 'apart'> & {
  readonly name: string;
};

function windy(relay: ChaosRelay): void {
  relay.jitter = 10;
}

export const MODES: readonly Mode[] = [
  { name: 'as it comes' },
  // While Redis cannot be reached, what was there before is still given out.
  { name: 'with stale copies', flags: ['--stale-if-error', '2s'], slack: 2_000 },
  // Nothing tells of writes beside the proxy, so the keys of one MGET may be of different ages.
  {
    name: 'by time alone',
    flags: ['--coherence', 'ttl', '--ttl', '300ms', '--negative-ttl', '200ms'],
    unpromised: ['snapshot'],
  },
  { name: 'with little room', flags: ['--max-keys', '20', '--ttl', '500ms', '--negative-ttl', '100ms'] },
  { name: 'over a bad network', weather: windy },
  // On a quick link news is there sooner than the next question, and the processes might as well be one.
  { name: 'by two workers', flags: ['--workers', '2'], apart: true, weather: windy },
];
