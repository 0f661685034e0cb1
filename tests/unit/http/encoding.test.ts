import {
  bulkValue,
  encodeFrame,
  encodeFrames,
  encodeTransaction,
  errorText,
  isError,
} from '../../../src/http/encoding';

const frame = (text: string) => Buffer.from(text, 'latin1');
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('one reply as JSON', () => {
  test.each([
    ['+OK\r\n', '{"result":"OK"}'],
    ['+PONG\r\n', '{"result":"PONG"}'],
    ['-ERR "no"\r\n', '{"error":"ERR \\"no\\""}'],
    [':-9223372036854775808\r\n', '{"result":-9223372036854775808}'],
    ['$-1\r\n', '{"result":null}'],
    ['$0\r\n\r\n', '{"result":""}'],
    ['$4\r\na\r\nb\r\n', '{"result":"a\\r\\nb"}'],
    ['$3\r\n\xe2\x82\xac\r\n', '{"result":"€"}'],
    ['$2\r\n\xff\x00\r\n', '{"result":"\ufffd\\u0000"}'],
    ['*-1\r\n', '{"result":null}'],
    ['*0\r\n', '{"result":[]}'],
    ['*2\r\n*0\r\n*-1\r\n', '{"result":[[],null]}'],
    [
      '*5\r\n:1\r\n*2\r\n$1\r\na\r\n*1\r\n+OK\r\n$-1\r\n-ERR x\r\n$1\r\nb\r\n',
      '{"result":[1,["a",["OK"]],null,"ERR x","b"]}',
    ],
  ])('%j', (reply, json) => {
    expect(encodeFrame(frame(reply), 'utf8')).toBe(json);
  });

  test.each([
    ['+OK\r\n', '{"result":"OK"}'],
    ['+PONG\r\n', `{"result":"${base64('PONG')}"}`],
    ['$2\r\nOK\r\n', `{"result":"${base64('OK')}"}`],
    ['$-1\r\n', '{"result":null}'],
    [':7\r\n', '{"result":7}'],
    ['-ERR no\r\n', '{"error":"ERR no"}'],
    ['$2\r\n\xff\x00\r\n', '{"result":"/wA="}'],
    [
      '*3\r\n$1\r\na\r\n*2\r\n$-1\r\n:1\r\n+OK\r\n',
      `{"result":["${base64('a')}",[null,1],"${base64('OK')}"]}`,
    ],
  ])('%j with its strings in base64', (reply, json) => {
    expect(encodeFrame(frame(reply), 'base64')).toBe(json);
  });

  test('nested deeper than the stack is high', () => {
    const depth = 200_000;
    const json = String(encodeFrame(frame(`${'*1\r\n'.repeat(depth)}:1\r\n`), 'utf8'));
    expect(json).toBe(`{"result":${'['.repeat(depth)}1${']'.repeat(depth)}}`);
  });

  test('long ones are bytes, and the same JSON', () => {
    const items = Array.from({ length: 50_000 }, (_, index) => `${index} 😀`);
    const reply = items.map((item) => `$${Buffer.byteLength(item)}\r\n${item}\r\n`).join('');
    const json = encodeFrame(Buffer.from(`*${items.length}\r\n${reply}`), 'utf8');
    expect(Buffer.isBuffer(json)).toBe(true);
    expect(JSON.parse(json.toString())).toEqual({ result: items });
    const all = encodeFrames(
      [frame('+OK\r\n'), Buffer.from(`*${items.length}\r\n${reply}`), frame(':1\r\n')],
      'utf8',
    );
    expect(JSON.parse(all.toString())).toEqual([{ result: 'OK' }, { result: items }, { result: 1 }]);
  });
});

test('replies of a pipeline, each with its result or error', () => {
  expect(encodeFrames([], 'utf8')).toBe('[]');
  expect(encodeFrames([frame('+OK\r\n'), frame('-ERR x\r\n'), frame('$-1\r\n')], 'utf8')).toBe(
    '[{"result":"OK"},{"error":"ERR x"},{"result":null}]',
  );
});

test('the result of a transaction, likewise', () => {
  const reply = frame('*4\r\n+OK\r\n-ERR x\r\n*1\r\n$1\r\na\r\n:2\r\n');
  expect(encodeTransaction(reply, 'base64')).toBe(
    '[{"result":"OK"},{"error":"ERR x"},{"result":["YQ=="]},{"result":2}]',
  );
  expect(encodeTransaction(frame('*0\r\n'), 'utf8')).toBe('[]');
  expect(encodeTransaction(frame('*-1\r\n'), 'utf8')).toBeUndefined();
  expect(encodeTransaction(frame('+OK\r\n'), 'utf8')).toBeUndefined();
});

test('what a frame is, without decoding it', () => {
  expect(bulkValue(frame('$3\r\na\r\n\r\n'))).toEqual(Buffer.from('a\r\n'));
  expect(bulkValue(frame('$-1\r\n'))).toBeUndefined();
  expect(bulkValue(frame(':1\r\n'))).toBeUndefined();
  expect(isError(frame('-ERR x\r\n'))).toBe(true);
  expect(isError(frame('$4\r\n-ERR\r\n'))).toBe(false);
  expect(errorText(frame('-ERR caf\xc3\xa9\r\n'))).toBe('ERR café');
});
