// The command table against the real redis-server's own: what it lists, what it says of each command's keys.

import Redis from 'ioredis';
import { keysOf } from '../../src/commands/keys';
import { type CommandReply, type CommandRow, CommandTable } from '../../src/commands/table';
import { parseReply, type Reply } from '../../src/resp/reply-parser';
import { RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';

let server: RedisServer;
let redis: Redis;
let table: CommandTable;
let listed: Listed[];

interface Listed {
  name: string;
  arity: number;
  flags: string[];
}

beforeAll(async () => {
  server = await RedisServer.start();
  redis = new Redis({ port: server.port, host: '127.0.0.1' });
  const reply = (await redis.call('COMMAND')) as CommandReply[];
  table = CommandTable.from(reply);
  listed = reply.flatMap(listOne);
});

afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

function listOne(reply: CommandReply): Listed[] {
  if (!Array.isArray(reply)) return [];
  const [name, arity, flags, , , , , , , subcommands] = reply;
  const one = { name: String(name), arity: Number(arity), flags: (flags as string[]).map(String) };
  return [one, ...(subcommands as CommandReply[]).flatMap(listOne)];
}

function find(...words: string[]): CommandRow {
  return table.find(words.map((word) => Buffer.from(word)));
}

function rowOf(name: string): CommandRow {
  return find(...name.split('|'));
}

const containers = () =>
  new Set(listed.filter(({ name }) => name.includes('|')).map(({ name }) => name.split('|')[0]));

/** Containers by themselves are no commands, nor is DEBUG: Redis answers that an argument is missing. */
const commands = () => listed.filter(({ name }) => name !== 'debug' && !containers().has(name));

test('every command that Redis lists has a row of its own name', () => {
  expect(listed.length).toBeGreaterThan(350);
  for (const { name } of commands()) expect(rowOf(name).name).toBe(name);
});

test('RESP3 maps and RESP2 lists make the same table', async () => {
  const client = await RawClient.connect(server.port);
  await client.ask('HELLO', '3');
  const { reply } = parseReply(await client.ask('COMMAND'));
  const other = CommandTable.from(plain(reply) as CommandReply[]);
  await client.close();
  expect(other.size).toBe(table.size);
  for (const { name } of listed) {
    const args = name.split('|').map((word) => Buffer.from(word));
    expect(other.find(args)).toEqual(table.find(args));
  }
});

/** A decoded reply as ioredis would hand it over. */
function plain(reply: Reply): CommandReply {
  switch (reply.type) {
    case 'array':
    case 'push':
      return reply.items.map(plain);
    case 'set':
      return new Set(reply.items.map(plain));
    case 'map':
      return new Map(reply.entries.map(([name, value]) => [plain(name), plain(value)]));
    case 'integer':
      return Number(reply.value);
    case 'bulk':
      return reply.value.toString();
    case 'status':
      return reply.text;
    default:
      return null;
  }
}

test('what Redis flags as no everyday command is shared only where a rule says so', () => {
  const apart = new Set(['admin', 'blocking', 'pubsub', 'noscript']);
  const shared = commands()
    .filter(({ flags }) => flags.some((flag) => apart.has(flag)))
    .map(({ name }) => rowOf(name))
    .filter(({ route }) => route === 'shared')
    .map(({ name }) => name);
  expect(shared.sort()).toEqual(
    [
      'acl|cat',
      'acl|genpass',
      'acl|whoami',
      'config|get',
      'function|delete',
      'function|dump',
      'function|flush',
      'function|list',
      'function|load',
      'function|restore',
      'latency|doctor',
      'latency|graph',
      'latency|histogram',
      'latency|history',
      'latency|latest',
      'latency|reset',
      'publish',
      'pubsub|channels',
      'pubsub|numpat',
      'pubsub|numsub',
      'pubsub|shardchannels',
      'pubsub|shardnumsub',
      'role',
      'script|exists',
      'script|flush',
      'script|load',
      'slowlog|get',
      'slowlog|len',
      'slowlog|reset',
      'spublish',
    ].sort(),
  );
});

test('every command that may write does something to the cache', () => {
  const idle = commands()
    .filter(({ flags }) => flags.includes('write'))
    .filter(({ name }) => rowOf(name).effect === 'none')
    .map(({ name }) => name);
  // Libraries of functions are no keys.
  expect(idle.sort()).toEqual(['function|delete', 'function|flush', 'function|load', 'function|restore']);
});

test('the writes whose keys cannot be told are few', () => {
  const fenced = commands()
    .filter(({ flags }) => flags.includes('write'))
    .filter(({ name }) => rowOf(name).effect === 'fence')
    .map(({ name }) => name);
  expect(fenced.sort()).toEqual(['migrate', 'move']);
});

test('every command is pinned, exclusive, local or shared as it should be', () => {
  const pinned = commands().filter(({ name }) => rowOf(name).route === 'pinned');
  expect(pinned.map(({ name }) => name).sort()).toEqual(
    [
      'asking',
      'client|tracking',
      'monitor',
      'psubscribe',
      'psync',
      'punsubscribe',
      'readonly',
      'readwrite',
      'replconf',
      'script|debug',
      'ssubscribe',
      'subscribe',
      'sunsubscribe',
      'sync',
      'unsubscribe',
    ].sort(),
  );
});

describe('keys', () => {
  const written = [
    'SET k v',
    'SET k v EX 10 GET',
    'MSET a 1 b 2 c 3',
    'MSETNX a 1 b 2',
    'DEL a b c',
    'UNLINK a',
    'RENAME a b',
    'COPY a b',
    'COPY a b REPLACE',
    'SORT a',
    'SORT a BY w_* LIMIT 0 5 GET # GET o_* DESC ALPHA',
    'BITFIELD k SET u8 0 1',
    'BITOP AND dest a b c',
    'PFCOUNT a b',
    'PFMERGE dest a b',
    'BLPOP a b 0',
    'BRPOPLPUSH a b 0',
    'LMOVE a b LEFT RIGHT',
    'LMPOP 2 a b LEFT',
    'BLMPOP 0 2 a b LEFT COUNT 3',
    'ZMPOP 1 a MIN',
    'BZMPOP 0 1 a MAX',
    'ZUNIONSTORE dest 2 a b WEIGHTS 1 2',
    'ZINTERSTORE dest 1 a',
    'ZDIFFSTORE dest 2 a b',
    'ZRANGESTORE dest a 0 -1',
    'SINTERSTORE dest a b',
    'SUNIONSTORE dest a',
    'SMOVE a b m',
    'GEOSEARCHSTORE dest a FROMMEMBER m BYRADIUS 1 km',
    'GEORADIUS a 0 0 1 km',
    'GEORADIUS a 0 0 1 km STORE b',
    'GEORADIUS a 0 0 1 km COUNT 3 STOREDIST b',
    'GEORADIUS a 0 0 1 km store b storedist c',
    'GEORADIUSBYMEMBER a m 1 km STORE b',
    'XREADGROUP GROUP g c STREAMS a b 0 0',
    'XREADGROUP GROUP g c COUNT 1 BLOCK 1 STREAMS a >',
    'XREAD COUNT 2 STREAMS a b 0-0 0-0',
    'XGROUP CREATE k g $ MKSTREAM',
    'XGROUP DESTROY k g',
    'OBJECT ENCODING k',
    'MEMORY USAGE k',
    'XINFO STREAM k',
    'RESTORE k 0 x',
    'GETEX k EX 1',
    'GETDEL k',
    'LCS a b',
    'SINTERCARD 2 a b',
    'WATCH a b',
    'MGET a b c',
    'GET a',
    'ZUNION 2 a b',
    'EVAL x 2 a b c',
    'FCALL f 1 a',
    'SET \xff\x00\r\n v',
  ];

  test.each(written)('%j has the keys that COMMAND GETKEYS names', async (line) => {
    const args = line.split(' ').map((word) => Buffer.from(word, 'latin1'));
    const theirs = await keysByRedis(args);
    expect(keysOf(table.find(args), args)).toEqual(theirs);
  });

  test('commands made from each specification have the keys that COMMAND GETKEYS names', async () => {
    const differing: string[] = [];
    let compared = 0;
    for (const { name, arity } of commands()) {
      const row = rowOf(name);
      // Where the rows are respite's own, the words of the command matter: see the list above.
      if (row.keySpecs.length === 0 || name === 'copy' || name === 'sort' || name === 'migrate') continue;
      for (const args of variants(name, arity, row)) {
        const theirs = await keysByRedis(args);
        const ours = keysOf(row, args);
        compared += 1;
        // A command whose effect does not depend on its keys may leave them untold.
        if (theirs === undefined || (ours === undefined && row.effect !== 'keys')) continue;
        if (ours?.join() !== theirs.join()) {
          differing.push(`${args.join(' ')}: ${ours} but Redis says ${theirs}`);
        }
      }
    }
    expect(differing).toEqual([]);
    expect(compared).toBeGreaterThan(500);
  });

  function variants(name: string, arity: number, row: CommandRow): Buffer[][] {
    const least = Math.abs(arity);
    const lengths = arity > 0 ? [least] : [least, least + 1, least + 2, least + 3, least + 4];
    return lengths.map((length) => {
      const args = name.split('|');
      for (let at = args.length; at < length; at++) args.push(`a${at}`);
      for (const spec of row.keySpecs) {
        if (spec.begin === 'keyword' && row.effect !== 'keys') args[spec.index] = spec.keyword;
        if (spec.find === 'keynum') args[spec.index + spec.keyCountIndex] = '2';
      }
      return args.map((arg) => Buffer.from(arg));
    });
  }

  async function keysByRedis(args: readonly Buffer[]): Promise<string[] | undefined> {
    try {
      const keys = (await redis.callBuffer('COMMAND', 'GETKEYS', ...args)) as Buffer[];
      return keys.map((key) => key.toString('latin1'));
    } catch {
      return undefined;
    }
  }
});
