import { systemClock } from '../../src/clock';

describe('the system clock', () => {
  test('tells milliseconds that only go forward', () => {
    const before = systemClock.now();
    expect(systemClock.now()).toBeGreaterThanOrEqual(before);
  });

  test('calls once, after the time, unless stopped before', async () => {
    const calls: string[] = [];
    systemClock.after(5, () => calls.push('stopped')).stop();
    await new Promise<void>((resolve) => {
      systemClock.after(10, () => {
        calls.push('after');
        resolve();
      });
      setTimeout(() => {}, 50);
    });
    expect(calls).toEqual(['after']);
  });

  test('calls again and again until stopped', async () => {
    let calls = 0;
    await new Promise<void>((resolve) => {
      const timer = systemClock.every(2, () => {
        if (++calls < 3) return;
        timer.stop();
        resolve();
      });
    });
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(calls).toBe(3);
  });

  test('a time beyond what setTimeout can do does not come at once', async () => {
    let called = false;
    const timer = systemClock.after(1e12, () => {
      called = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    timer.stop();
    expect(called).toBe(false);
  });
});
