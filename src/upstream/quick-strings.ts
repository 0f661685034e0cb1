/**
 * Undoes what loading ioredis does to every string of the process.
 *
 * ioredis has a class that extends String. V8 then turns String.prototype into a dictionary, in which each call of a
 * method of any string is searched for from then on, in Node's own code too: a sixth of what a SET takes here. As soon as
 * a property has been read often enough through an object made of a string, V8 lays it out for reading again, for good.
 */

/** V8 gathers no feedback from a function that has been called only a few times. */
const OFTEN = 1_000;

const boxed: { readonly charCodeAt: unknown } = Object('');

for (let turn = 0; turn < OFTEN; turn += 1) read(boxed);

function read(from: { readonly charCodeAt: unknown }): unknown {
  return from.charCodeAt;
}
