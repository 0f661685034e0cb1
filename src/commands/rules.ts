/** What respite itself knows about commands by name: where its own row speaks, Redis's flags are not asked. */
import type { KeySpec } from './keys';

/**
 * Which way a command goes.
 *
 * `local`: the proxy answers. `identity`: the session's own state (HELLO AUTH SELECT RESET QUIT). `pinned`: the session
 * keeps its exclusive wire for good. `script`: like `shared`, over the wire that all scripts share.
 */
export type Route = 'get' | 'mget' | 'local' | 'identity' | 'shared' | 'script' | 'exclusive' | 'pinned';

/** What is done when the reply has arrived and before it is delivered. `keys` falls back to a fence when the keys cannot be told. */
export type Effect = 'none' | 'keys' | 'fence' | 'flush' | 'acl' | 'settings' | 'modules';

export type Transaction = 'multi' | 'exec' | 'discard' | 'watch' | 'unwatch';

export interface Rule {
  readonly route?: Route;
  readonly effect?: Effect;
  readonly blocking?: boolean;
  readonly transaction?: Transaction;
  readonly keySpecs?: readonly KeySpec[];
}

const FIRST_ARGUMENT: KeySpec = {
  begin: 'index',
  index: 1,
  keyword: '',
  find: 'range',
  lastKey: 0,
  keyStep: 1,
  limit: 0,
  keyCountIndex: 0,
  firstKey: 0,
  incomplete: false,
};
const ALL_ARGUMENTS: KeySpec = { ...FIRST_ARGUMENT, lastKey: -1 };
const FIRST_TWO_ARGUMENTS: KeySpec = { ...FIRST_ARGUMENT, lastKey: 1 };

/** The keys can be told as long as this word is not there. */
function unlessWord(keyword: string, from: number): KeySpec {
  return { ...FIRST_ARGUMENT, begin: 'keyword', index: from, keyword, find: 'unknown' };
}

/** Each row: what holds, and for whom. `container|*` holds for every subcommand that has no row of its own. */
const ROWS: readonly (readonly [Rule, string])[] = [
  [{ route: 'get', effect: 'none', keySpecs: [FIRST_ARGUMENT] }, 'get'],
  [{ route: 'mget', effect: 'none', keySpecs: [ALL_ARGUMENTS] }, 'mget'],

  // The proxy's clients are not Redis's clients. MAINT_NOTIFICATIONS asks a managed Redis to announce that the
  // connection will move: the client's connection is this one, so it gets the refusal any open-source Redis gives.
  [
    { route: 'local', effect: 'none' },
    `respite client|id client|info client|list client|kill client|setname client|getname client|setinfo
     client|no-evict client|no-touch client|getredir client|trackinginfo client|reply client|maint_notifications`,
  ],
  [{ route: 'identity', effect: 'none' }, 'hello auth select reset quit'],

  // State that stays on the connection, or replies that don't follow "one for each command". POST and Host: make
  // Redis 6 close the connection, and it lists them as harmless reads.
  [
    { route: 'pinned', effect: 'none' },
    `subscribe psubscribe ssubscribe unsubscribe punsubscribe sunsubscribe monitor sync psync replconf
     script|debug client|tracking asking readonly readwrite post host: debug|client-enforce-reply-list`,
  ],

  [{ route: 'exclusive', effect: 'none', transaction: 'multi' }, 'multi'],
  [{ route: 'exclusive', effect: 'fence', transaction: 'exec' }, 'exec'],
  [{ route: 'exclusive', effect: 'none', transaction: 'discard' }, 'discard'],
  [{ route: 'exclusive', effect: 'none', transaction: 'watch', keySpecs: [ALL_ARGUMENTS] }, 'watch'],
  [{ route: 'exclusive', effect: 'none', transaction: 'unwatch' }, 'unwatch'],

  // By name, because Redis 6 has no flag `blocking` and lets XREAD pass for an ordinary read, and no version flags WAIT.
  [
    { route: 'exclusive', blocking: true },
    'blpop brpop brpoplpush blmove blmpop bzpopmin bzpopmax bzmpop xread xreadgroup',
  ],
  [{ route: 'exclusive', effect: 'none', blocking: true }, 'wait waitaof'],

  [
    { route: 'shared', effect: 'none' },
    `ping echo time info lastsave role publish spublish command command|* pubsub|* memory|* latency|* slowlog|*
     script|load script|exists script|flush script|help
     function|list function|load function|dump function|delete function|flush function|restore function|help
     config|get config|help acl|whoami acl|cat acl|genpass acl|help client|help module|help
     cluster|info cluster|nodes cluster|slots cluster|shards cluster|links cluster|myid cluster|myshardid cluster|help
     cluster|keyslot cluster|countkeysinslot cluster|getkeysinslot cluster|slot-stats`,
  ],

  // A script in the way is why KILL and STATS are sent: behind it on a shared wire Redis would not even read them.
  [{ route: 'exclusive', effect: 'none' }, 'script|kill function|kill function|stats'],
  [
    { route: 'exclusive', effect: 'none' },
    `client|unblock client|pause client|unpause client|caching acl|* config|* module|list
     bgsave bgrewriteaof save pfselftest`,
  ],
  [
    { route: 'exclusive', effect: 'none' },
    `debug|sleep debug|object debug|jmap debug|digest debug|digest-value debug|set-active-expire debug|protocol
     debug|log debug|error debug|htstats debug|htstats-key debug|sdslen debug|ziplist debug|listpack
     debug|quicklist debug|quicklist-packed-threshold debug|stringmatch-len debug|structsize debug|mallctl
     debug|mallctl-str debug|replybuffer debug|help`,
  ],

  // Scripts write keys they did not declare; MOVE and COPY … DB reach into another database; MIGRATE has two places for
  // its keys and says itself that its specification is incomplete.
  [{ route: 'script', effect: 'fence' }, 'eval evalsha fcall'],
  [{ route: 'script', effect: 'none' }, 'eval_ro evalsha_ro fcall_ro'],
  [{ route: 'shared', effect: 'fence' }, 'migrate move'],
  [{ effect: 'keys', keySpecs: [FIRST_TWO_ARGUMENTS, unlessWord('db', 3)] }, 'copy'],
  [{ effect: 'keys', keySpecs: [FIRST_ARGUMENT, unlessWord('store', 2)] }, 'sort'],
  // Flagged as a read, but it rewrites the key with what it has counted.
  [{ effect: 'keys', keySpecs: [ALL_ARGUMENTS] }, 'pfcount'],

  [{ route: 'shared', effect: 'flush' }, 'flushall flushdb swapdb'],
  [
    { route: 'exclusive', effect: 'flush' },
    `replicaof slaveof failover cluster|reset cluster|replicate cluster|failover
     debug|reload debug|loadaof debug|restart debug|crash-and-recover`,
  ],
  [{ route: 'exclusive', effect: 'fence' }, 'debug debug|* shutdown cluster|*'],
  [{ route: 'exclusive', effect: 'acl' }, 'acl|setuser acl|deluser acl|load'],
  // requirepass is the default user's password.
  [{ route: 'exclusive', effect: 'settings' }, 'config|set'],
  [{ route: 'exclusive', effect: 'modules' }, 'module|load module|loadex module|unload'],
];

/** Rules by lower-case name; a subcommand's name is `container|subcommand`. */
export const RULES: ReadonlyMap<string, Rule> = new Map(
  ROWS.flatMap(([rule, names]) => names.split(/\s+/).map((name) => [name, rule] as const)),
);
