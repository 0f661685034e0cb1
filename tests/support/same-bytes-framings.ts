// Byte streams that are wrong, or that look wrong, and what else may follow them on the same connection.

import { command } from './raw-client';

export interface Framing {
  title: string;
  /** One character is one byte. */
  bytes: string;
  /** Only whether the connection is closed counts: which earlier replies still get out is a matter of chance. */
  onlyClose?: boolean;
}

const PING = '*1\r\n$4\r\nPING\r\n';
const behind = command('ECHO', 'behind').toString('latin1');

/** The same length wherever Redis reads one: is it a number, and a possible one? */
const LENGTHS = [
  '',
  '0',
  '-0',
  '-1',
  '-2',
  '-10',
  '+1',
  '01',
  '05',
  ' 1',
  '1 ',
  '1a',
  'abc',
  '1.0',
  '1e1',
  '0x1',
  '1\x00',
  '\x00',
  '\n1',
  '-',
  '--1',
  '2147483647',
  '2147483648',
  '-2147483648',
  '-2147483649',
  '536870912',
  '536870913',
  '1048576',
  '1048577',
  '4294967297',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775808',
  '-9223372036854775809',
  '99999999999999999999',
];

const lengths: Framing[] = LENGTHS.flatMap((length) => {
  const shown = JSON.stringify(length);
  return [
    { title: `${shown} elements`, bytes: `*${length}\r\n${behind}` },
    { title: `${shown} bytes`, bytes: `${PING}*1\r\n$${length}\r\n${behind}` },
    {
      title: `${shown} bytes in the second argument`,
      bytes: `*2\r\n$4\r\nECHO\r\n$${length}\r\nx\r\n${behind}`,
    },
  ];
});

const oneEach = (title: string, all: string[]): Framing[] =>
  all.map((bytes) => ({ title: `${title}: ${JSON.stringify(bytes).slice(0, 80)}`, bytes }));

const nothing = oneEach('frames that get no answer', [
  `*0\r\n${behind}`,
  `*0\r\n*0\r\n*-1\r\n*-1\r\n${behind}`,
  `\r\n${behind}`,
  `\n${behind}`,
  `\r\n\r\n\n\n\r\n${behind}`,
  `   \r\n${behind}`,
  `\t\r\n${behind}`,
  `*0\r\n\r\n*-1\r\n\n${behind}*0\r\n\r\n${behind}`,
  `${command('REPLCONF', 'ACK', '0')}${behind}`,
  `${command('REPLCONF', 'ACK', '0')}${command('REPLCONF', 'ACK', '1')}*0\r\n${behind}`,
  `REPLCONF ACK 0\r\n${behind}`,
  `${command('REPLCONF', 'GETACK', '*')}${behind}`,
]);

const elements = oneEach('elements that are not bulks', [
  `*1\r\n+PING\r\n${behind}`,
  `*1\r\n:4\r\n${behind}`,
  `*1\r\n*1\r\n$4\r\nPING\r\n`,
  `*1\r\n-ERR\r\n`,
  `*1\r\n_\r\n`,
  `*1\r\n\r\n`,
  `*1\r\n\n`,
  `*1\r\n\x00\r\n`,
  `*1\r\n\xff\r\n`,
  `*1\r\nPING\r\n`,
  `*2\r\n$3\r\nGET\r\n+k\r\n`,
  `*2\r\n$3\r\nGET\r\nk\r\n`,
  `*1000000\r\nPING\r\n`,
  `%1\r\n$4\r\nPING\r\n`,
  `~1\r\n${behind}`,
  `$4\r\nPING\r\n`,
  `+PING\r\n${behind}`,
  `-1\r\n${behind}`,
  `:1\r\n${behind}`,
  `>1\r\n${behind}`,
]);

