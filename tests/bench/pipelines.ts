/** Sends many commands once each, in pipelines of a thousand, and refuses what is no answer. */
import { Client, Failure } from '../support/checker/client';

const BATCH = 1_000;

export async function inBatches(
  port: number,
  count: number,
  commandOf: (index: number) => readonly (string | number)[],
): Promise<void> {
  const client = await Client.connect(port);
  for (let from = 0; from < count; from += BATCH) {
    const size = Math.min(BATCH, count - from);
    const answers = await Promise.all(
      Array.from({ length: size }, (_, nth) => client.ask(...commandOf(from + nth))),
    );
    const failure = answers.find((answer) => answer instanceof Failure || answer === null);
    if (failure !== undefined) throw new Error(`answered by ${JSON.stringify(failure)}`);
  }
  client.close();
}
