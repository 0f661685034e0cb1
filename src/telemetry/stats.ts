/** The figures of one proxy: what is counted as it happens, what is measured when asked, and how both are shown. */

/** Counted where things happen: plain numbers, because most of them stand on the hot path. */
export interface Stats {
  /** Commands of clients, whichever way they went. */
  commands: number;
  /** Clients ever accepted, and those refused at a limit. */
  clientsAccepted: number;
  clientsRefused: number;
  rateLimited: number;
  /** Clients closed because they did not read what they had asked for, or because they were idle. */
  clientsOverOutputLimit: number;
  clientsIdleClosed: number;
  /** Clients closed that were silent with an unfinished request, when all of those took too much memory. */
  clientsUnfinishedClosed: number;
  /** Clients cut off because they spoke HTTP to the Redis port: a browser that was made to, perhaps. */
  clientsSpeakingHttp: number;
  /** GETs, and keys of MGETs, answered from memory: with a value, with "does not exist", from an ended epoch. */
  hits: number;
  negativeHits: number;
  staleHits: number;
  misses: number;
  /** Reads that a cache could have answered and that went past it (inside MULTI, behind unanswered commands …). */
  bypasses: number;
  fills: number;
  /** Callers that found a fill under way and waited for it. */
  joinedFills: number;
  /** Fills whose value was not kept, because its key was dropped while they were under way. */
  fillsCancelled: number;
  /** Keys that Redis said have changed. */
  invalidations: number;
  /** Pushes that named no key: all of them. */
  invalidationsOfAll: number;
  /** Keys dropped by a write that went through the proxy, and by RESPITE PURGE. */
  invalidationsByWrite: number;
  invalidationsByPurge: number;
  /** Links to Redis that were lost or late: what they had filled was not trusted any longer. */
  epochs: number;
  fencesRun: number;
  /** Times the whole cache was dropped. */
  flushes: number;
}

/** Measured when somebody asks. Times are in milliseconds; undefined: it has not happened yet. */
export interface Gauges {
  readonly version: string;
  readonly processId: number;
  readonly port: number;
  /** Processes that share the ports. */
  readonly workers: number;
  readonly uptime: number;
  readonly coherence: string;
  readonly upstream: string;
  readonly redisVersion: string;
  readonly clients: number;
  readonly keys: number;
  readonly bytes: number;
  readonly maxKeys: number;
  readonly maxMemory: number;
  readonly evictions: number;
  readonly expirations: number;
  readonly fillsInFlight: number;
  readonly links: number;
  readonly upstreamConnections: number;
  readonly sinceLastPush: number | undefined;
  readonly sinceLastHeartbeat: number | undefined;
}

export type Figures = Readonly<Stats> & Gauges;

/** A figure under the name that INFO and RESPITE STATS give it. */
export type NamedFigure = readonly [name: string, value: string | number];

export function createStats(): Stats {
  return {
    commands: 0,
    clientsAccepted: 0,
    clientsRefused: 0,
    rateLimited: 0,
    clientsOverOutputLimit: 0,
    clientsIdleClosed: 0,
    clientsUnfinishedClosed: 0,
    clientsSpeakingHttp: 0,
    hits: 0,
    negativeHits: 0,
    staleHits: 0,
    misses: 0,
    bypasses: 0,
    fills: 0,
    joinedFills: 0,
    fillsCancelled: 0,
    invalidations: 0,
    invalidationsOfAll: 0,
    invalidationsByWrite: 0,
    invalidationsByPurge: 0,
    epochs: 0,
    fencesRun: 0,
    flushes: 0,
  };
}

/** The share of reads that memory answered, negative and stale answers included; 0 before the first read. */
export function hitRatio(stats: Readonly<Stats>): number {
  const answered = stats.hits + stats.negativeHits + stats.staleHits;
  const asked = answered + stats.misses;
  return asked === 0 ? 0 : answered / asked;
}

export function nameFigures(figures: Figures): NamedFigure[] {
  return [
    ['respite_version', figures.version],
    ['process_id', figures.processId],
    ['tcp_port', figures.port],
    ['workers', figures.workers],
    ['uptime_in_seconds', Math.floor(figures.uptime / 1000)],
    ['coherence', figures.coherence],
    ['upstream', figures.upstream],
    ['upstream_redis_version', figures.redisVersion],
    ['upstream_connections', figures.upstreamConnections],
    ['links', figures.links],
    ['ms_since_last_push', elapsed(figures.sinceLastPush)],
    ['ms_since_last_heartbeat', elapsed(figures.sinceLastHeartbeat)],
    ['clients', figures.clients],
    ['clients_accepted', figures.clientsAccepted],
    ['clients_refused', figures.clientsRefused],
    ['rate_limited', figures.rateLimited],
    ['clients_over_output_limit', figures.clientsOverOutputLimit],
    ['clients_idle_closed', figures.clientsIdleClosed],
    ['clients_unfinished_closed', figures.clientsUnfinishedClosed],
    ['clients_speaking_http', figures.clientsSpeakingHttp],
    ['commands', figures.commands],
    ['hits', figures.hits],
    ['misses', figures.misses],
    ['negative_hits', figures.negativeHits],
    ['stale_hits', figures.staleHits],
    ['hit_ratio', hitRatio(figures).toFixed(4)],
    ['bypasses', figures.bypasses],
    ['keys', figures.keys],
    ['bytes', figures.bytes],
    ['max_keys', figures.maxKeys],
    ['max_memory', figures.maxMemory],
    ['evictions', figures.evictions],
    ['expirations', figures.expirations],
    ['invalidations', figures.invalidations],
    ['invalidations_of_all', figures.invalidationsOfAll],
    ['invalidations_by_write', figures.invalidationsByWrite],
    ['invalidations_by_purge', figures.invalidationsByPurge],
    ['fills', figures.fills],
    ['fills_in_flight', figures.fillsInFlight],
    ['fills_cancelled', figures.fillsCancelled],
    ['joined_fills', figures.joinedFills],
    ['epochs', figures.epochs],
    ['fences', figures.fencesRun],
    ['flushes', figures.flushes],
  ];
}

/** -1 where nothing has happened yet: INFO's readers expect a number. */
function elapsed(time: number | undefined): number {
  return time === undefined ? -1 : Math.floor(time);
}

/** The section that INFO respite answers, as Redis lays its own sections out. */
export function formatInfo(figures: Figures): string {
  const lines = nameFigures(figures).map(([name, value]) => `${name}:${value}\r\n`);
  return `# Respite\r\n${lines.join('')}`;
}
