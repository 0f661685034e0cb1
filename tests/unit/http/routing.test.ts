import { routedUrl } from '../../../src/http/routing';

test.each([
  ['GET', '/', '/'],
  ['POST', '/?x=1', '/'],
  ['GET', '/get/k', '/get/-'],
  ['HEAD', '/GET/k?x=a/b', '/get/-'],
  ['GET', '/get/', '/get/-'],
  ['GET', '/get/a%2Fb', '/get/-'],
  ['POST', '/get/k', '/-/-'],
  ['GET', '/get/a/b', '/-/-'],
  ['GET', '/get', '/-/-'],
  ['GET', '/%67et/k', '/-/-'],
  ['GET', '/set/k/v', '/-/-'],
  ['GET', '/..%2f../etc', '/-/-'],
  ['GET', '/metrics', '/metrics'],
  ['GET', '/Metrics?x=1', '/metrics?x=1'],
  ['GET', '/metrics/x', '/-/-'],
  ['POST', '/multi-exec', '/multi-exec'],
  ['GET', '/fetch?url=http://a/b&key=k', '/fetch?url=http://a/b&key=k'],
  ['GET', '/shelf/k', '/shelf/-'],
  ['GET', '/shelf/a/b', '/nowhere'],
  ['GET', '/subscribe/a%2Fb', '/subscribe/-'],
  ['GET', 'http://localhost/get/k', '/nowhere'],
  ['GET', '*', '/nowhere'],
  ['GET', '', '/nowhere'],
])('%s %s goes to %s', (method, url, route) => {
  expect(routedUrl(method, url)).toBe(route);
});
