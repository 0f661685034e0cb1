/**
 * Asks an origin on the web for a document, and only one that may be asked.
 *
 * A name that is allowed may be made to lead anywhere: to this machine, its network, or the metadata service of a cloud.
 * So the address is looked at, and the address that was looked at is the one that is connected to.
 */
import { lookup as systemLookup } from 'node:dns';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { HttpProblem } from './problem';

export interface Document {
  readonly body: Buffer;
  readonly type: string;
}

export interface Address {
  readonly address: string;
  readonly family: number;
}

export type Resolve = (host: string, done: (problem: Error | null, addresses: Address[]) => void) => void;

export interface OriginLimits {
  readonly allowed: readonly string[];
  readonly mostBytes: number;
  /** For the whole of it, redirects included. */
  readonly timeout: number;
}

const MOST_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const OCTETS = 'application/octet-stream';

const resolveBySystem: Resolve = (host, done) =>
  systemLookup(host, { all: true }, (problem, addresses) => done(problem, addresses));

export class Origin {
  readonly #limits: OriginLimits;
  readonly #allowed: ReadonlySet<string>;
  readonly #resolve: Resolve;

  constructor(limits: OriginLimits, resolve: Resolve = resolveBySystem) {
    this.#limits = limits;
    this.#allowed = new Set(limits.allowed.map(bare));
    this.#resolve = resolve;
  }

  /** Throws an HttpProblem when the URL may not be asked for. */
  check(text: string): URL {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:'))
      throw new HttpProblem(
        400,
        `url is ${JSON.stringify(text)}: give one that begins with http:// or https://`,
      );
    if (url.username !== '' || url.password !== '')
      throw new HttpProblem(400, 'url has a user or password in it: respite sends none');
    const host = bare(url.hostname);
    if (!this.#allowed.has(host))
      throw new HttpProblem(403, `the host ${JSON.stringify(host)} may not be asked: --origin-allow adds it`);
    if (isIP(host) && !this.#mayConnect(host, host))
      throw new HttpProblem(403, `the address ${host} may not be asked`);
    return url;
  }

  async fetch(first: URL): Promise<Document> {
    const signal = AbortSignal.timeout(this.#limits.timeout);
    try {
      let url = first;
      for (let hops = 0; hops <= MOST_REDIRECTS; hops += 1) {
        const response = await this.#ask(url, signal);
        const { statusCode = 0, headers } = response;
        if (!REDIRECTS.has(statusCode) || headers.location === undefined)
          return await this.#read(response, statusCode);
        response.destroy();
        url = this.#followed(headers.location, url);
      }
      throw new HttpProblem(502, `the origin redirects more than ${MOST_REDIRECTS} times`);
    } catch (problem) {
      throw signal.aborted
        ? new HttpProblem(504, `the origin has not answered within ${this.#limits.timeout} ms`)
        : asProblem(problem);
    }
  }

  #followed(location: string, from: URL): URL {
    const to = URL.canParse(location, from.href) ? new URL(location, from.href).href : location;
    try {
      return this.check(to);
    } catch (problem) {
      throw new HttpProblem(502, `the origin redirects, and ${asProblem(problem).message}`);
    }
  }

  #ask(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
    const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      request(url, {
        signal,
        agent: false,
        headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'respite' },
        // The socket asks here, and connects to nothing but what it is told here.
        lookup: (host, options, done) => this.#lookup(host, options.all === true, done),
      })
        .once('response', resolve)
        .once('error', reject)
        .end();
    });
  }

  #lookup(
    host: string,
    all: boolean,
    done: (problem: NodeJS.ErrnoException | null, address: string | Address[], family?: number) => void,
  ): void {
    this.#resolve(host, (problem, addresses) => {
      const [first] = addresses ?? [];
      const refused = addresses?.find(({ address }) => !this.#mayConnect(address, bare(host)));
      if (problem || !first) done(problem ?? new Error(`${host} has no address`), '');
      else if (refused)
        done(new HttpProblem(403, `${host} leads to ${refused.address}, which may not be asked`), '');
      else if (all) done(null, addresses);
      else done(null, first.address, first.family);
    });
  }

  /** What is no public address has to be allowed as what it is: its address, or the name localhost. */
  #mayConnect(address: string, host: string): boolean {
    const plain = ipaddr.process(address);
    if (plain.range() === 'unicast') return true;
    if (plain.range() === 'loopback' && (host === 'localhost' || host.endsWith('.localhost'))) return true;
    return this.#allowed.has(plain.toString()) || this.#allowed.has(address);
  }

  async #read(response: IncomingMessage, status: number): Promise<Document> {
    if (status < 200 || status > 299) {
      response.destroy();
      throw new HttpProblem(502, `the origin answered with the status ${status}`);
    }
    const { 'content-encoding': encoding = 'identity' } = response.headers;
    if (encoding !== 'identity') {
      response.destroy();
      throw new HttpProblem(502, `the origin sends ${encoding}, and was asked for the document as it is`);
    }
    const { mostBytes } = this.#limits;
    const chunks: Buffer[] = [];
    let size = 0;
    if (Number(response.headers['content-length'] ?? 0) > mostBytes) size = mostBytes + 1;
    else
      for await (const chunk of response) {
        chunks.push(chunk);
        size += chunk.length;
        if (size > mostBytes) break;
      }
    if (size > mostBytes) {
      response.destroy();
      throw new HttpProblem(502, `the origin sends more than ${mostBytes} bytes`);
    }
    return { body: Buffer.concat(chunks), type: response.headers['content-type'] ?? OCTETS };
  }
}

function asProblem(problem: unknown): HttpProblem {
  if (problem instanceof HttpProblem) return problem;
  const message = problem instanceof Error ? problem.message : String(problem);
  return new HttpProblem(502, `the origin cannot be asked: ${message}`);
}

function bare(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}
