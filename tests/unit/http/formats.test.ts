import { formOf } from '../../../src/http/formats';

test('an answer is JSON unless its request says otherwise', () => {
  expect(formOf({ headers: {} })).toEqual({ resp: false, encoding: 'utf8' });
  expect(formOf({ headers: { 'upstash-response-format': 'json', 'upstash-encoding': 'base64' } })).toEqual({
    resp: false,
    encoding: 'base64',
  });
  expect(formOf({ headers: { 'upstash-response-format': 'resp2' } })).toEqual({
    resp: true,
    encoding: 'utf8',
  });
});

test('a form that there is not, and two that exclude each other, are refused', () => {
  expect(() => formOf({ headers: { 'upstash-response-format': 'resp3' } })).toThrow(/give json or resp2/);
  expect(() =>
    formOf({ headers: { 'upstash-response-format': 'resp2', 'upstash-encoding': 'base64' } }),
  ).toThrow(/means nothing/);
});
