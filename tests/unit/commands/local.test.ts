import { type ClientFace, newFace } from '../../../src/commands/clients';
import { type LocalDesk, type ReplyMode, runLocal } from '../../../src/commands/local';
import type { Inspection } from '../../../src/commands/neighbours';
import { CommandTable } from '../../../src/commands/table';
import { createStats, type Figures } from '../../../src/telemetry/stats';

const table = CommandTable.from([]);

const FIGURES: Figures = {
  ...createStats(),
  hits: 3,
  misses: 1,
  version: '0.1.0',
  processId: 1,
  port: 6380,
  workers: 1,
  uptime: 61_500,
  coherence: 'tracking',
  upstream: 'connected',
  redisVersion: '7.0.15',
  clients: 2,
  keys: 5,
  bytes: 1000,
  maxKeys: 100,
  maxMemory: 10_000,
  evictions: 0,
  expirations: 0,
  fillsInFlight: 0,
  links: 1,
  upstreamConnections: 3,
  sinceLastPush: undefined,
  sinceLastHeartbeat: 12.7,
};

/** A desk that writes down what it is told to do. */
class Desk implements LocalDesk {
  readonly self: ClientFace;
  readonly others: ClientFace[];
  readonly killed: number[] = [];
  readonly purged: string[] = [];
  readonly modes: ReplyMode[] = [];
  readonly part = { user: '', db: 0 };
  readonly purgesOnly = undefined;
  closing = false;
  held: Inspection | undefined;

  constructor(protocol: 2 | 3 = 2) {
    this.self = { ...newFace(2, '127.0.0.1:5002', '127.0.0.1:6380', 12, 0), protocol };
    this.others = [newFace(1, '127.0.0.1:5001', '127.0.0.1:6380', 11, 0), this.self];
  }

  now(): number {
    return 5000;
  }

  *clients(): Iterable<{ face: ClientFace; kill(): void }> {
    for (const face of this.others) yield { face, kill: () => this.killed.push(face.id) };
  }

  knowsUser(name: string): boolean {
    return name === 'default';
  }

  closeAfterReply(): void {
    this.closing = true;
  }

  setReplyMode(mode: ReplyMode): void {
    this.modes.push(mode);
  }

  statistics(): Figures {
    return FIGURES;
  }

  purge(keys: readonly string[] | 'all'): number {
    if (keys !== 'all') return this.purged.push(...keys);
    this.purged.push('everything');
    return 5;
  }

  inspect(): Inspection | undefined {
    return this.held;
  }

  ask(line: string): string {
    const args = line.split(' ').map((word) => Buffer.from(word, 'latin1'));
    return runLocal(table.find(args), args, this).toString('latin1');
  }
}

test('CLIENT LIST is everybody, or those asked for, in that order', () => {
  const desk = new Desk();
  expect(desk.ask('CLIENT LIST').match(/^id=\d+|\nid=\d+/g)).toEqual(['\nid=1', '\nid=2']);
  expect(desk.ask('CLIENT LIST ID 2 9 1 2').match(/\bid=\d+/g)).toEqual(['id=2', 'id=1', 'id=2']);
  expect(desk.ask('CLIENT LIST TYPE pubsub')).toBe('$0\r\n\r\n');
});

test('CLIENT INFO is a verbatim text in RESP3', () => {
  expect(new Desk(3).ask('CLIENT INFO')).toMatch(/^=\d+\r\ntxt:id=2 addr=.* lib-ver=\n\r\n$/);
  expect(new Desk(2).ask('CLIENT INFO')).toMatch(/^\$\d+\r\nid=2 addr=.* lib-ver=\n\r\n$/);
});

test('CLIENT KILL closes the others at once, and the asking one after its reply', () => {
  const desk = new Desk();
  expect(desk.ask('CLIENT KILL SKIPME no')).toBe(':2\r\n');
  expect(desk.killed).toEqual([1]);
  expect(desk.closing).toBe(true);
});

test('CLIENT KILL spares the asking one unless told not to', () => {
  const desk = new Desk();
  expect(desk.ask('CLIENT KILL TYPE normal')).toBe(':1\r\n');
  expect(desk.closing).toBe(false);
  expect(desk.ask('CLIENT KILL 127.0.0.1:5002')).toBe('+OK\r\n');
  expect(desk.closing).toBe(true);
});

test('names and libraries are kept in the face, and an empty one is none', () => {
  const desk = new Desk();
  expect(desk.ask('CLIENT SETNAME worker-1')).toBe('+OK\r\n');
  expect(desk.ask('CLIENT GETNAME')).toBe('$8\r\nworker-1\r\n');
  expect(desk.ask('CLIENT SETNAME a\0b')).toMatch(/^-ERR Client names cannot contain/);
  expect(desk.ask('CLIENT GETNAME')).toBe('$8\r\nworker-1\r\n');
  expect(desk.ask('CLIENT SETNAME ')).toBe('+OK\r\n');
  expect(desk.ask('CLIENT GETNAME')).toBe('$-1\r\n');
  expect(desk.ask('CLIENT SETINFO LIB-NAME ioredis')).toBe('+OK\r\n');
  expect(desk.ask('CLIENT SETINFO lib-ver 6.0.0')).toBe('+OK\r\n');
  expect(desk.self).toMatchObject({ libName: 'ioredis', libVersion: '6.0.0' });
  expect(desk.ask('CLIENT SETINFO lib-foo x')).toBe("-ERR Unrecognized option 'lib-foo'\r\n");
  expect(desk.ask('CLIENT SETINFO lib-ver \xe9')).toBe(
    '-ERR lib-ver cannot contain spaces, newlines or special characters.\r\n',
  );
});

