/** Errors of Redis as HTTP has them: their status, and the sentence that goes with it. */
import { errorText, isError } from './encoding';
import { HttpProblem } from './problem';

/** Redis can do nothing for anybody now, as opposed to: it will not do this. */
const UNAVAILABLE = /^(ERR respite: |LOADING |MASTERDOWN |CLUSTERDOWN )/;

/** The status of a Redis error. */
export function statusOfError(text: string): number {
  return UNAVAILABLE.test(text) ? 503 : 400;
}

/** The frame itself, unless it is an error: that is thrown. */
export function orProblem(frame: Buffer): Buffer {
  if (!isError(frame)) return frame;
  const text = errorText(frame);
  throw new HttpProblem(statusOfError(text), text);
}
