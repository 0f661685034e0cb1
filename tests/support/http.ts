/** Asks a respite by HTTP, with the bytes of the answer at hand. */
import { request as send } from 'node:http';
import type { Respite } from './respite';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
  readonly text: string;
  /** The body as JSON. */
  readonly json: unknown;
}

export interface Question {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

/** `path` goes over the wire as it is. Each request has a connection of its own. */
export function ask(to: Respite | number, path: string, question: Question = {}): Promise<Answer> {
  const port = typeof to === 'number' ? to : to.httpPort;
  const { method = question.body === undefined ? 'GET' : 'POST', headers = {}, body } = question;
  return new Promise((resolve, reject) => {
    const request = send({ port, host: '127.0.0.1', path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          bytes,
          text: bytes.toString(),
          get json(): unknown {
            return JSON.parse(bytes.toString());
          },
        });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** The `result` or `error` of a JSON answer. */
export async function result(to: Respite | number, path: string, question: Question = {}): Promise<unknown> {
  const { json } = await ask(to, path, question);
  return typeof json === 'object' && json !== null && 'result' in json ? json.result : json;
}