test('CLIENT REPLY answers only ON', () => {
  const desk = new Desk();
  expect(desk.ask('CLIENT REPLY OFF')).toBe('');
  expect(desk.ask('CLIENT REPLY skip')).toBe('');
  expect(desk.ask('CLIENT REPLY ON')).toBe('+OK\r\n');
  expect(desk.ask('CLIENT REPLY FOO')).toBe('-ERR syntax error\r\n');
  expect(desk.modes).toEqual(['off', 'skip', 'on']);
});

test('the two switches', () => {
  const desk = new Desk();
  expect(desk.ask('CLIENT NO-EVICT ON') + desk.ask('CLIENT NO-TOUCH on')).toBe('+OK\r\n+OK\r\n');
  expect(desk.self).toMatchObject({ noEvict: true, noTouch: true });
  expect(desk.ask('CLIENT NO-EVICT off') + desk.ask('CLIENT NO-TOUCH OFF')).toBe('+OK\r\n+OK\r\n');
  expect(desk.self).toMatchObject({ noEvict: false, noTouch: false });
});

test('arguments come back in errors as the bytes they were, on one line', () => {
  const args = ['CLIENT', 'LIST', 'TYPE', '\xff\xfe\r\nx'].map((word) => Buffer.from(word, 'latin1'));
  const answer = runLocal(table.find(args), args, new Desk());
  expect(answer.toString('latin1')).toBe("-ERR Unknown client type '\xff\xfe  x'\r\n");
});

test('a subcommand that respite does not have is refused as Redis refuses it', () => {
  const desk = new Desk();
  expect(desk.ask('client MAINT_NOTIFICATIONS ON')).toBe(
    "-ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP.\r\n",
  );
  expect(desk.ask('respite foo')).toBe("-ERR unknown subcommand 'foo'. Try RESPITE HELP.\r\n");
  expect(desk.ask('RESPITE')).toBe("-ERR wrong number of arguments for 'respite' command\r\n");
  expect(desk.ask('RESPITE PURGE')).toBe("-ERR wrong number of arguments for 'respite|purge' command\r\n");
});

test('INFO respite is a section as Redis writes them', () => {
  const answer = new Desk().ask('INFO respite');
  expect(answer).toMatch(/^\$\d+\r\n# Respite\r\nrespite_version:0\.1\.0\r\n/);
  for (const line of ['uptime_in_seconds:61', 'hits:3', 'hit_ratio:0.7500', 'ms_since_last_push:-1']) {
    expect(answer).toContain(`\r\n${line}\r\n`);
  }
  expect(new Desk(3).ask('INFO respite')).toMatch(/^=\d+\r\ntxt:# Respite\r\n/);
});

test('RESPITE STATS is a map to RESP3 and a list to RESP2', () => {
  const three = new Desk(3).ask('RESPITE STATS');
  const two = new Desk(2).ask('RESPITE STATS');
  const count = Number(/^%(\d+)\r\n/.exec(three)?.[1]);
  expect(two.replace(/^.*\r\n/, '')).toBe(three.replace(/^.*\r\n/, ''));
  expect(two.startsWith(`*${count * 2}\r\n`)).toBe(true);
  expect(two).toContain('$4\r\nhits\r\n:3\r\n');
});

test('RESPITE PURGE drops keys, or all', () => {
  const desk = new Desk();
  expect(desk.ask('RESPITE PURGE a \xff')).toBe(':2\r\n');
  expect(desk.ask('RESPITE PURGE all')).toBe(':5\r\n');
  expect(desk.ask('RESPITE PURGE ALL b')).toBe(':5\r\n');
  expect(desk.purged).toEqual(['a', '\xff', 'everything', 'ALL', 'b']);
});

test('RESPITE INSPECT tells what is held for a key, or nil', () => {
  const desk = new Desk(3);
  expect(desk.ask('RESPITE INSPECT k')).toBe('_\r\n');
  desk.held = { kind: 'value', age: 10.4, timeLeft: 99.6, bytes: 7, hits: 2 };
  expect(desk.ask('RESPITE INSPECT k')).toBe(
    '%5\r\n$4\r\nkind\r\n$5\r\nvalue\r\n$6\r\nage_ms\r\n:10\r\n$6\r\nttl_ms\r\n:100\r\n' +
      '$5\r\nbytes\r\n:7\r\n$4\r\nhits\r\n:2\r\n',
  );
});

test('RESPITE HELP lists the subcommands', () => {
  const answer = new Desk().ask('RESPITE HELP');
  for (const word of ['STATS', 'PURGE ALL', 'INSPECT <key>', 'HELP'])
    expect(answer).toContain(`+${word}\r\n`);
  expect(answer.split('\r\n+').length - 1).toBe(Number(/^\*(\d+)/.exec(answer)?.[1]));
});
