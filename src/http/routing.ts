/**
 * Which route a URL belongs to. Arguments are bytes, which a router takes for text: it is shown where a request goes,
 * with a dash in place of every argument, and the routes read the URL as it came.
 */

const ALONE = new Set([
  'pipeline',
  'multi-exec',
  'fetch',
  'metrics',
  'healthz',
  'readyz',
  'openapi.json',
  'monitor',
]);
const WITH_ONE = new Set(['shelf', 'subscribe', 'psubscribe']);
const NOWHERE = '/nowhere';
export const VALUE = '/get/-';
const COMMAND = '/-/-';

export function routedUrl(method: string | undefined, url: string): string {
  if (!url.startsWith('/')) return NOWHERE;
  const queryAt = url.indexOf('?');
  const end = queryAt < 0 ? url.length : queryAt;
  const slash = url.indexOf('/', 1);
  const firstEnd = slash < 0 || slash > end ? end : slash;
  const first = url.slice(1, firstEnd).toLowerCase();
  if (end === 1) return '/';
  if (firstEnd === end) return ALONE.has(first) ? `/${first}${url.slice(end)}` : COMMAND;
  const another = url.indexOf('/', firstEnd + 1);
  const single = another < 0 || another > end;
  if (first === 'get' && single && (method === 'GET' || method === 'HEAD')) return VALUE;
  if (WITH_ONE.has(first)) return single ? `/${first}/-` : NOWHERE;
  return COMMAND;
}
