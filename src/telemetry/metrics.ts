/** The figures of one proxy as Prometheus reads them, in its conventions: base units, and _total for what only grows. */
import { Counter, Gauge, Registry } from 'prom-client';
import { BOUNDS, MEASURED } from './latency';
import type { LatencyTimes, Reading, Times } from './reading';
import { type Figures, hitRatio } from './stats';

type Figure = (figures: Figures) => number;
type Labelled = readonly [labels: Readonly<Record<string, string>>, figure: Figure];

const COUNTERS: readonly (readonly [name: string, help: string, figure: Figure])[] = [
  ['commands_total', 'Commands of clients, by either port', (f) => f.commands],
  ['clients_accepted_total', 'Clients accepted', (f) => f.clientsAccepted],
  ['clients_refused_total', 'Clients refused at the limit', (f) => f.clientsRefused],
  ['rate_limited_total', 'Commands and requests refused by --rate-limit', (f) => f.rateLimited],
  [
    'clients_over_output_limit_total',
    'Clients closed that did not read what they had asked for',
    (f) => f.clientsOverOutputLimit,
  ],
  ['clients_idle_closed_total', 'Clients closed by --client-timeout', (f) => f.clientsIdleClosed],
  [
    'clients_unfinished_closed_total',
    'Silent clients closed when unfinished requests took too much memory',
    (f) => f.clientsUnfinishedClosed,
  ],
  [
    'clients_speaking_http_total',
    'Clients cut off that spoke HTTP to the Redis port',
    (f) => f.clientsSpeakingHttp,
  ],
  ['hits_total', 'Reads answered from memory with a value', (f) => f.hits],
  ['negative_hits_total', 'Reads answered from memory with: does not exist', (f) => f.negativeHits],
  ['stale_hits_total', 'Reads answered from memory while Redis was unreachable', (f) => f.staleHits],
  ['misses_total', 'Reads that Redis had to answer', (f) => f.misses],
  ['bypasses_total', 'Reads that had to go past the cache', (f) => f.bypasses],
  ['fills_joined_total', 'Reads that waited for a fill under way', (f) => f.joinedFills],
  ['fills_cancelled_total', 'Fills not kept, for their key had changed', (f) => f.fillsCancelled],
  ['evictions_total', 'Entries that made room for others', (f) => f.evictions],
  ['expirations_total', 'Entries whose time was over', (f) => f.expirations],
  ['epochs_total', 'Times that the link for invalidations began anew', (f) => f.epochs],
  ['fences_total', 'Replies held back until all pushes before them were in', (f) => f.fencesRun],
  ['flushes_total', 'Times that the whole cache was dropped', (f) => f.flushes],
];

const INVALIDATIONS: readonly Labelled[] = [
  [{ cause: 'push' }, (f) => f.invalidations],
  [{ cause: 'push_of_all' }, (f) => f.invalidationsOfAll],
  [{ cause: 'write' }, (f) => f.invalidationsByWrite],
  [{ cause: 'purge' }, (f) => f.invalidationsByPurge],
];

const GAUGES: readonly (readonly [name: string, help: string, figure: Figure])[] = [
  ['clients', 'Clients connected, by either port', (f) => f.clients],
  ['keys', 'Keys in memory', (f) => f.keys],
  ['keys_limit', 'Keys that memory may hold: --max-keys', (f) => f.maxKeys],
  ['memory_bytes', 'Memory that entries take', (f) => f.bytes],
  ['memory_limit_bytes', 'Memory that entries may take: --max-memory', (f) => f.maxMemory],
  ['hit_ratio', 'Share of reads answered from memory since the start', (f) => hitRatio(f)],
  ['fills_in_flight', 'Fills under way', (f) => f.fillsInFlight],
  ['links', 'Identities of Redis in use', (f) => f.links],
  ['upstream_up', '1 while the backing Redis is connected', (f) => (f.upstream === 'up' ? 1 : 0)],
  ['upstream_connections', 'Connections to the backing Redis', (f) => f.upstreamConnections],
  [
    'coherent',
    '1 while Redis tells what changes; 0: time alone',
    (f) => (f.coherence === 'tracking' ? 1 : 0),
  ],
  ['workers', 'Processes that share the ports', (f) => f.workers],
  ['uptime_seconds', 'Time since the start', (f) => f.uptime / 1000],
];

