/** What goes wrong between proxy and Redis, and in Redis itself: each fault begins, and has healed when it returns. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChaosRelay } from '../chaos-relay';
import type { RedisServer } from '../redis-server';
import type { Client } from './client';
import { type History, Session } from './history';

export interface Scene {
  readonly relay: ChaosRelay;
  readonly redis: RedisServer;
  readonly history: History;
  /** The proxy's --upstream-timeout, in milliseconds. */
  readonly timeout: number;
  /** Somebody else who is connected to the proxy. */
  proxy(): Promise<Client>;
}

export interface Fault {
  readonly name: string;
  strike(scene: Scene): Promise<void>;
}

/** Longer than it takes until the proxy notices that nothing comes any more. */
const untilNoticed = ({ timeout }: Scene) => 1000 + timeout + 300;

function hanging(
  name: string,
  direction: 'up' | 'down' | undefined,
  length: (scene: Scene) => number,
): Fault {
  return {
    name,
    async strike(scene) {
      scene.relay.hang(direction);
      await sleep(length(scene));
      scene.relay.release();
    },
  };
}

function freezing(name: string, length: (scene: Scene) => number): Fault {
  return {
    name,
    async strike(scene) {
      scene.redis.freeze();
      await sleep(length(scene));
      scene.redis.thaw();
    },
  };
}

/** Half-open for good: the proxy gives the connection up while Redis still believes in it. */
const CUT_WHILE_HUNG: Fault = {
  name: 'half-open, then cut',
  async strike(scene) {
    scene.relay.hang('down');
    await sleep(200);
    scene.relay.cut('rst');
    scene.relay.release();
  },
};

const CUTS: readonly Fault[] = (['rst', 'fin'] as const).map((how) => ({
  name: `connections cut by ${how}`,
  async strike({ relay }) {
    for (let i = 0; i < 4; i++) {
      relay.cut(how);
      await sleep(60);
    }
  },
}));

const AWAY: Fault = {
  name: 'cut, and nobody listens',
  async strike({ relay }) {
    await relay.refuse();
    relay.cut('rst');
    await sleep(400);
    await relay.accept();
  },
};

const SLOW: Fault = {
  name: 'slow, now the one, now the other connection',
  async strike({ relay }) {
    relay.jitter = 15;
    await sleep(700);
    relay.slow(10, 3);
    await sleep(300);
    relay.slow(0);
    relay.jitter = 0;
  },
};

const SPLIT: Fault = {
  name: 'in single bytes',
  async strike({ relay }) {
    relay.splitting = true;
    await sleep(600);
    relay.splitting = false;
  },
};

const RESTART: Fault = {
  name: 'Redis restarted, empty',
  async strike({ redis, history }) {
    await redis.kill();
    // From now on nobody is told anything: whatever was there is gone when it is back.
    const loss = history.write(
      [...history.keys()].map((key) => ({ key })),
      'beside',
      new Session('restart'),
    );
    await redis.restart();
    loss.done();
    await sleep(200);
  },
};

const FILL_WIRES_KILLED: Fault = {
  name: 'fill wires killed',
  async strike({ redis }) {
    for (let i = 0; i < 8; i++) {
      for (const id of await trackingClients(redis)) await redis.ask('CLIENT', 'KILL', 'ID', id);
      await sleep(40);
    }
  },
};

async function trackingClients(redis: RedisServer): Promise<string[]> {
  const list = (await redis.askText('CLIENT', 'LIST')).split('\n');
  return list.filter((line) => / flags=\w*t/.test(line)).map((line) => /id=(\d+)/.exec(line)?.[1] ?? '0');
}

/** The connections over which the cache is filled and told of changes. */
const FILL_WIRE = /TRACKING/;

/** Lost at once, and long to come back, while all other connections go on: whatever changes meanwhile is not told. */
const FILL_WIRES_LATE: Fault = {
  name: 'fill wires cut, and long to come back',
  async strike({ relay, timeout }) {
    relay.aim(FILL_WIRE);
    for (let i = 0; i < 3; i++) {
      relay.hang('down');
      relay.cut('rst', FILL_WIRE);
      await sleep(timeout / 2);
      relay.release();
      await sleep(timeout / 2);
    }
    relay.aim(undefined);
  },
};

