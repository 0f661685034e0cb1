/** How `make profile` makes microseconds out of what V8's profiler saw. */
import { byRoom, type CpuProfile, READING, selfTimes, spent, WRITING } from '../../bench/cpu-profile';

const frame = (functionName: string, url = '') => ({ functionName, url });

/** Ten microseconds in each of: a hit, a copy made for it, its subarray, a write, the stream around it, and idleness. */
const PROFILE: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 6, 7] },
    { id: 2, callFrame: frame('hit', 'file:///there/dist/session/session.js'), children: [3, 4] },
    { id: 3, callFrame: frame('copy') },
    { id: 4, callFrame: frame('subarray', 'node:buffer') },
    { id: 5, callFrame: frame('writeBuffer') },
    { id: 6, callFrame: frame('onwrite', 'node:internal/streams/writable'), children: [5] },
    { id: 7, callFrame: frame('(idle)') },
  ],
  startTime: 1_000,
  endTime: 1_070,
  samples: [2, 3, 4, 5, 6, 7],
  timeDeltas: [10, 10, 10, 10, 10, 10],
};

test('a sample stands for the time until the next one, as far as it lies within the windows', () => {
  expect([...selfTimes(PROFILE, [[1_015, 1_038]])]).toEqual([
    [2, 5],
    [3, 10],
    [4, 8],
  ]);
  expect([...selfTimes(PROFILE, [[1_065, 2_000]])]).toEqual([[7, 5]]);
});

test("machine code and Buffer's methods are counted to the file that called for them", () => {
  const rooms = byRoom(spent(PROFILE, [[0, 2_000]], 50, 0));
  expect(rooms.get('session/session')).toBe(30);
  expect(rooms.get(WRITING)).toBe(10);
});

test('idleness takes no CPU: what the CPU time leaves unexplained is reading', () => {
  const all = spent(PROFILE, [[0, 2_000]], 58, 0);
  expect(byRoom(all).get(READING)).toBe(8);
  expect(all.reduce((sum, { micros }) => sum + micros, 0)).toBe(58);
});

test('while a thread waits for a CPU it is seen where it stands, and does nothing there', () => {
  const all = spent(PROFILE, [[0, 2_000]], 25, 25);
  expect(byRoom(all).get('session/session')).toBe(15);
});