const LATENCY = 'respite_answer_seconds';

export interface Metrics {
  readonly contentType: string;
  read(): Promise<string>;
}

/** `read` is asked once for each look, so that all of it is of one moment. */
export function createMetrics(read: () => Reading | Promise<Reading>): Metrics {
  const registry = new Registry();
  let reading: Reading | undefined;
  const latest = (): Reading => {
    if (!reading) throw new Error('nothing has been read yet');
    return reading;
  };
  const figures = () => latest().figures;
  for (const [name, help, figure] of COUNTERS) addCounter(registry, name, help, [[{}, figure]], figures);
  addCounter(registry, 'invalidations_total', 'Entries dropped, by cause', INVALIDATIONS, figures);
  for (const [name, help, figure] of GAUGES)
    addGauge(registry, `respite_${name}`, help, () => figure(figures()));
  addVersion(registry, figures);
  addProcess(registry, latest);
  return {
    contentType: registry.contentType,
    read: async () => {
      reading = await read();
      return `${await registry.metrics()}\n${describeLatencies(latest().latencies)}`;
    },
  };
}

function addCounter(
  registry: Registry,
  name: string,
  help: string,
  series: readonly Labelled[],
  figures: () => Figures,
): void {
  new Counter({
    name: `respite_${name}`,
    help,
    labelNames: series.flatMap(([labels]) => Object.keys(labels)).slice(0, 1),
    registers: [registry],
    collect() {
      this.reset();
      const now = figures();
      for (const [labels, figure] of series) this.inc(labels, figure(now));
    },
  });
}

function addGauge(registry: Registry, name: string, help: string, value: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(value());
    },
  });
}

function addVersion(registry: Registry, figures: () => Figures): void {
  new Gauge({
    name: 'respite_info',
    help: 'Always 1: the versions are in the labels',
    labelNames: ['version', 'redis_version'],
    registers: [registry],
    collect() {
      const { version, redisVersion } = figures();
      this.reset();
      this.set({ version, redis_version: redisVersion }, 1);
    },
  });
}

function addProcess(registry: Registry, reading: () => Reading): void {
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'Processor time spent, user and system',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(reading().processorTime / 1e6);
    },
  });
  addGauge(registry, 'process_resident_memory_bytes', 'Resident memory', () => reading().memory);
}

/** Written here: a Histogram of prom-client wants to do the counting, and takes longer for it than a hit does. */
function describeLatencies(latencies: LatencyTimes): string {
  return [
    `# HELP ${LATENCY} Time to an answer: from memory (1 in ${MEASURED.hit} measured), by a fill, passed through (1 in ${MEASURED.passed})`,
    `# TYPE ${LATENCY} histogram`,
    ...(['resp', 'http'] as const).flatMap((port) =>
      (['hit', 'miss', 'passed'] as const).flatMap((outcome) =>
        describeSeries(`port="${port}",outcome="${outcome}"`, latencies[port][outcome]),
      ),
    ),
    '',
  ].join('\n');
}

function describeSeries(labels: string, { counts, sum }: Times): string[] {
  let total = 0;
  const buckets = counts.map((count, place) => {
    total += count;
    const bound = BOUNDS[place];
    const le = bound === undefined ? '+Inf' : bound / 1000;
    return `${LATENCY}_bucket{${labels},le="${le}"} ${total}`;
  });
  return [...buckets, `${LATENCY}_sum{${labels}} ${sum / 1000}`, `${LATENCY}_count{${labels}} ${total}`];
}
