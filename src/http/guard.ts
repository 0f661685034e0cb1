/**
 * Who may ask over HTTP: those who know the token; without a token, nobody whom a web page could have made to ask.
 *
 * A page on the web can make a browser send GET /flushall to a port of the machine that it runs on. It can not choose
 * the Host, Origin and Sec-Fetch-Site that the browser sends along: these tell.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import ipaddr from 'ipaddr.js';
import { queryBytes, splitUrl } from './arguments';
import { HttpProblem } from './problem';

export interface GuardOptions {
  readonly token: string | undefined;
  /** The address that the port is bound to. */
  readonly host: string;
  readonly allowedHosts: readonly string[];
}

/** For programs on the same machine that watch it, which have no token. */
const OPEN_TO_LOOPBACK = new Set(['/metrics', '/healthz', '/readyz', '/openapi.json']);
/** A proxy on the same machine makes all the world come from loopback: but it says so. */
const SIGNS_OF_A_PROXY = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'];
const WILDCARDS = new Set(['0.0.0.0', '::', '']);
const UNAUTHORIZED = { 'www-authenticate': 'Bearer realm="respite"' };

export class Guard {
  readonly #token: Buffer | undefined;
  readonly #names: ReadonlySet<string>;
  readonly #wildcard: boolean;
  /** Host headers that were found good: most clients always send the same one. */
  readonly #goodHosts = new Set<string>();

  constructor({ token, host, allowedHosts }: GuardOptions) {
    this.#token = token === undefined ? undefined : digest(token);
    this.#wildcard = WILDCARDS.has(host);
    this.#names = new Set([...(this.#wildcard ? [] : [host]), ...allowedHosts].map(bareHost));
  }

  /** Throws an HttpProblem when the request is not let in. */
  check(request: IncomingMessage, url: string): void {
    if (this.#token && !this.#isExempt(request, url)) this.#checkToken(this.#token, request, url);
    else this.#checkSite(request);
  }

  /** Only while it brings no token: a wrong one is always refused. */
  #isExempt({ socket, headers }: IncomingMessage, url: string): boolean {
    return (
      headers.authorization === undefined &&
      OPEN_TO_LOOPBACK.has(splitUrl(url).path) &&
      isLoopback(socket.remoteAddress ?? '') &&
      SIGNS_OF_A_PROXY.every((name) => headers[name] === undefined)
    );
  }

  #checkToken(token: Buffer, { headers }: IncomingMessage, url: string): void {
    const given = bearer(headers.authorization) ?? (url.includes('_token=') ? tokenOf(url) : undefined);
    if (given === undefined)
      throw new HttpProblem(401, 'Unauthorized: send the header Authorization: Bearer TOKEN', UNAUTHORIZED);
    if (!timingSafeEqual(digest(given), token))
      throw new HttpProblem(401, 'Unauthorized: this token is not the right one', UNAUTHORIZED);
  }

  #checkSite({ headers, socket }: IncomingMessage): void {
    const { host = '', origin } = headers;
    if (!this.#isGoodHost(host, socket.localAddress ?? ''))
      throw new HttpProblem(
        403,
        `Forbidden: the host ${JSON.stringify(host)} is not one of this port's; --http-allow-host adds one`,
      );
    if (origin !== undefined && !isSameOrigin(origin, host))
      throw new HttpProblem(403, `Forbidden: a page of ${JSON.stringify(origin)} may not ask here`);
    if (headers['sec-fetch-site'] === 'cross-site')
      throw new HttpProblem(403, 'Forbidden: a page of another site may not ask here');
  }

  #isGoodHost(header: string, localAddress: string): boolean {
    if (this.#goodHosts.has(header)) return true;
    const name = hostOf(header);
    if (isLoopbackName(name) || this.#names.has(name)) {
      if (this.#goodHosts.size < 64) this.#goodHosts.add(header);
      return true;
    }
    // Bound to all addresses of the machine: the one that was asked is among them.
    return this.#wildcard && name !== '' && name === plainAddress(localAddress);
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function bearer(header: string | undefined): string | undefined {
  return /^bearer +(.*\S) *$/i.exec(header ?? '')?.[1];
}

function tokenOf(url: string): string | undefined {
  return queryBytes(splitUrl(url).query, '_token')?.toString();
}

/** `localhost:8380` or `[::1]:8380` without the port. */
function hostOf(header: string): string {
  return bareHost(header.replace(/:\d*$/, ''));
}

function bareHost(host: string): string {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || isLoopback(name);
}

export function isLoopback(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback';
}

/** An IPv4 address that a socket for both families shows as ::ffff:10.0.0.1 is 10.0.0.1. */
function plainAddress(address: string): string {
  return ipaddr.isValid(address) ? ipaddr.process(address).toString() : address;
}

function isSameOrigin(origin: string, host: string): boolean {
  return origin.toLowerCase().replace(/^https?:\/\//, '') === host.toLowerCase();
}
