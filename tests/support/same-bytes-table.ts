// The conversations that Redis and the proxy must answer with the same bytes: a list of commands for each topic.
//
// One line is one command, written as in redis-cli ("\x00" and the like within double quotes) and sent as an array.
//   > text          sent as an inline command, as it stands
//   other: command  sent by a second client, its answer is compared too; such a topic is never sent as one pipeline
//   await           sends nothing: waits for one more reply, or as many as its rule names
//   closed          the last line of a topic in which the server closes the connection by itself
//   // …            a remark
// Rules at the end of a line:
//   ~x2             that many replies follow, not one; ~x1/2: one in RESP2, two in RESP3
//   ~v2 ~v3         only sent when the conversation began in that protocol version
//   ~digits         each run of digits counts as the same: times, ids, addresses
//   ~unordered      the order of elements, at any depth, does not count: Redis seeds its hash tables at random
//   ~shape          only the type of the reply counts

export interface Topic {
  title: string;
  lines: string;
}

export const topics: Topic[] = [
  {
    title: 'strings',
    lines: String.raw`
      SET k v
      GET k
      SET k v2 GET
      SET k v3 NX
      SET k v3 XX
      SET k v4 NX GET
      SET k v4 EX 1000
      SET k v4 KEEPTTL
      SET k v EX 0
      SET k v EX -1
      SET k v EX abc
      SET k v EX 9223372036854775807
      SET k v PX 100 EX 100
      SET k v NX XX
      SET k v EXAT 1
      GET k
      SET k v PXAT 99999999999999
      EXPIRETIME k
      PEXPIRETIME k
      SET k v FOO
      SET k
      SET
      SET k v EX
      GET
      GET k extra
      GET missing
      get k
      GeT k
      SETNX k other
      SETNX fresh 1
      SETEX k 100 v
      SETEX k 0 v
      SETEX k abc v
      PSETEX k -5 v
      PSETEX k 100000 v
      GETSET k new
      GETSET none v
      GETDEL none
      GETDEL none
      GETEX k
      GETEX k PERSIST
      GETEX k EX 100
      GETEX k EX 0
      GETEX k FOO
      APPEND k tail
      APPEND app "\x00\xff"
      STRLEN app
      STRLEN missing
      GETRANGE k 0 -1
      GETRANGE k -3 -1
      GETRANGE k 5 2
      GETRANGE k a b
      SUBSTR k 0 1
      SETRANGE k 2 XYZ
      SETRANGE k -1 x
      SETRANGE k 536870912 x
      SETRANGE none 3 ""
      SETRANGE pad 5 x
      GET pad
      MSET a 1 b 2 c 3
      MSET a 1 b
      MSET
      MSETNX a 1 d 4
      MSETNX d 4 e 5
      MGET a b c missing d
      MGET
      MGET a a a
      INCR n
      INCR n
      INCRBY n 10
      INCRBY n -3
      INCRBY n abc
      INCRBY n 9223372036854775808
      DECR n
      DECRBY n 5
      DECRBY n -9223372036854775808
      INCR k
      SET n 9223372036854775807
      INCR n
      SET n -9223372036854775808
      DECR n
      SET n "12 "
      INCR n
      SET n " 12"
      INCR n
      SET n 012
      INCR n
      INCRBYFLOAT f 3.0e3
      INCRBYFLOAT f -0.1
      INCRBYFLOAT f 1e400
      INCRBYFLOAT f nan
      INCRBYFLOAT f abc
      INCRBYFLOAT k 1
      SET f 1e5
      INCRBYFLOAT f 0
      SET "" empty-key
      GET ""
      SET e ""
      GET e
      STRLEN e
      SET "bin\x00\x01\xff\r\nkey" "v\x00\r\n\xfe"
      GET "bin\x00\x01\xff\r\nkey"
      MGET "" "bin\x00\x01\xff\r\nkey" e
      LCS a b
      MSET s1 ohmytext s2 mynewtext
      LCS s1 s2
      LCS s1 s2 LEN
      LCS s1 s2 IDX
      LCS s1 s2 IDX MINMATCHLEN 4 WITHMATCHLEN
      LCS s1 s2 IDX LEN
      LPUSH list 1
      GET list
      MGET list a
      INCR list
      APPEND list x
      GETSET list x
      SETRANGE list 0 x
      STRLEN list
      GETEX list
      GETDEL list
      SET list v GET
      DUMP a
      DUMP missing
      RESTORE copy 0 "\x00\xc0\x01\x0b\x00\xeb\x80\x9c\x0d\xd3\x0f\x1f\x44" REPLACE
      RESTORE copy 0 garbage
      RESTORE copy -1 garbage
    `,
  },
  {
    title: 'reads that a cache may answer, between writes of every kind',
    lines: String.raw`
      GET k
      GET k
      MGET k k2
      SET k 1
      GET k
      GET k
      APPEND k 2
      GET k
      INCR k
      GET k
      INCRBY k 7
      GET k
      INCRBYFLOAT k 0.5
      GET k
      SETRANGE k 0 9
      GET k
      SETBIT k 1 1
      GET k
      BITFIELD k SET u8 0 65
      GET k
      BITOP NOT dest k
      GET dest
      GETSET k 5
      GET k
      GETDEL k
      GET k
      MSET k 6 k2 7
      MGET k k2 k3
      MGET k k2 k3
      RENAME k k3
      MGET k k2 k3
      RENAMENX k3 k
      MGET k k2 k3
      COPY k k3
      MGET k k2 k3
      DEL k
      MGET k k2 k3
      UNLINK k2 k3
      MGET k k2 k3
      SETNX k 1
      GET k
      SETEX k 100 2
      GET k
      PEXPIRE k -1
      GET k
      PSETEX k 100000 3
      GET k
      EXPIRE k 0
      GET k
      MSETNX k 4 k2 5
      MGET k k2
      MOVE k 1
      GET k
      SELECT 1
      GET k
      SET k one
      GET k
      SELECT 0
      GET k
      COPY k2 k DB 1 REPLACE
      SELECT 1
      GET k
      SWAPDB 0 1
      GET k
      MGET k k2
      SELECT 0
      GET k
      EVAL "return redis.call('set', KEYS[1], ARGV[1])" 1 k scripted
      GET k
      EVAL "return redis.call('set', 'k', 'undeclared')" 0
      GET k
      EVAL "redis.call('select', 1); return redis.call('set', 'k', 'elsewhere')" 0
      GET k
      SELECT 1
      GET k
      SELECT 0
      MULTI
      SET k queued
      GET k
      MGET k k2
      EXEC
      GET k
      LPUSH l 3 1 2
      SORT l STORE k
      GET k
      MGET k
      DEL k
      GET k
      GETEX k EX 10
      PFADD k a
      GET k
      FLUSHDB
      GET k
      SET k 1
      GET k
      FLUSHALL
      GET k
      MGET k k2
      SET k x
      GET k
      SET k y GET
      GET k
      SET k z PX 1000000
      GET k
      PERSIST k
      GET k
      GETEX k PX 100000
      GET k
      RESTORE k 0 "\x00\xc0\x01\x0b\x00\xeb\x80\x9c\x0d\xd3\x0f\x1f\x44" REPLACE
      GET k
      FUNCTION LOAD "#!lua name=w\nredis.register_function('w', function(k, a) return redis.call('set', k[1], a[1]) end)"
      FCALL w 1 k by-function
      GET k
      GEOADD k 1 1 a
      SUNIONSTORE k nothing
      GET k
      XADD k 1-1 a b
      GET k
    `,
  },
  {
    title: 'reads and writes of two clients',
    lines: `
      SET k 1
      GET k
      other: GET k
      other: SET k 2
      GET k
      other: INCR k
      GET k
      MGET k k2
      other: MULTI
      other: SET k 3
      other: SET k2 4
      GET k
      other: EXEC
      GET k
      MGET k k2
      other: EVAL "return redis.call('incr', 'k')" 0
      GET k
      other: DEL k k2
      GET k
      MGET k k2
      other: SELECT 1
      other: SET k one
      GET k
      other: GET k
      other: SWAPDB 0 1
      GET k
      other: GET k
      other: FLUSHALL
      GET k
      other: HELLO 3 ~digits
      other: GET k
      GET k
      other: SET k x
      GET k
      other: HELLO 2 ~digits
      other: GET none
      GET none
    `,
  },
  {
    title: 'keys of any type',
    lines: `
      SET a 1
      RPUSH l 1 2 3
      HSET h f v
      SADD s m
      ZADD z 1 m
      XADD x 1-1 f v
      TYPE a
      TYPE l
      TYPE h
      TYPE s
      TYPE z
      TYPE x
      TYPE none
      EXISTS a a none
      EXISTS
      KEYS * ~unordered
      KEYS l
      KEYS "[az]" ~unordered
      KEYS
      DBSIZE
      DBSIZE x
      SCAN 0 COUNT 1000 ~unordered
      SCAN 0 MATCH l COUNT 1000
      SCAN 0 TYPE hash COUNT 1000
      SCAN 0 TYPE foo COUNT 1000
      SCAN 0 COUNT 0
      SCAN 0 COUNT abc
      SCAN abc
      SCAN 0 FOO
      SCAN
      RANDOMKEY ~shape
      TOUCH a l none
      DEL none
      DEL
      DEL a a
      UNLINK l h
      RENAME s s2
      RENAME none s3
      RENAME s2 s2
      RENAMENX s2 z
      RENAMENX none z
      EXPIRE z 100000
      EXPIRE z 100 NX
      EXPIRE z 200000 XX
      EXPIRE z 100 GT
      EXPIRE z 100 LT
      EXPIRE z 100 NX XX
      EXPIRE z 100 FOO
      EXPIRE z abc
      EXPIRE z 9223372036854775807
      EXPIRE z -9223372036854775808
      EXPIRE none 10
      EXPIRE
      PEXPIRE x 100000000
      EXPIREAT x 33177117420
      EXPIRETIME x
      PEXPIREAT x 33177117420000
      PEXPIRETIME x
      PTTL x ~digits
      TTL none
      PTTL none
      PERSIST x
      PERSIST x
      TTL x
      EXPIRETIME none
      EXPIRETIME x
      OBJECT ENCODING x
      OBJECT ENCODING none
      OBJECT REFCOUNT x
      OBJECT IDLETIME x ~digits
      OBJECT FREQ x
      OBJECT HELP
      OBJECT
      OBJECT FOO
      OBJECT FOO bar
      OBJECT ENCODING
      SET small 12
      OBJECT ENCODING small
      SET text "a text that is longer than forty-four bytes, which matters here"
      OBJECT ENCODING text
      OBJECT REFCOUNT small
      SET short abc
      OBJECT ENCODING short
      DEBUG DIGEST
      DEBUG DIGEST-VALUE x small
      DEBUG OBJECT none
      DEBUG OBJECT short ~shape
      COPY short short2
      COPY short short2
      COPY short short2 REPLACE
      COPY short short
      COPY short x DB 99
      COPY short x DB abc
      COPY short x FOO
      MOVE short 3
      MOVE short 3
      MOVE short2 0
      MOVE short2 99
      MOVE short2 abc
      SWAPDB 0 3
      SWAPDB 0 99
      SWAPDB a 1
      SWAPDB 0
      DUMP short
      SORT none
      MEMORY USAGE none
      MEMORY USAGE short
      MEMORY HELP
      MEMORY FOO
      RANDOMKEY x
      FLUSHDB ASYNC
      FLUSHDB FOO
      FLUSHALL SYNC
      FLUSHALL FOO BAR
      DBSIZE
      RANDOMKEY
    `,
  },
  {
    title: 'databases',
    lines: `
      SELECT 0
      SET k zero
      SELECT 1
      GET k
      SET k one
      SELECT 15
      GET k
      SELECT 16
      GET k
      SET k fifteen
      SELECT -1
      SELECT abc
      SELECT 1.5
      SELECT ""
      SELECT 99999999999999999999
      SELECT
      SELECT 0 1
      GET k
      DBSIZE
      select 1
      GET k
      > SELECT 0
      GET k
      MULTI
      SELECT 1
      GET k
      SET k one-again
      EXEC
      GET k
      MULTI
      SELECT 99
      GET k
      EXEC
      GET k
      MULTI
      SELECT 15
      DISCARD
      GET k
      EVAL "redis.call('select', 15); return redis.call('get', 'k')" 0
      GET k
      SELECT 0
      RESET
      GET k
    `,
  },
  {
    title: 'hashes',
    lines: String.raw`
      HSET h a 1 b 2
      HSET h a 3 c 4
      HSET h a
      HSET h
      HMSET h d 5
      HMSET h d
      HGET h a
      HGET h none
      HGET none a
      HGET h
      HMGET h a none b
      HMGET none a b
      HGETALL h
      HGETALL none
      HKEYS h
      HVALS h
      HKEYS none
      HLEN h
      HEXISTS h a
      HEXISTS h none
      HSTRLEN h a
      HSETNX h a x
      HSETNX h n x
      HINCRBY h a 5
      HINCRBY h n 5
      HINCRBY h a 9223372036854775807
      HINCRBY h a abc
      HINCRBYFLOAT h f 1.5
      HINCRBYFLOAT h f 1e17
      HINCRBYFLOAT h n 1
      HINCRBYFLOAT h f inf
      HDEL h a none
      HDEL h
      HRANDFIELD none
      HRANDFIELD none 5
      HRANDFIELD h 0
      HRANDFIELD h abc
      HRANDFIELD h 1 FOO
      HRANDFIELD h 1 WITHVALUES ~shape
      HRANDFIELD h 100 WITHVALUES
      HSCAN h 0
      HSCAN h 0 MATCH b
      HSCAN h abc
      HSCAN none 0
      HSET h "" "" "\x00\xff" "\r\n"
      HGETALL h
      SET s 1
      HGET s a
      HSET s a 1
      HGETALL s
      HMGET s a
      HLEN s
      DEL h
      HGETALL h
    `,
  },
  {
    title: 'lists',
    lines: `
      RPUSH l 1 2 3
      LPUSH l 0
      LPUSHX none 1
      RPUSHX l 4 5
      RPUSH l
      LRANGE l 0 -1
      LRANGE l 5 1
      LRANGE l a b
      LRANGE none 0 -1
      LLEN l
      LLEN none
      LINDEX l 0
      LINDEX l -1
      LINDEX l 100
      LINDEX l abc
      LSET l 0 zero
      LSET l 100 x
      LSET none 0 x
      LINSERT l BEFORE 1 half
      LINSERT l AFTER none x
      LINSERT l FOO 1 x
      LINSERT none BEFORE 1 x
      LREM l 1 half
      LREM l 0 none
      LREM l abc x
      LPOS l 3
      LPOS l none
      LPOS l 3 COUNT 0
      LPOS l 3 RANK 0
      LPOS l 3 RANK -1 MAXLEN 10
      LPOS l none COUNT 1
      LTRIM l 1 -1
      LTRIM l a b
      LPOP l
      RPOP l
      LPOP l 2
      LPOP l 0
      LPOP l -1
      LPOP none
      LPOP none 2
      RPOP none 0
      LPOP l 1 2
      RPUSH l 1 2 3 4 5 6
      LMOVE l m LEFT RIGHT
      LMOVE l m FOO RIGHT
      LMOVE none m LEFT LEFT
      RPOPLPUSH l m
      RPOPLPUSH l l
      RPOPLPUSH none x
      LMPOP 2 none l LEFT
      LMPOP 1 l RIGHT COUNT 2
      LMPOP 1 none LEFT
      LMPOP 0 l LEFT
      LMPOP abc l LEFT
      LMPOP 1 l FOO
      LMPOP 1 l LEFT COUNT 0
      SORT m
      SORT m DESC LIMIT 0 1
      SORT m ALPHA
      SORT m BY nosort GET # GET w_*
      SORT m STORE sorted
      SORT_RO m
      SORT_RO m STORE x
      RPUSH words b a
      SORT words
      SORT words FOO
      LRANGE sorted 0 -1
      SET s 1
      LPUSH s 1
      LRANGE s 0 -1
      LMOVE l s LEFT LEFT
      SORT s
    `,
  },
  {
    title: 'sets',
    lines: String.raw`
      SADD s 1 2 3
      SADD s 3 4
      SADD s
      SREM s 4 none
      SCARD s
      SCARD none
      SMEMBERS s
      SMEMBERS none
      SISMEMBER s 1
      SISMEMBER s x
      SMISMEMBER s 1 x 3
      SMISMEMBER none 1 x
      SADD t 3 4 5
      SINTER s t
      SINTER s none
      SINTERCARD 2 s t
      SINTERCARD 2 s t LIMIT 1
      SINTERCARD 0 s
      SINTERCARD 5 s
      SINTERCARD 1 s LIMIT -1
      SUNION s t
      SDIFF s t
      SINTERSTORE d s t
      SUNIONSTORE d s t
      SDIFFSTORE d s t
      SDIFFSTORE d none
      SMOVE s t 1
      SMOVE s t none
      SRANDMEMBER none
      SRANDMEMBER none 3
      SRANDMEMBER s 0
      SRANDMEMBER s abc
      SRANDMEMBER s ~shape
      SRANDMEMBER s 100 ~unordered
      SPOP none
      SPOP none 1
      SPOP s -1
      SPOP s 0
      SPOP s 100 ~unordered
      SADD words a b c "" "\x00"
      SMEMBERS words ~unordered
      SSCAN words 0 COUNT 100 ~unordered
      SSCAN t 0
      SSCAN none 0
      SSCAN t x
      SUNION words t ~unordered
      SET str 1
      SADD str x
      SMEMBERS str
      SINTER t str
      SUNIONSTORE d t str
    `,
  },
  {
    title: 'sorted sets',
    lines: `
      ZADD z 1 a 2 b 3 c
      ZADD z NX 5 a
      ZADD z XX CH 5 a
      ZADD z GT CH 1 a
      ZADD z INCR 1 a
      ZADD z NX INCR 1 a
      ZADD z NX XX 1 a
      ZADD z GT LT 1 a
      ZADD z INCR 1 a 2 b
      ZADD z abc a
      ZADD z nan a
      ZADD z inf i -inf j 1.5 f 1e300 g
      ZADD z 1
      ZADD z
      ZSCORE z a
      ZSCORE z i
      ZSCORE z j
      ZSCORE z f
      ZSCORE z g
      ZSCORE z none
      ZSCORE none a
      ZMSCORE z a none f
      ZINCRBY z 0.1 f
      ZINCRBY z -inf i
      ZINCRBY z abc a
      ZCARD z
      ZCOUNT z -inf +inf
      ZCOUNT z (1 3
      ZCOUNT z a b
      ZRANK z b
      ZRANK z none
      ZREVRANK z b
      ZRANGE z 0 -1
      ZRANGE z 0 -1 WITHSCORES
      ZRANGE z 0 -1 REV
      ZRANGE z (1 3 BYSCORE LIMIT 0 1
      ZRANGE z - + BYLEX
      ZRANGE z 0 1 LIMIT 0 1
      ZRANGE z 0 1 FOO
      ZRANGE z a b
      ZREVRANGE z 0 -1 WITHSCORES
      ZRANGEBYSCORE z -inf +inf WITHSCORES
      ZRANGEBYSCORE z 1 2 LIMIT 1 1
      ZREVRANGEBYSCORE z +inf -inf
      ZRANGEBYLEX z - +
      ZRANGEBYLEX z a b
      ZREVRANGEBYLEX z + -
      ZLEXCOUNT z [a [c
      ZRANGESTORE dst z 0 1
      ZADD y 1 a 2 x
      ZUNION 2 z y
      ZUNION 2 z y WITHSCORES WEIGHTS 1 2 AGGREGATE MAX
      ZUNION 2 z
      ZUNION 0 z
      ZUNION 2 z y WEIGHTS 1
      ZUNION 2 z y AGGREGATE FOO
      ZINTER 2 z y WITHSCORES
      ZINTERCARD 2 z y
      ZINTERCARD 2 z y LIMIT -1
      ZDIFF 2 z y WITHSCORES
      ZUNIONSTORE d 2 z y
      ZINTERSTORE d 2 z y
      ZDIFFSTORE d 2 z y
      ZREM z a none
      ZREMRANGEBYRANK z 0 0
      ZREMRANGEBYSCORE z 5 6
      ZREMRANGEBYLEX z [x [y
      ZPOPMIN z
      ZPOPMAX z 2
      ZPOPMIN z 0
      ZPOPMIN z -1
      ZPOPMIN none
      ZPOPMAX none 2
      ZMPOP 1 z MIN
      ZMPOP 1 none MIN
      ZMPOP 1 z FOO
      ZMPOP 2 y none MAX COUNT 5
      ZADD y 1 a 2 b
      ZRANDMEMBER none
      ZRANDMEMBER y 0
      ZRANDMEMBER y 100 WITHSCORES
      ZRANDMEMBER y ~shape
      ZRANDMEMBER y abc
      ZSCAN y 0
      ZSCAN none 0
      ZSCORE y
      SET s 1
      ZADD s 1 a
      ZRANGE s 0 -1
      ZUNION 2 y s
    `,
  },
  {
    title: 'streams',
    lines: `
      XADD s 1-1 a 1
      XADD s 1-2 b 2 c 3
      XADD s 1-1 a 1
      XADD s 0-0 a 1
      XADD s 5 a 1
      XADD s 5-* a 1
      XADD s abc a 1
      XADD s * a
      XADD other * a 1 ~digits
      XADD none NOMKSTREAM * a 1
      XADD s MAXLEN 3 9-1 d 4
      XADD s MAXLEN ~ 1000 9-2 d 4
      XADD s MAXLEN -1 * a 1
      XADD s MINID 1-2 9-3 d 4
      XLEN s
      XLEN none
      XRANGE s - +
      XRANGE s - + COUNT 1
      XRANGE s (1-1 9
      XRANGE s abc +
      XREVRANGE s + - COUNT 2
      XRANGE none - +
      XREAD STREAMS s 0
      XREAD COUNT 1 STREAMS s other 0 99999999999999
      XREAD STREAMS s $
      XREAD STREAMS none 0
      XREAD STREAMS s
      XREAD STREAMS s abc
      XREAD COUNT abc STREAMS s 0
      XREAD
      XDEL s 9-3 7-7
      XDEL s abc
      XTRIM s MAXLEN 2
      XTRIM s MINID 0
      XTRIM s FOO 1
      XSETID s 20-0
      XSETID s 1-0
      XSETID none 1-0
      XGROUP CREATE s g 0
      XGROUP CREATE s g 0
      XGROUP CREATE none g 0
      XGROUP CREATE made g $ MKSTREAM
      XGROUP CREATECONSUMER s g idle
      XGROUP CREATECONSUMER s nogroup c
      XGROUP SETID s g 0
      XGROUP FOO
      XGROUP HELP
      XREADGROUP GROUP g c COUNT 1 STREAMS s >
      XREADGROUP GROUP g c STREAMS s >
      XREADGROUP GROUP g c STREAMS s >
      XREADGROUP GROUP g c STREAMS s 0
      XREADGROUP GROUP nogroup c STREAMS s >
      XREADGROUP GROUP g c STREAMS none >
      XREADGROUP GROUP g c STREAMS s $
      XPENDING s g
      XPENDING s g - + 10 ~digits
      XPENDING s g - + 10 nobody
      XPENDING s nogroup
      XPENDING none g
      XCLAIM s g c2 0 1-2 JUSTID
      XCLAIM s g c2 abc 1-2
      XAUTOCLAIM s g c3 0 0
      XAUTOCLAIM s g c3 0 0 JUSTID
      XAUTOCLAIM s nogroup c3 0 0
      XACK s g 1-2 77-7
      XACK s nogroup 1-1
      XACK s g abc
      XINFO STREAM s
      XINFO STREAM s FULL ~digits
      XINFO GROUPS s
      XINFO CONSUMERS s g ~digits
      XINFO STREAM none
      XINFO CONSUMERS s nogroup
      XINFO FOO s
      XINFO HELP
      XGROUP DELCONSUMER s g c
      XGROUP DESTROY s g
      XGROUP DESTROY s g
      SET str 1
      XADD str 1-1 a 1
      XREAD STREAMS str 0
      XLEN str
    `,
  },
  {
    title: 'bits, geo and hyperloglogs',
    lines: `
      SETBIT b 7 1
      SETBIT b 7 0
      SETBIT b 4294967296 1
      SETBIT b 1 2
      SETBIT b abc 1
      GETBIT b 7
      GETBIT b -1
      GETBIT none 100
      SET b foobar
      BITCOUNT b
      BITCOUNT b 0 0
      BITCOUNT b 5 30 BIT
      BITCOUNT b 0
      BITCOUNT b 0 1 FOO
      BITCOUNT none
      BITPOS b 1
      BITPOS b 0 0 -1
      BITPOS b 2
      BITPOS none 1
      BITPOS b 1 0 -1 BIT
      SET c abc
      BITOP AND d b c
      BITOP OR d b c
      BITOP XOR d b c
      BITOP NOT d b
      BITOP NOT d b c
      BITOP FOO d b
      GET d
      BITFIELD bf SET u8 0 255 GET u4 0 INCRBY i5 100 1
      BITFIELD bf OVERFLOW FAIL INCRBY u2 0 3
      BITFIELD bf OVERFLOW FOO
      BITFIELD bf GET u64 0
      BITFIELD bf GET i64 #1
      BITFIELD bf FOO
      BITFIELD bf
      BITFIELD_RO bf GET u8 0
      BITFIELD_RO bf SET u8 0 1
      LPUSH l 1
      SETBIT l 0 1
      BITCOUNT l
      BITOP AND d l b
      GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
      GEOADD g NX 1 1 Palermo
      GEOADD g XX CH 13.3 38.1 Palermo
      GEOADD g 200 100 x
      GEOADD g 1 1
      GEODIST g Palermo Catania
      GEODIST g Palermo Catania km
      GEODIST g Palermo Catania foo
      GEODIST g Palermo none
      GEOHASH g Palermo none
      GEOPOS g Palermo none
      GEOPOS none a
      GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC
      GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHCOORD WITHDIST WITHHASH
      GEOSEARCH g FROMMEMBER Palermo BYBOX 400 400 km DESC COUNT 1
      GEOSEARCH g FROMMEMBER none BYRADIUS 1 m
      GEOSEARCH g BYRADIUS 1 m
      GEOSEARCHSTORE gs g FROMLONLAT 15 37 BYRADIUS 200 km
      GEORADIUS g 15 37 200 km WITHDIST ASC
      GEORADIUS g 15 37 200 km STORE gr
      GEORADIUS_RO g 15 37 200 km
      GEORADIUSBYMEMBER g Palermo 200 km
      GEORADIUSBYMEMBER_RO g none 200 km
      ZRANGE gs 0 -1 WITHSCORES
      PFADD h a b c
      PFADD h a
      PFADD h
      PFCOUNT h
      PFCOUNT h none
      PFADD h2 d e
      PFMERGE h3 h h2
      PFCOUNT h3
      PFDEBUG ENCODING h
      PFDEBUG GETREG none
      PFDEBUG FOO h
      SET notpf abc
      PFADD notpf x
      PFCOUNT notpf
      PFCOUNT l
      GET h
    `,
  },
  {
    title: 'scripts',
    lines: String.raw`
      EVAL "return 1" 0
      EVAL "return {1,2,{3,'four'}}" 0
      EVAL "return 'text'" 0
      EVAL "return nil" 0
      EVAL "return false" 0
      EVAL "return true" 0
      EVAL "return 3.99" 0
      EVAL "return {}" 0
      EVAL "return {1,nil,3}" 0
      EVAL "return {ok='fine'}" 0
      EVAL "return {err='broken'}" 0
      EVAL "return {err='ERR with code'}" 0
      EVAL "return {err=''}" 0
      EVAL "return {double=3.5}" 0
      EVAL "return {map={a=1}}" 0
      EVAL "return {set={a=true}}" 0
      EVAL "return {big_number='12345678901234567890'}" 0
      EVAL "return {verbatim_string={format='txt', string='words'}}" 0
      EVAL "redis.setresp(3); return redis.call('hgetall', KEYS[1])" 1 none
      EVAL "redis.setresp(3); return redis.call('zscore', KEYS[1], 'a')" 1 none
      EVAL "redis.setresp(4)" 0
      EVAL "return redis.error_reply('MY error')" 0
      EVAL "return redis.status_reply('TAKEN')" 0
      EVAL "return {KEYS[1], ARGV[1], ARGV[2]}" 1 key "\x00\xff" ""
      EVAL "return redis.call('set', KEYS[1], ARGV[1])" 1 k v
      EVAL "return redis.call('get', KEYS[1])" 1 k
      EVAL "return redis.call('incr', KEYS[1])" 1 k
      EVAL "return redis.pcall('incr', KEYS[1])" 1 k
      EVAL "return redis.call('nosuch')" 0
      EVAL "return redis.call('get')" 0
      EVAL "return redis.call()" 0
      EVAL "return redis.call('subscribe', 'x')" 0
      EVAL "return redis.call('blpop', 'nothing', 0)" 0
      EVAL "return redis.call('multi')" 0
      EVAL "error('thrown')" 0
      EVAL "error({err='table'})" 0
      EVAL "this is no lua" 0
      EVAL "return foo" 0
      EVAL "foo = 1" 0
      EVAL "return redis.sha1hex('')" 0
      EVAL "return redis.log(redis.LOG_WARNING, 'said by a test')" 0
      EVAL "local t = {} for i = 1, 200 do t = {t} end return t" 0
      EVAL "return string.rep('x', 100000)" 0
      EVAL "local t = {} for i = 1, 3000 do t[i] = i end return t" 0
      EVAL "return math.random(1000)" 0
      EVAL "return cjson.encode({1, 2, 'x'})" 0
      EVAL "return 'a\r\nb'" 0
      EVAL "return {err='a\r\nb'}" 0
      EVAL "return {ok='a\r\nb'}" 0
      EVAL "return 1"
      EVAL "return 1" 5 a
      EVAL "return 1" -1
      EVAL "return 1" abc
      EVAL "" 0
      EVAL
      EVAL_RO "return redis.call('get', KEYS[1])" 1 k
      EVAL_RO "return redis.call('set', KEYS[1], 'x')" 1 k
      EVAL "#!lua\nreturn 1" 0
      EVAL "#!lua flags=no-writes\nreturn redis.call('set', KEYS[1], 'x')" 1 k
      EVAL "#!lua flags=foo\nreturn 1" 0
      EVAL "#!python\nreturn 1" 0
      EVALSHA 0000000000000000000000000000000000000000 0
      EVALSHA short 0
      EVALSHA
      EVALSHA_RO 0000000000000000000000000000000000000000 0
      SCRIPT LOAD "return 'loaded'"
      SCRIPT LOAD "this is no lua"
      EVALSHA 9f6bd3d1a4b0fdfb0e27d1f2e1ee5ff0b0f3bd6b 0
      EVAL "return redis.sha1hex(ARGV[1])" 0 "return 1"
      EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0
      EVALSHA E0E1F9FABFC9D4800C877A703B823AC0578FF8DB 0
      SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0000000000000000000000000000000000000000
      SCRIPT EXISTS
      SCRIPT KILL
      SCRIPT HELP
      SCRIPT FOO
      SCRIPT
      SCRIPT DEBUG FOO
      SCRIPT FLUSH FOO
      SCRIPT FLUSH ASYNC
      SCRIPT FLUSH
      EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0
      MULTI
      EVAL "return redis.call('get', KEYS[1])" 1 k
      SCRIPT LOAD "return 1"
      EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0
      EXEC
    `,
  },
  {
    title: 'functions',
    lines: String.raw`
      FUNCTION LOAD "#!lua name=lib\nredis.register_function('one', function() return 1 end)\nredis.register_function{function_name='ro', callback=function(k) return redis.call('get', k[1]) end, flags={'no-writes'}}\nredis.register_function('set', function(k, a) return redis.call('set', k[1], a[1]) end)"
      FUNCTION LOAD "#!lua name=lib\nredis.register_function('one', function() return 2 end)"
      FUNCTION LOAD REPLACE "#!lua name=lib\nredis.register_function('one', function() return 2 end)\nredis.register_function{function_name='ro', callback=function(k) return redis.call('get', k[1]) end, flags={'no-writes'}}\nredis.register_function('set', function(k, a) return redis.call('set', k[1], a[1]) end)"
      FUNCTION LOAD "no header"
      FUNCTION LOAD "#!lua name=bad\nreturn 1"
      FUNCTION LOAD "#!lua\nredis.register_function('x', function() end)"
      FUNCTION LOAD FOO bar
      FUNCTION LOAD
      FCALL one 0
      FCALL one
      FCALL one abc
      FCALL one -1
      FCALL one 3 a
      FCALL none 0
      FCALL set 1 k v
      FCALL ro 1 k
      FCALL_RO ro 1 k
      FCALL_RO set 1 k w
      FUNCTION LIST ~unordered
      FUNCTION LIST LIBRARYNAME none
      FUNCTION LIST WITHCODE ~unordered
      FUNCTION LIST FOO
      FUNCTION STATS
      FUNCTION DUMP ~shape
      FUNCTION RESTORE garbage
      FUNCTION DELETE none
      FUNCTION DELETE lib
      FUNCTION KILL
      FUNCTION HELP
      FUNCTION FOO
      FUNCTION
      FUNCTION FLUSH FOO
      FUNCTION FLUSH
      FCALL one 0
      FUNCTION LIST
    `,
  },
  {
    title: 'transactions',
    lines: `
      MULTI
      SET k 1
      INCR k
      GET k
      EXEC
      GET k
      MULTI
      EXEC
      EXEC
      DISCARD
      MULTI
      SET k x
      DISCARD
      DISCARD
      GET k
      MULTI
      MULTI
      SET k 3
      EXEC
      GET k
      MULTI
      GET
      SET k 4
      EXEC
      GET k
      MULTI
      NOSUCH command
      EXEC
      MULTI
      LPUSH k 1
      SET k 5
      INCR k
      EXEC
      MULTI
      EXEC extra
      EXEC
      MULTI extra
      EXEC
      MULTI
      DISCARD extra
      EXEC
      WATCH k
      SET k 6
      MULTI
      SET k 7
      EXEC
      GET k
      WATCH k none
      MULTI
      SET k 8
      EXEC
      GET k
      WATCH none
      SET none 1
      UNWATCH
      MULTI
      GET none
      EXEC
      WATCH none
      SET none 2
      MULTI
      DISCARD
      MULTI
      GET none
      EXEC
      WATCH k
      MULTI
      WATCH k
      GET k
      EXEC
      WATCH
      UNWATCH extra
      WATCH k
      GET k
      MGET k none
      SET unrelated 1
      MULTI
      GET k
      EXEC
      WATCH k
      EVAL "return redis.call('set', 'k', 'by-script')" 0
      MULTI
      GET k
      EXEC
      WATCH k
      SELECT 1
      SET k other-database
      SELECT 0
      MULTI
      GET k
      EXEC
      WATCH k
      FLUSHALL
      MULTI
      GET k
      EXEC
      MULTI
      PING
      ECHO hi
      TIME ~shape
      SELECT 0
      TYPE k
      HGETALL h
      MGET k k2
      EVAL "return {1,{2}}" 0
      BLPOP nothing 0
      BLMOVE nothing x LEFT LEFT 0
      WAIT 0 0
      UNWATCH
      PUBLISH c m
      OBJECT ENCODING k
      DEBUG SLEEP 0
      CONFIG GET maxmemory
      RANDOMKEY
      LASTSAVE x
      EXEC
      MULTI
      MONITOR
      EXEC
      MULTI
      SET k 1
      RPUSH l 1 2
      CLIENT GETNAME
      BLPOP l 0
      BLPOP l 0
      BLPOP l 0
      EXEC
      MULTI
      CLIENT NOSUCH
      SET k 9
      EXEC
      GET k
      MULTI
      HELLO 4
      GET k
      EXEC
      MULTI
      HELLO 2 ~v2
      EXEC ~digits
      MULTI
      AUTH a
      AUTH
      EXEC
      LPUSH l 1
      MULTI
      LLEN l
      EXEC
      DEL l
      MULTI
      SET k 1
      RESET
      EXEC
      GET k
      MULTI
      SET k 2
      QUIT
    `,
  },
  {
    title: 'a transaction that changes the protocol version',
    lines: `
      HSET h a 1
      MULTI
      HGETALL h
      HELLO 3
      HGETALL h
      GET none
      EXEC ~digits
      HGETALL h
      GET none
      MULTI
      HELLO 2
      GET none
      EXEC ~digits
      GET none
      HGETALL h
    `,
  },
  {
    title: 'transactions that another client interferes with',
    lines: `
      SET k 1
      WATCH k
      other: SET k 2
      MULTI
      SET k 3
      EXEC
      GET k
      WATCH k
      other: GET k
      MULTI
      INCR k
      EXEC
      GET k
      WATCH k
      other: MULTI
      other: SET k 5
      other: DISCARD
      MULTI
      INCR k
      EXEC
      WATCH k k2
      other: DEL k2
      other: SET k2 1
      MULTI
      INCR k
      EXEC
      WATCH k
      other: FLUSHALL
      GET k
      MULTI
      INCR k
      EXEC
      MULTI
      INCR k
      other: INCR k
      INCR k
      other: GET k
      EXEC
      other: GET k
      GET k
      WATCH k
      other: SET k 9
      UNWATCH
      MULTI
      GET k
      EXEC
      MULTI
      SET k 1
      other: SET k from-other
      DISCARD
      GET k
    `,
  },
  {
    title: 'channels',
    lines: `
      PUBLISH c nobody
      SPUBLISH c nobody
      PUBLISH c
      PUBSUB CHANNELS
      PUBSUB NUMPAT
      PUBSUB NUMSUB
      PUBSUB NUMSUB a b
      PUBSUB SHARDCHANNELS
      PUBSUB SHARDNUMSUB a
      PUBSUB FOO
      PUBSUB HELP
      PUBSUB
      SUBSCRIBE
      UNSUBSCRIBE
      PUNSUBSCRIBE
      UNSUBSCRIBE a b ~x2
      SUBSCRIBE a
      SUBSCRIBE a b c ~x3
      PSUBSCRIBE p* [ab]
      await
      PING
      PING text
      PING a b
      GET k
      SET k v
      NOSUCH command
      GET
      MULTI
      EXEC
      SELECT 1
      HELLO 2 ~v2
      CLIENT ID ~digits
      SUBSCRIBE
      UNSUBSCRIBE a
      UNSUBSCRIBE none
      UNSUBSCRIBE b c ~x2
      PUNSUBSCRIBE p*
      PUNSUBSCRIBE [ab]
      PUNSUBSCRIBE
      UNSUBSCRIBE
      GET k
      SUBSCRIBE a
      RESET
      GET k
      SUBSCRIBE a
      QUIT
    `,
  },
  {
    title: 'messages to oneself',
    lines: `
      HELLO 3 ~digits
      SUBSCRIBE c
      PUBLISH c hello ~x2
      PSUBSCRIBE c*
      PUBLISH c hello ~x3
      GET k
      SET k v
      GET k
      MULTI
      SET k w
      GET k
      EXEC
      PUBSUB CHANNELS
      PUBSUB NUMSUB c
      PUBSUB NUMPAT
      UNSUBSCRIBE c
      PUBLISH c again ~x2
      PUNSUBSCRIBE
      PUBLISH c nobody
      GET k
    `,
  },
  {
    title: 'messages from another client',
    lines: String.raw`
      SUBSCRIBE c "bin\x00\xff"
      await
      other: PUBLISH c one
      await
      other: PUBLISH "bin\x00\xff" "\r\n\x00"
      await
      other: PUBSUB CHANNELS ~unordered
      PSUBSCRIBE c*
      other: PUBLISH c two
      await ~x2
      other: PUBSUB NUMPAT
      UNSUBSCRIBE c
      other: PUBLISH c three
      await
      PUNSUBSCRIBE
      other: PUBLISH c four
      UNSUBSCRIBE
      other: PUBSUB CHANNELS
      GET k
      SUBSCRIBE c
      RESET
      other: PUBLISH c five
      GET k
    `,
  },
  {
    title: 'shard channels',
    lines: `
      SSUBSCRIBE s
      SUNSUBSCRIBE none
      other: SPUBLISH s one
      await
      other: PUBSUB SHARDCHANNELS
      other: PUBSUB SHARDNUMSUB s
      SSUBSCRIBE t
      other: SPUBLISH t two
      await
      PING
      SUNSUBSCRIBE s
      SUNSUBSCRIBE
      SUNSUBSCRIBE
      other: SPUBLISH s three
      SSUBSCRIBE
      GET k
    `,
  },
  {
    title: 'subscribing inside a transaction',
    lines: `
      MULTI
      SUBSCRIBE c
      SET k 1
      EXEC
      PING
      GET k
      UNSUBSCRIBE c
      GET k
      MULTI
      PSUBSCRIBE p*
      PUNSUBSCRIBE p*
      UNSUBSCRIBE none
      EXEC
      GET k
    `,
  },
  {
    title: 'keyspace notifications',
    lines: `
      CONFIG SET notify-keyspace-events KEA
      PSUBSCRIBE __key*@0__:*
      other: SET k v
      await ~x2
      other: EXPIRE k 1000
      await ~x2
      other: DEL k
      await ~x2
      PUNSUBSCRIBE
      CONFIG SET notify-keyspace-events ""
    `,
  },
  {
    title: 'blocking commands',
    lines: `
      RPUSH q a b c d e f g
      BLPOP q 0
      BLPOP none q 0
      BRPOP q 0
      BLMOVE q q2 LEFT RIGHT 0
      BRPOPLPUSH q q2 0
      BLMPOP 0 2 none q LEFT COUNT 2
      BLPOP none 0.01
      BLPOP none none2 0.01
      BRPOP none 0.01
      BLMOVE none q LEFT RIGHT 0.01
      BRPOPLPUSH none q 0.01
      BLMPOP 0.01 1 none LEFT
      BLPOP q abc
      BLPOP q -1
      BLPOP q
      BLPOP
      BLPOP q 99999999999999999999
      BLPOP q inf
      BLMOVE q q2 FOO RIGHT 0
      BLMPOP 0 0 q LEFT
      BLMPOP abc 1 q LEFT
      ZADD z 1 a 2 b 3 c
      BZPOPMIN z 0
      BZPOPMAX none z 0
      BZMPOP 0 1 z MIN
      BZPOPMIN none 0.01
      BZPOPMAX z 0.01
      BZMPOP 0.01 1 none MIN
      BZPOPMIN z abc
      BZMPOP 0 1 z FOO
      XADD s 1-1 a 1
      XREAD BLOCK 10 STREAMS s 0
      XREAD BLOCK 10 STREAMS s $
      XREAD BLOCK 0 STREAMS s 0
      XREAD BLOCK abc STREAMS s 0
      XREAD BLOCK -1 STREAMS s 0
      XGROUP CREATE s g 0
      XREADGROUP GROUP g c BLOCK 10 STREAMS s >
      XREADGROUP GROUP g c BLOCK 10 STREAMS s >
      XREADGROUP GROUP g c BLOCK 0 STREAMS s 0
      WAIT 0 0
      WAIT 1 10
      WAIT abc 0
      WAIT 0 -1
      WAIT 0
      SET str 1
      BLPOP str 0
      BLPOP none str 0
      BZPOPMIN str 0
      XREAD BLOCK 10 STREAMS str 0
      GET str
      BLPOP none 0.01
      GET str
      SET str 2
      BLPOP none 0.01
      GET str
    `,
  },
  {
    title: 'clients that block until another one acts',
    lines: `
      BLPOP q 0 ~x0
      other: RPUSH q a b
      await
      BLPOP q 0
      BRPOP p q 0 ~x0
      other: RPUSH q c
      await
      BLMOVE q r LEFT RIGHT 0 ~x0
      other: RPUSH q d
      await
      LRANGE r 0 -1
      BZPOPMIN z 0 ~x0
      other: ZADD z 1 a 2 b
      await
      XREAD BLOCK 0 STREAMS s $ ~x0
      other: XADD s 5-5 a 1
      await
      BLPOP q 0 ~x0
      GET k ~x0
      ECHO behind ~x0
      other: SET k v
      other: RPUSH q e
      await ~x3
      BLPOP q 0 ~x0
      other: SET q string
      other: DEL q
      other: RPUSH q f
      await
      BLPOP q 0 ~x0
      other: MULTI
      other: RPUSH q g
      other: LPUSH q h
      other: EXEC
      await
      LRANGE q 0 -1
      XGROUP CREATE s g $
      XREADGROUP GROUP g c BLOCK 0 STREAMS s > ~x0
      other: XGROUP DESTROY s g
      await
      BRPOPLPUSH q3 str 0 ~x0
      other: SET str 1
      other: RPUSH q3 x
      await
    `,
  },
  {
    title: 'protocol versions',
    lines: `
      HELLO ~digits
      HELLO 2 ~digits
      HELLO 3 ~digits
      GET none
      HELLO 2 ~digits
      GET none
      HELLO 4
      HELLO 1
      HELLO 0
      HELLO -1
      HELLO abc
      HELLO 3.0
      HELLO 99999999999999999999
      HELLO ""
      HELLO 3 FOO
      GET none
      HELLO 3 SETNAME
      HELLO 3 AUTH
      HELLO 3 AUTH default
      HELLO 3 AUTH nobody wrong
      GET none
      HELLO 3 AUTH nobody wrong SETNAME x
      HELLO 3 SETNAME "with space"
      HELLO 3 SETNAME named ~digits
      CLIENT GETNAME
      HELLO 3 AUTH default anything ~digits
      HELLO 2 AUTH default anything SETNAME both ~digits
      CLIENT GETNAME
      hello 3 setname lower ~digits
      HGETALL none
      SMEMBERS none
      ZADD z 1.5 a
      ZRANGE z 0 -1 WITHSCORES
      ZSCORE z a
      HSET h a 1
      HGETALL h
      CONFIG GET maxmemory
      XADD s 1-1 a 1
      XREAD STREAMS s 0
      COMMAND INFO get nosuch
      LATENCY HELP
      DEBUG PROTOCOL string
      DEBUG PROTOCOL integer
      DEBUG PROTOCOL double
      DEBUG PROTOCOL null
      DEBUG PROTOCOL array
      DEBUG PROTOCOL set
      DEBUG PROTOCOL map
      DEBUG PROTOCOL attrib
      DEBUG PROTOCOL push ~x2
      DEBUG PROTOCOL verbatim
      DEBUG PROTOCOL true
      DEBUG PROTOCOL false
      DEBUG PROTOCOL bignum
      DEBUG PROTOCOL foo
      GET none
      > HELLO 2 ~digits
      DEBUG PROTOCOL double
      DEBUG PROTOCOL null
      DEBUG PROTOCOL map
      DEBUG PROTOCOL attrib
      DEBUG PROTOCOL push
      DEBUG PROTOCOL bignum
      DEBUG PROTOCOL verbatim
      DEBUG PROTOCOL true
      HELLO 3 ~digits
      RESET
      GET none
      HGETALL h
    `,
  },
  {
    title: 'the same keys in both protocol versions',
    lines: `
      SET k v
      GET k
      GET none
      MGET k none
      HELLO 3 ~digits
      GET k
      GET none
      MGET k none
      HELLO 2 ~digits
      GET k
      GET none
      MGET k none
      SET k w
      HELLO 3 ~digits
      GET k
      SET none 1
      GET none
      DEL none
      HELLO 2 ~digits
      GET none
    `,
  },
  {
    title: 'users and rights',
    lines: `
      AUTH
      AUTH wrong
      AUTH nobody wrong
      AUTH a b c
      AUTH default anything
      ACL WHOAMI
      ACL SETUSER alice on >secret ~a:* +get +set +mget +acl|whoami +select +multi +exec +eval
      ACL SETUSER bob off >secret
      ACL SETUSER bad foo
      ACL SETUSER bad >
      SET a:1 one
      SET b:1 two
      MGET a:1 b:1
      GET b:1
      AUTH alice wrong
      ACL WHOAMI
      AUTH bob secret
      AUTH alice secret
      ACL WHOAMI
      GET a:1
      GET b:1
      MGET a:1 b:1
      SET b:1 x
      SET a:1 two
      GET a:1
      DEL a:1
      CONFIG GET maxmemory
      ACL LIST
      KEYS *
      EVAL "return redis.call('get', 'b:1')" 0
      EVAL "return redis.call('del', 'a:1')" 0
      MULTI
      GET a:1
      GET b:1
      EXEC
      MULTI
      GET a:1
      EXEC
      SUBSCRIBE c
      HELLO 3 ~digits
      AUTH default ""
      ACL WHOAMI
      GET b:1
      HELLO 3 AUTH alice secret ~digits
      HELLO 2 AUTH alice secret ~digits
      ACL WHOAMI
      GET b:1
      AUTH alice wrong
      GET a:1
      RESET
      ACL WHOAMI
      GET b:1
      ACL LIST ~shape
      ACL USERS
      ACL GETUSER alice ~shape
      ACL GETUSER bob
      ACL GETUSER nobody
      ACL DRYRUN alice get b:1
      ACL DRYRUN alice get a:1
      ACL DRYRUN nobody get a:1
      ACL CAT foo
      ACL CAT scripting ~unordered
      ACL GENPASS ~shape
      ACL GENPASS abc
      ACL LOG RESET
      ACL LOG abc
      ACL LOAD
      ACL SAVE
      ACL HELP
      ACL FOO
      ACL
      ACL DELUSER default
      ACL DELUSER alice bob
      AUTH alice secret
    `,
  },
  {
    title: 'rights that change under a client',
    lines: `
      ACL SETUSER carol on >secret ~* +@all
      other: AUTH carol secret
      other: SET k v
      other: GET k
      other: MGET k
      ACL SETUSER carol -mget
      other: MGET k
      other: GET k
      ACL SETUSER carol resetkeys ~other
      other: GET k
      ACL SETUSER carol ~*
      other: GET k
      ACL SETUSER carol -@all
      other: GET k
      other: PING
      GET k
      ACL SETUSER carol +@all
      other: GET k
      ACL DELUSER carol
      GET k
    `,
  },
  {
    title: 'commands about the connection',
    lines: String.raw`
      PING
      PING text
      PING ""
      PING a b
      ECHO hello
      ECHO
      ECHO a b
      echo "\x00\xff\r\n"
      TIME ~digits
      TIME x
      CLIENT
      CLIENT FOO
      CLIENT FOO bar
      CLIENT ID ~digits
      CLIENT ID x
      CLIENT GETNAME
      CLIENT SETNAME
      CLIENT SETNAME one two
      CLIENT SETNAME name
      CLIENT GETNAME
      CLIENT GETNAME x
      CLIENT SETNAME "with space"
      CLIENT SETNAME "new\nline"
      CLIENT GETNAME
      CLIENT SETNAME ""
      CLIENT GETNAME
      CLIENT INFO ~shape
      CLIENT INFO x
      CLIENT LIST ~shape
      CLIENT LIST TYPE normal ~shape
      CLIENT LIST TYPE foo
      CLIENT LIST ID 999999999 ~shape
      CLIENT LIST ID abc
      CLIENT LIST FOO
      CLIENT KILL
      CLIENT KILL 1.2.3.4:5
      CLIENT KILL FOO bar
      CLIENT KILL ID abc
      CLIENT KILL ID 999999999
      CLIENT KILL TYPE foo
      CLIENT KILL USER nobody
      CLIENT KILL ADDR 1.2.3.4:5
      CLIENT KILL SKIPME foo
      CLIENT NO-EVICT ON
      CLIENT NO-EVICT OFF
      CLIENT NO-EVICT foo
      CLIENT NO-EVICT
      CLIENT UNBLOCK 999999999
      CLIENT UNBLOCK abc
      CLIENT UNBLOCK 999999999 FOO
      CLIENT UNBLOCK
      CLIENT GETREDIR
      CLIENT TRACKINGINFO
      CLIENT CACHING YES
      CLIENT CACHING foo
      CLIENT TRACKING foo
      CLIENT TRACKING
      CLIENT TRACKING ON PREFIX a
      CLIENT TRACKING ON BCAST OPTIN
      CLIENT TRACKING ON OPTIN OPTOUT
      CLIENT TRACKING ON REDIRECT 999999999
      CLIENT TRACKING ON REDIRECT abc
      CLIENT TRACKING OFF
      CLIENT PAUSE abc
      CLIENT PAUSE 0 FOO
      CLIENT PAUSE -1
      CLIENT UNPAUSE
      CLIENT REPLY
      CLIENT REPLY FOO
      CLIENT REPLY ON
      CLIENT HELP
      COMMAND COUNT
      COMMAND FOO
      COMMAND GETKEYS GET k
      COMMAND GETKEYS MSET a 1 b 2
      COMMAND GETKEYS EVAL "return 1" 2 a b c
      COMMAND GETKEYS PING
      COMMAND GETKEYS nosuch
      COMMAND GETKEYS
      COMMAND GETKEYSANDFLAGS SET k v
      COMMAND DOCS get
      COMMAND DOCS nosuch
      COMMAND INFO get set nosuch
      COMMAND INFO ~unordered
      COMMAND LIST FILTERBY PATTERN xr* ~unordered
      COMMAND LIST FILTERBY FOO bar
      COMMAND HELP
      COMMAND ~unordered
      RESET x
      QUIT x
    `,
  },
  {
    title: 'replies that are switched off',
    lines: `
      CLIENT REPLY ON
      CLIENT REPLY SKIP ~x0
      SET k 1 ~x0
      GET k
      CLIENT REPLY OFF ~x0
      SET k 2 ~x0
      GET k ~x0
      NOSUCH ~x0
      PING ~x0
      CLIENT REPLY SKIP ~x0
      MULTI ~x0
      INCR k ~x0
      EXEC ~x0
      GET ~x0
      SELECT 1 ~x0
      SET k one ~x0
      CLIENT REPLY ON
      GET k
      SELECT 0
      GET k
      CLIENT REPLY SKIP ~x0
      CLIENT REPLY SKIP ~x0
      GET k ~x0
      GET k
      CLIENT REPLY SKIP ~x0
      GET k ~x0
      GET k
      CLIENT REPLY SKIP ~x0
      BLPOP none 0.01 ~x0
      GET k
      CLIENT REPLY OFF ~x0
      RPUSH q a ~x0
      BLPOP q 0 ~x0
      HELLO 3 ~x0
      CLIENT REPLY ON
      GET none
      LLEN q
      CLIENT REPLY SKIP ~x0
      HELLO 2 ~x0
      GET none
      CLIENT REPLY OFF ~x0
      RESET
      GET k
    `,
  },
  {
    title: "Redis's own client-side caching",
    lines: `
      CLIENT TRACKING ON ~v3
      CLIENT TRACKING ON ~v2
      CLIENT TRACKINGINFO
      CLIENT GETREDIR
      GET k
      other: SET k 1
      await ~x0/1
      GET k
      GET k
      other: SET k 2
      await ~x0/1
      GET k
      SET k mine ~x1/2
      other: SET k 3
      GET k
      MGET k k2
      other: DEL k k2
      await ~x0/1
      CLIENT CACHING YES
      CLIENT TRACKING ON BCAST
      CLIENT TRACKING OFF
      GET k
      other: SET k 4
      GET k
      CLIENT TRACKING ON NOLOOP OPTIN
      GET k
      CLIENT CACHING YES
      GET k
      SET k 5
      CLIENT CACHING NO
      CLIENT TRACKINGINFO
      CLIENT TRACKING OFF
      CLIENT TRACKINGINFO
      GET k
    `,
  },
  {
    title: 'a connection that is reset',
    lines: `
      RESET
      SELECT 3
      SET k three
      CLIENT SETNAME named
      RESET
      GET k
      CLIENT GETNAME
      HELLO 3 ~digits
      GET none
      RESET
      GET none
      MULTI
      SET k 1
      RESET
      EXEC
      WATCH k
      SET k 2
      RESET
      MULTI
      GET k
      EXEC
      SUBSCRIBE a
      RESET
      GET k
      CLIENT REPLY SKIP ~x0
      RESET ~x0
      GET k
      RESET
      RESET
      QUIT
    `,
  },
  {
    title: 'inline commands',
    lines: String.raw`
      > PING
      > SET k "hello world"
      > GET k
      > get   k
      > SET k 'single \' quote'
      > GET k
      > SET k "\x00\xff\n\r\t\b\a\\\"\q"
      > GET k
      > SET k ""
      > GET k
      > SET "" ''
      > GET ""
      > SET k a"b"
      > GET k
      > SET k "a"b
      closed
    `,
  },
  {
    title: 'inline commands among arrays',
    lines: `
      > SET k 1
      GET k
      > GET k
      >
      >
      GET k
      > MULTI
      GET k
      > INCR k
      EXEC
      > MGET k none
      > EXEC
      > NOSUCH a b
      > GET
      > BLPOP none 0.01
      > EVAL "return 'x y'" 0
      > SUBSCRIBE a
      > UNSUBSCRIBE a
      > ECHO	tab	separated ~x1
      > GET k
      > QUIT
    `,
  },
  {
    title: 'commands that do not exist, and ones that are given wrongly',
    lines: String.raw`
      NOSUCH
      NOSUCH a b c
      NOSUCH "" "\x00" "\r\n"
      "no\r\nsuch" a
      "\x00\xff"
      ""
      nosuchcommandnosuchcommandnosuchcommandnosuchcommandnosuchcommandnosuchcommandnosuchcommandnosuchcommandnosuchcommandnosuchcommandnosuchcommandnosuchcommand
      NOSUCH aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb cccccccccccccccccccccccccccccccccccccccccccccccccccc dddddddddddddd
      SET|GET k
      CLIENT|LIST
      " GET" k
      "GET " k
      "GET\x00" k
      GET k v w
      SET k
      HSET h f
      MGET
      DEL
      INCRBY k
      CONFIG
      CONFIG FOO
      CONFIG GET
      CONFIG SET
      CONFIG SET nosuch 1
      CONFIG SET maxmemory abc
      CONFIG SET maxmemory 0 maxmemory 0
      CONFIG SET maxmemory
      CONFIG GET nosuch
      CONFIG GET maxmemory-policy
      CONFIG SET port abc
      CONFIG REWRITE
      CONFIG RESETSTAT
      CONFIG RESETSTAT x
      CONFIG HELP
      DEBUG
      DEBUG FOO
      DEBUG SLEEP
      DEBUG SLEEP 0
      DEBUG STRINGMATCH-LEN 10 a*
      DEBUG JMAP
      DEBUG ERROR "MY error"
      DEBUG ERROR "with\r\nline"
      DEBUG HELP
      CLUSTER INFO
      CLUSTER
      ASKING
      READONLY
      READWRITE
      ROLE
      REPLICAOF
      REPLICAOF NO ONE
      REPLICAOF NO abc
      SLAVEOF NO ONE
      REPLCONF
      REPLCONF listening-port
      REPLCONF listening-port 1234
      REPLCONF listening-port abc
      REPLCONF foo bar
      FAILOVER
      FAILOVER ABORT
      FAILOVER FOO
      SHUTDOWN FOO
      SHUTDOWN ABORT
      LASTSAVE ~digits
      BGSAVE FOO
      SLOWLOG
      SLOWLOG RESET
      SLOWLOG LEN ~digits
      SLOWLOG GET abc
      SLOWLOG GET -5
      SLOWLOG FOO
      SLOWLOG HELP
      LATENCY RESET
      LATENCY LATEST
      LATENCY HISTORY foo
      LATENCY GRAPH foo
      LATENCY FOO
      LATENCY DOCTOR ~shape
      MEMORY
      MEMORY STATS ~shape
      MEMORY MALLOC-STATS ~shape
      MEMORY PURGE
      MODULE
      MODULE LIST
      MODULE UNLOAD none
      MODULE FOO
      INFO ~shape
      INFO server ~shape
      INFO nosuch
      INFO nosuch alsonot
      LOLWUT ~shape
      PFSELFTEST x
      RESTORE-ASKING
      MIGRATE 127.0.0.1 1 none 0 10
      MIGRATE 127.0.0.1
      OBJECT FREQ none
      XINFO
      GEOADD
      POST ~x0
      closed
    `,
  },
  {
    title: 'thousands of elements and long arguments',
    lines: `
      EVAL "for i = 1, 5000 do redis.call('rpush', 'l', i) end return redis.call('llen', 'l')" 0
      LRANGE l 0 -1
      EVAL "return redis.call('set', 'big', string.rep('abcdefghij', 30000))" 0
      GET big
      GET big
      MGET big big
      GETRANGE big 10 20
      EVAL "for i = 1, 500 do redis.call('hset', 'h', 'field' .. i, i) end" 0
      HLEN h
      HGETALL h ~unordered
      EVAL "return redis.call('set', 'huge', string.rep('x', 2000000))" 0
      GET huge
      STRLEN huge
      GET huge
      APPEND huge y
      GET huge
      EVAL "local t = {} for i = 1, 100 do t[i] = string.rep('y', i * 50) end return t" 0
    `,
  },
];

/** What is answered without the password, and with it: both servers ask for it, the proxy has none of its own. */
export const behindPassword: Topic = {
  title: 'a server that asks for a password',
  lines: `
    GET k
    PING
    NOSUCH
    GET
    MULTI
    EXEC
    SUBSCRIBE c
    HELLO
    HELLO 3
    HELLO 3 SETNAME x
    CLIENT GETNAME
    AUTH wrong
    AUTH default wrong
    HELLO 3 AUTH default wrong
    > GET k
    RESET
    GET k
    AUTH secret
    GET k
    SET k v
    GET k
    AUTH wrong
    GET k
    HELLO 3 ~digits
    GET k
    RESET
    GET k
    HELLO 3 AUTH default secret ~digits
    GET k
    MULTI
    GET k
    EXEC
    QUIT
  `,
};
