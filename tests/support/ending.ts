/**
 * Ends the process once nothing is left to do, instead of leaving that to Node.
 *
 * When the event loop runs dry, Node closes what handles there still are and waits for each to say so. After children
 * have been killed and frozen, it was seen to wait for ever, one core at full load (nodejs/node#47748): the tests had
 * long told their result.
 */
export default function endWhenDone(): void {
  process.once('beforeExit', () => process.exit());
}