const lineEnds = oneEach('line ends and trailers', [
  '*1\rX$4\rXPINGXX',
  `*1\rX$4\rXPINGXX${behind}`,
  `*1\n$4\r\nPING\r\n`,
  `*1\r\n$4\nPING\r\n${behind}`,
  `*1\r\n$4\r\nPINGxx${behind}`,
  `*1\r\n$4\r\nPING\n\n${behind}`,
  `*1\r\n$3\r\nPING\r\n${behind}`,
  `*1\r\n$5\r\nPING\r\n${behind}`,
  `*1\r\n$6\r\nPING\r\n\r\n${behind}`,
  `*2\r\n$3\r\nGET\r\n$1\r\nkXX${behind}`,
  `*2\r\n$3\r\nGET\rX$1\rXk\r\n${behind}`,
  `*2\rX$3\r\nGET\r\n$1\r\nk\r\n${behind}`,
  `*3\rX$3\rXSETXX$1\rXjXX$3\rXa\r\nXX${behind}`,
  `*1\r\r$4\r\nPING\r\n${behind}`,
  `*1\x00\r\n$4\r\nPING\r\n`,
  `*1\r\n$4\x00\r\nPING\r\n`,
  `*1\r\n$4`,
  `*1\r\n$4\r`,
  `*1\r\n$4\r\nPING`,
  `*1\r\n$4\r\nPING\r`,
  `*1\r`,
  `*`,
]);

const inline = oneEach('inline commands', [
  `PING\n${behind}`,
  `PING\r\n${behind}`,
  `PING\r${behind}`,
  `PING\r\r\n${behind}`,
  `  PING  \r\n${behind}`,
  `PING\tx\r\n${behind}`,
  `PING\vx\r\n${behind}`,
  `PING\x00x\r\n${behind}`,
  `\x00PING\r\n${behind}`,
  `ECHO a\x00b\r\n${behind}`,
  `ECHO "a\x00b"\r\n${behind}`,
  `ECHO "a b" \r\n${behind}`,
  `ECHO 'a b'\r\n${behind}`,
  `ECHO 'a\\'b'\r\n${behind}`,
  `ECHO 'a\\nb'\r\n${behind}`,
  `ECHO "a\\nb\\x41\\xzz\\"\\\\\\q"\r\n${behind}`,
  `ECHO a"b c"\r\n${behind}`,
  `ECHO a'b\r\n${behind}`,
  `ECHO "a\r\n${behind}`,
  `ECHO 'a\r\n${behind}`,
  `ECHO "a"b\r\n${behind}`,
  `ECHO 'a'b\r\n${behind}`,
  `ECHO "a\\\r\n${behind}`,
  `ECHO "a" "b\r\n${behind}`,
  `ECHO '' \r\n${behind}`,
  `"ECHO" "x"\r\n${behind}`,
  `""\r\n${behind}`,
  `'' x\r\n${behind}`,
  `"\r\n${behind}`,
  `{"json": [1, 2]}\r\n${behind}`,
  `<xml a="b">\r\n${behind}`,
  `\xff\xfe\xfd\r\n${behind}`,
  `\x16\x03\x01\x02\x00\x01\xfc\x03\x03\r\n${behind}`,
  `\xef\xbb\xbfPING\r\n${behind}`,
  `SET k \xe4\r\nGET k\r\n${behind}`,
  'PING',
  'PING\r',
  `QUIT\r\n${behind}`,
  `${behind}QUIT\r\nSET after quit\r\n`,
  `${command('QUIT')}${behind}`,
  `${command('QUIT')}*1\r\n+PING\r\n`,
]);

