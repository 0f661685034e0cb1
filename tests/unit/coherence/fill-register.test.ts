import fc from 'fast-check';
import { type Claim, FillRegister } from '../../../src/coherence/fill-register';
import { createStats } from '../../../src/telemetry/stats';

let asked = 0;

/** A read of one key; others may share it unless it is one of many. */
function claimOf(key: string, isShareable = true): Claim {
  asked += 1;
  const shareable = isShareable ? { order: asked, join: () => undefined } : undefined;
  return { key, shareable, cancelled: false, hash: 0, next: undefined };
}

/** What the register is to do, in the plainest way. */
class Model {
  claims: Claim[] = [];

  joinable(key: string, after: number): unknown {
    const newest = this.claims.filter((claim) => claim.key === key && claim.shareable).at(-1)?.shareable;
    return newest && newest.order > after ? newest : undefined;
  }

  remove(gone: (claim: Claim) => boolean): void {
    this.claims = this.claims.filter((claim) => !gone(claim));
  }
}

const step = fc.record({
  what: fc.constantFrom('add', 'add', 'add', 'add many', 'finish', 'finish', 'cancel', 'cancel all'),
  key: fc.nat(200),
  which: fc.nat(),
});

test('whatever is added, finished and cancelled, it knows who may share what, and who was overtaken', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), fc.nat(2), (steps, few) => {
      const stats = createStats();
      const register = new FillRegister(stats);
      const model = new Model();
      const inFlight: Claim[] = [];
      let cancelled = 0;
      const cancel = (isMeant: (claim: Claim) => boolean) => {
        cancelled += model.claims.filter(isMeant).length;
        model.remove(isMeant);
      };
      for (const { what, key: number, which } of steps) {
        const key = `key:${few === 0 ? number % 3 : number}`;
        if (what === 'finish') {
          const [claim] = inFlight.splice(which % Math.max(1, inFlight.length), 1);
          if (claim) register.finish(claim);
          model.remove((other) => other === claim);
        } else if (what === 'cancel') {
          register.cancel(key);
          cancel((claim) => claim.key === key);
        } else if (what === 'cancel all') {
          if (which % 8 > 0) continue;
          register.cancelAll();
          cancel(() => true);
        } else {
          const claim = claimOf(key, what === 'add');
          register.add(claim);
          model.claims.push(claim);
          inFlight.push(claim);
        }
        const after = asked - (which % 20);
        expect(register.joinable(key, after)).toBe(model.joinable(key, after));
        expect([register.inFlight, stats.fillsCancelled]).toEqual([inFlight.length, cancelled]);
      }
      for (const claim of inFlight) expect(claim.cancelled).toBe(!model.claims.includes(claim));
    }),
  );
});

test('many at once are found, and forgotten one by one', () => {
  const register = new FillRegister(createStats());
  const claims = Array.from({ length: 5_000 }, (_, at) => claimOf(`key:${at}`));
  for (const claim of claims) register.add(claim);
  for (const claim of claims) expect(register.joinable(claim.key, 0)).toBe(claim.shareable);
  for (const claim of claims) register.finish(claim);
  for (const claim of claims) expect(register.joinable(claim.key, 0)).toBeUndefined();
  expect(register.inFlight).toBe(0);
});
