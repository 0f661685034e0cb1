/** The waiter for a request whose answer nobody needs. */
import type { Waiter } from './wire';

export const ignoreReply: Waiter = {
  onReply() {},
  onLost() {},
};