const long: Framing[] = [
  { title: 'an inline command of 60,000 bytes', bytes: `ECHO ${'x'.repeat(60_000)}\r\n${behind}` },
  { title: '65,536 bytes without a line end', bytes: 'x'.repeat(65_536) },
  { title: '65,537 bytes without a line end', bytes: 'x'.repeat(65_537) },
  ...['\x00', '*\x00', '$\x00', '*1\r\n$\x00'].map((head) => ({
    title: `${JSON.stringify(head)} and lines behind it, which a zero byte hides`,
    bytes: head + `${'A'.repeat(1024)}\n`.repeat(70),
  })),
  { title: 'spaces without a line end', bytes: ' '.repeat(66_000) },
  { title: 'a number of elements that never ends', bytes: `*${'1'.repeat(65_537)}` },
  { title: 'a length that never ends', bytes: `*1\r\n$${'1'.repeat(65_537)}` },
  {
    title: 'a length behind a whole command that never ends',
    bytes: `${PING}*2\r\n$4\r\nECHO\r\n$${'1'.repeat(65_537)}`,
  },
  { title: 'a length of 100 zeros', bytes: `*1\r\n$${'0'.repeat(100)}4\r\nPING\r\n` },
  { title: 'a number of elements with 100 zeros', bytes: `*${'0'.repeat(100)}1\r\n$4\r\nPING\r\n` },
  { title: 'a name of 100,000 bytes', bytes: `${command('x'.repeat(100_000), 'y')}${behind}` },
  { title: 'thousands of empty frames', bytes: `${'*0\r\n\r\n*-1\r\n'.repeat(3000)}${behind}` },
  { title: 'a thousand unknown commands', bytes: `${'NOSUCH x\r\n'.repeat(1000)}${behind}` },
  { title: 'thousands of arguments', bytes: `${command('DEL', ...Array(5000).fill('k'))}${behind}` },
];

const http: Framing[] = [
  ...oneEach('the words of HTTP', [
    command('POST').toString(),
    command('POST', '/').toString(),
    command('pOsT', '/', 'HTTP/1.1').toString(),
    command('Host:').toString(),
    command('host:', 'localhost').toString(),
    command('HOST:', 'localhost', 'more').toString(),
    'POST / HTTP/1.1\r\n',
    'post\r\n',
    'Host: localhost\r\n',
    'host:\r\n',
    'POST\n',
    `POSTS\r\n${behind}`,
    `Host\r\n${behind}`,
    `"POST" x\r\n`,
    `GET / HTTP/1.1\r\n${behind}`,
    `HEAD / HTTP/1.0\r\n\r\n${behind}`,
  ]),
  {
    title: 'a GET by HTTP',
    bytes: 'GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: x\r\n\r\n',
    onlyClose: true,
  },
  {
    title: 'a POST by HTTP whose body is a command',
    bytes: 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\nSET evil 1\r\n',
    onlyClose: true,
  },
  {
    title: 'POST behind other commands',
    bytes: `${PING}${command('POST')}${command('SET', 'evil', '1')}`,
    onlyClose: true,
  },
  { title: 'POST in a transaction', bytes: `MULTI\r\nPOST\r\nSET evil 1\r\nEXEC\r\n`, onlyClose: true },
];

export const framings: Framing[] = [
  ...nothing,
  ...lengths,
  ...elements,
  ...lineEnds,
  ...inline,
  ...long,
  ...http,
];

/** What a client may not send before it has given the password. */
export const framingsBeforeAuth: Framing[] = oneEach('before the password', [
  `*10\r\n${'$1\r\na\r\n'.repeat(10)}${behind}`,
  `*11\r\n${'$1\r\na\r\n'.repeat(11)}${behind}`,
  `*1000000\r\n`,
  `*2\r\n$4\r\nECHO\r\n$16384\r\n${'x'.repeat(16_384)}\r\n${behind}`,
  `*2\r\n$4\r\nECHO\r\n$16385\r\n${'x'.repeat(16_385)}\r\n${behind}`,
  `*2\r\n$4\r\nECHO\r\n$536870913\r\n`,
  `*0\r\n\r\n${behind}`,
  `GET k\r\nSET k v\r\n${behind}`,
  `AUTH wrong\r\n*11\r\n`,
  `${command('AUTH', 'secret')}*11\r\n${'$1\r\na\r\n'.repeat(11)}${behind}`,
  `${command('AUTH', 'secret')}*2\r\n$4\r\nECHO\r\n$16385\r\n${'x'.repeat(16_385)}\r\n${behind}`,
  `${command('AUTH', 'secret')}${command('RESET')}*11\r\n${'$1\r\na\r\n'.repeat(11)}${behind}`,
  `POST /\r\n`,
]);
