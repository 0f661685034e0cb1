import fc from 'fast-check';
import { LinkedList, NONE } from '../../../src/cache/linked-list';

function forwards(list: LinkedList): number[] {
  const slots = [];
  for (let slot = list.head; slot !== NONE; slot = list.next(slot)) slots.push(slot);
  return slots;
}

function backwards(list: LinkedList): number[] {
  const slots = [];
  for (let slot = list.tail; slot !== NONE; slot = list.previous(slot)) slots.push(slot);
  return slots;
}

test('an empty list has neither head nor tail', () => {
  const list = new LinkedList();
  expect([list.head, list.tail]).toEqual([NONE, NONE]);
});

test('the slot linked last comes first', () => {
  const list = new LinkedList();
  list.reserve(3);
  for (const slot of [0, 1, 2]) list.linkFirst(slot);
  expect(forwards(list)).toEqual([2, 1, 0]);
});

test('moving the only slot to the front leaves it there', () => {
  const list = new LinkedList();
  list.reserve(1);
  list.linkFirst(0);
  list.moveToFirst(0);
  expect([forwards(list), backwards(list)]).toEqual([[0], [0]]);
});

test('what is linked stays linked when the capacity grows', () => {
  const list = new LinkedList();
  list.reserve(2);
  list.linkFirst(0);
  list.linkFirst(1);
  list.reserve(1000);
  list.linkFirst(999);
  list.reserve(5);
  expect(forwards(list)).toEqual([999, 1, 0]);
});

test('whatever is linked, moved and unlinked, the list keeps the order an array would', () => {
  const step = fc.record({ slot: fc.nat(9), act: fc.constantFrom('link', 'unlink', 'move') });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const list = new LinkedList();
      list.reserve(10);
      let model: number[] = [];
      for (const { slot, act } of steps) {
        const linked = model.includes(slot);
        if (act === 'link' ? linked : !linked) continue;
        if (act === 'link') list.linkFirst(slot);
        if (act === 'unlink') list.unlink(slot);
        if (act === 'move') list.moveToFirst(slot);
        model = model.filter((other) => other !== slot);
        if (act !== 'unlink') model.unshift(slot);
        expect(forwards(list)).toEqual(model);
        expect(backwards(list)).toEqual([...model].reverse());
      }
    }),
  );
});
