// A wire that many share never gets out of step: one client does its worst while a hundred check that each answer is theirs.

import { command, type RawClient, toBytes } from '../support/raw-client';
import { bulk, Stage } from '../support/stage';

const OTHERS = 100;

let stage: Stage;
let others: RawClient[];
beforeAll(async () => {
  stage = await Stage.start({ args: ['--enable-debug-command', 'yes'] });
  others = await stage.clients(OTHERS);
});
afterAll(async () => {
  await Promise.all(others.map((client) => client.close()));
  await stage.stop();
});

/** Everybody asks for what nobody else is answered: past the cache, from it, and by a transaction. */
async function checkAll(round: number): Promise<void> {
  const check = async (client: RawClient, at: number) => {
    const mine = `${at}/${round}`;
    client.send(`ECHO ${mine}\r\nSET k${at} ${mine}\r\nGET k${at}\r\nGETRANGE k${at} 0 -1\r\n`);
    const expected = [bulk(mine), '+OK\r\n', bulk(mine), bulk(mine)];
    if (at % 10 === 0) {
      client.send(`MULTI\r\nECHO ${mine}\r\nEXEC\r\n`);
      expected.push('+OK\r\n', '+QUEUED\r\n', `*1\r\n${bulk(mine)}`);
    }
    expect((await client.replies(expected.length)).map(String)).toEqual(expected);
  };
  await Promise.all(others.map(check));
}

const DIRT: [string, string | Buffer][] = [
  ['REPLCONF ACK 0', 'REPLCONF ACK 0\r\n'],
  ['REPLCONF with a reply', 'REPLCONF listening-port 1\r\n'],
  ['an empty array', '*0\r\n'],
  ['a nil array', '*-1\r\n'],
  ['blank lines', '\r\n\r\n\n   \r\n'],
  ['a length with a zero in front', '*1\r\n$05\r\nPING\r\n'],
  ['a number of arguments with a zero in front', '*01\r\n$4\r\nPING\r\n'],
  ['a simple string in an array', '*1\r\n+PING\r\n'],
  ['a bulk without its line end', '*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n'],
  ['a bulk longer than it says', '*2\r\n$4\r\nECHO\r\n$2\r\nabcdef\r\n'],
  ['a negative length', '*2\r\n$4\r\nECHO\r\n$-5\r\n'],
  ['half a command', '*3\r\n$3\r\nSET\r\n$1\r\n'],
  ['a huge number of arguments', '*2147483647\r\n'],
  ['a huge length', '*2\r\n$4\r\nECHO\r\n$536870912\r\nabc'],
  ['POST as an array', command('POST', 'x')],
  ['Host: as an array', command('Host:', 'x')],
  ['an HTTP request', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nFLUSH'],
  ['unbalanced quotes', 'SET k0 "abc\r\n'],
  ['SCRIPT DEBUG YES', command('SCRIPT', 'DEBUG', 'YES')],
  ['SCRIPT DEBUG YES and a script', 'SCRIPT DEBUG YES\r\nEVAL "return 1" 0\r\nquit\r\n'],
  ['SYNC', command('SYNC')],
  ['PSYNC', command('PSYNC', '?', '-1')],
  ['MONITOR', command('MONITOR')],
  [
    'CLIENT REPLY OFF',
    Buffer.concat([command('CLIENT', 'REPLY', 'OFF'), command('ECHO', 'x'), command('INCR', 'n')]),
  ],
  ['CLIENT TRACKING', Buffer.concat([command('HELLO', 3), command('CLIENT', 'TRACKING', 'ON', 'BCAST')])],
  ['SUBSCRIBE and UNSUBSCRIBE of nothing', 'SUBSCRIBE a b c\r\nUNSUBSCRIBE\r\nUNSUBSCRIBE\r\n'],
  ['SUBSCRIBE within MULTI', 'MULTI\r\nSUBSCRIBE a b\r\nEXEC\r\n'],
  ['DEBUG ERROR and PROTOCOL', 'DEBUG ERROR "ERR x"\r\nDEBUG PROTOCOL attrib\r\nDEBUG PROTOCOL push\r\n'],
  ['a nested reply', 'EVAL "local t={} for i=1,50 do t={t} end return t" 0\r\n'],
  ['a script that answers with line ends', 'EVAL "return redis.error_reply([[a\\r\\nb]])" 0\r\n'],
  ['commands that nobody knows', 'FOO\r\nBAR baz\r\n\0\xff\r\n'],
  ['garbage', Buffer.from(Array.from({ length: 999 }, (_, at) => (at * 7919) % 256))],
];

test.each(DIRT)('%s from one client harms nobody', async (_what, dirt) => {
  const dirty = await stage.clients(6);
  for (let round = 0; round < 3; round += 1) {
    const checked = checkAll(round);
    const [first, second] = dirty.splice(0, 2);
    first?.send('ECHO before\r\n').send(dirt);
    void second?.send(Buffer.concat([toBytes('INCR n\r\nGET k0\r\n'), toBytes(dirt)]));
    await checked;
    await first?.close();
    await second?.reset();
  }
  await checkAll(3);
});

test('not one of those has cost the fill wire its connection', async () => {
  expect(await stage.count('epochs')).toBe(1);
});