/** Redis answers a fill's GET, and much may happen until it sees the PTTL that was sent with it. */
const FILLS_TORN: Fault = {
  name: 'a pause between the value and its expiry',
  async strike({ relay }) {
    for (let i = 0; i < 20; i++) {
      await relay.hangBehind('up', '$4\r\nPTTL\r\n');
      await sleep(20);
      relay.release();
    }
  },
};

const PAUSE: Fault = {
  name: 'CLIENT PAUSE',
  async strike({ redis }) {
    await redis.ask('CLIENT', 'PAUSE', 200, 'WRITE');
    await sleep(300);
    await redis.ask('CLIENT', 'PAUSE', 200, 'ALL');
    await sleep(300);
  },
};

const PAUSE_THROUGH_PROXY: Fault = {
  name: 'CLIENT PAUSE through the proxy',
  async strike({ proxy }) {
    const client = await proxy();
    await client.ask('CLIENT', 'PAUSE', 5_000, 'WRITE');
    await sleep(250);
    await client.ask('CLIENT', 'UNPAUSE');
    await sleep(100);
    client.close();
  },
};

const ALL_KILLED: Fault = {
  name: 'all clients killed',
  async strike({ redis }) {
    for (let i = 0; i < 4; i++) {
      await redis.ask('CLIENT', 'KILL', 'TYPE', 'normal');
      await sleep(80);
    }
  },
};

const EVICTION: Fault = {
  name: 'no memory: Redis evicts',
  async strike({ redis, history }) {
    // Any key may go at any time, or none: nothing more is known of a nil that is read in this page.
    history.write(
      [...history.keys()].map((key) => ({ key })),
      'beside',
    );
    await redis.ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random');
    for (let i = 0; i < 4; i++) {
      await redis.ask('CONFIG', 'SET', 'maxmemory', 1);
      await sleep(20);
      await redis.ask('CONFIG', 'SET', 'maxmemory', 0);
      await sleep(150);
    }
  },
};

const RUNAWAY: Fault = {
  name: 'a script that runs away',
  async strike({ proxy, redis }) {
    const runner = await proxy();
    const killed = runner.ask('EVAL', 'while true do end', 0);
    await sleep(350);
    const killer = await proxy();
    await killer.ask('SCRIPT', 'KILL');
    // The script goes on when nobody is told of it any more, or on a machine too busy for the proxy to connect in time.
    while (!(await redis.askText('SCRIPT', 'KILL')).startsWith('-NOTBUSY')) await sleep(20);
    await killed;
    runner.close();
    killer.close();
  },
};

const TINY_TABLE: Fault = {
  name: 'a tracking table of ten keys',
  async strike({ redis }) {
    await redis.ask('CONFIG', 'SET', 'tracking-table-max-keys', 10);
    await sleep(600);
    await redis.ask('CONFIG', 'SET', 'tracking-table-max-keys', 1_000_000);
  },
};

const BUSY: Fault = {
  name: 'a script that takes long',
  async strike({ redis }) {
    const client = await redis.client();
    await client.ask('DEBUG', 'SLEEP', '0.3');
    await client.close();
  },
};

export const FAULTS: readonly Fault[] = [
  ...CUTS,
  AWAY,
  SLOW,
  SPLIT,
  RESTART,
  FILL_WIRES_KILLED,
  FILL_WIRES_LATE,
  FILLS_TORN,
  PAUSE,
  PAUSE_THROUGH_PROXY,
  ALL_KILLED,
  EVICTION,
  RUNAWAY,
  TINY_TABLE,
  BUSY,
  CUT_WHILE_HUNG,
  hanging('hung for a moment', undefined, () => 200),
  hanging('hung until noticed', undefined, untilNoticed),
  hanging('half-open: Redis is not heard', 'down', untilNoticed),
  hanging('half-open: Redis does not hear', 'up', untilNoticed),
  freezing('Redis frozen for a moment', () => 200),
  freezing('Redis frozen until noticed', untilNoticed),
];

export function faultNamed(name: string): Fault {
  const fault = FAULTS.find((each) => each.name === name);
  if (!fault) throw new Error(`no fault '${name}'`);
  return fault;
}
