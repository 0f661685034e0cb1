// What the proxy answers about its own clients, held against the bytes that the real redis-server answers.

import { newFace } from '../../src/commands/clients';
import { type LocalDesk, runLocal } from '../../src/commands/local';
import { CommandTable } from '../../src/commands/table';
import { RawClient } from '../support/raw-client';
import { RedisServer } from '../support/redis-server';

const LINES = [
  ['CLIENT', 'INFO', 'x'],
  ['CLIENT', 'ID', 'x'],
  ['CLIENT', 'LIST', 'FOO'],
  ['CLIENT', 'LIST', 'TYPE'],
  ['CLIENT', 'LIST', 'TYPE', 'foo'],
  ['CLIENT', 'LIST', 'TYPE', '\xff\0\r\n'],
  ['CLIENT', 'LIST', 'TYPE', 'master'],
  ['CLIENT', 'LIST', 'TYPE', 'REPLICA'],
  ['CLIENT', 'LIST', 'TYPE', 'slave'],
  ['CLIENT', 'LIST', 'TYPE', 'pubsub'],
  ['CLIENT', 'LIST', 'ID'],
  ['CLIENT', 'LIST', 'ID', '999999'],
  ['CLIENT', 'LIST', 'ID', '-1', '0'],
  ['CLIENT', 'LIST', 'ID', '+1'],
  ['CLIENT', 'LIST', 'ID', '01'],
  ['CLIENT', 'LIST', 'ID', '9223372036854775807'],
  ['CLIENT', 'LIST', 'ID', '9223372036854775808'],
  ['CLIENT', 'LIST', 'ID', '-9223372036854775808'],
  ['CLIENT', 'LIST', 'ID', ''],
  ['CLIENT', 'KILL'],
  ['CLIENT', 'KILL', '1.2.3.4:5'],
  ['CLIENT', 'KILL', 'ID'],
  ['CLIENT', 'KILL', 'ID', '999999'],
  ['CLIENT', 'KILL', 'ID', '0'],
  ['CLIENT', 'KILL', 'ID', 'x'],
  ['CLIENT', 'KILL', 'FOO', 'bar'],
  ['CLIENT', 'KILL', 'TYPE', 'foo'],
  ['CLIENT', 'KILL', 'TYPE', 'pubsub', 'SKIPME', 'no'],
  ['CLIENT', 'KILL', 'USER', 'nobody'],
  ['CLIENT', 'KILL', 'ADDR', '1.2.3.4:5', 'LADDR', '1.2.3.4:6'],
  ['CLIENT', 'KILL', 'ADDR', '1.2.3.4:5', 'LADDR'],
  ['CLIENT', 'KILL', 'SKIPME', 'foo'],
  ['CLIENT', 'GETNAME'],
  ['CLIENT', 'GETNAME', 'x'],
  ['CLIENT', 'SETNAME'],
  ['CLIENT', 'SETNAME', 'a b'],
  ['CLIENT', 'SETNAME', 'a\0b'],
  ['CLIENT', 'SETNAME', '\xe9'],
  ['CLIENT', 'SETNAME', '!~'],
  ['CLIENT', 'GETNAME'],
  ['CLIENT', 'SETNAME', ''],
  ['CLIENT', 'GETNAME'],
  ['CLIENT', 'NO-EVICT'],
  ['CLIENT', 'NO-EVICT', 'foo'],
  ['CLIENT', 'NO-EVICT', 'on'],
  ['CLIENT', 'GETREDIR'],
  ['CLIENT', 'GETREDIR', 'x'],
  ['CLIENT', 'TRACKINGINFO'],
  ['client', 'MAINT_NOTIFICATIONS', 'ON'],
  ['Client', 'Maint_Notifications'],
  ['CLIENT', 'REPLY'],
  ['CLIENT', 'REPLY', 'foo'],
  ['CLIENT', 'REPLY', 'ON'],
];

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());

function deskFor(protocol: 2 | 3): LocalDesk {
  const self = { ...newFace(1, '127.0.0.1:1', '127.0.0.1:2', 3, 0), protocol };
  return {
    self,
    part: { user: '', db: 0 },
    purgesOnly: undefined,
    now: () => 0,
    clients: () => [{ face: self, kill: () => {} }],
    knowsUser: (name) => name === 'default',
    closeAfterReply: () => {},
    setReplyMode: () => {},
    statistics: () => {
      throw new Error('no figures are asked for here');
    },
    purge: () => 0,
    inspect: () => undefined,
  };
}

test.each([2, 3] as const)('in RESP%i the proxy answers with the bytes of Redis', async (protocol) => {
  const client = await RawClient.connect(server.port);
  if (protocol === 3) await client.ask('HELLO', '3');
  const table = CommandTable.from([]);
  const desk = deskFor(protocol);
  for (const line of LINES) {
    const args = line.map((word) => Buffer.from(word, 'latin1'));
    const theirs = await client.ask(...args);
    const ours = runLocal(table.find(args), args, desk);
    expect([line, ours.toString('latin1')]).toEqual([line, theirs.toString('latin1')]);
  }
  await client.close();
});

test('a line of CLIENT LIST has the fields of Redis in its order, and two more', async () => {
  const theirs = await server.askText('CLIENT', 'INFO');
  const args = [Buffer.from('CLIENT'), Buffer.from('INFO')];
  const ours = runLocal(CommandTable.from([]).find(args), args, deskFor(2)).toString('latin1');
  const fields = (line: string) => line.match(/[a-z-]+(?==)/g);
  expect(fields(ours)).toEqual([...(fields(theirs) ?? []), 'lib-name', 'lib-ver']);
});
