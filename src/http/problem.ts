/** A request that is answered by an error: its status, and a sentence that a person understands. */
export class HttpProblem extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = new.target.name;
    this.status = status;
    this.headers = headers;
  }
}

export function problemBody(message: string): string {
  return JSON.stringify({ error: message });
}
