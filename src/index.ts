/** What a program may import from `respite`. */
export type { Coherence, Count, Duration, LogLevel, ProxyOptions, Size } from './config/options';
export { OptionError, RespiteError } from './errors';
export { createProxy, type Proxy, type ProxyAddress } from './proxy';
export type { Figures } from './telemetry/stats';
