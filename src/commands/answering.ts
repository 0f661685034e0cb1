/** What this process answers when a neighbour asks, and what it does when a neighbour tells something. */
import type { Barrier } from '../coherence/fence';
import type { ClientFace } from './clients';
import { applyEffect } from './effects';
import { inspect, purge } from './holdings';
import type { House } from './house';
import { killHere, linesHere } from './local';
import type { About, Answers, News, Question, Topic } from './neighbours';
import type { Effect } from './rules';

/** `fence` is the one of this process alone: a neighbour is not to ask everybody in its turn. */
export function answerNeighbour(
  question: Question,
  house: House,
  fence: Barrier,
): Answers[Topic] | Promise<Answers[Topic]> {
  switch (question.about) {
    case 'reading':
      return house.reading();
    case 'list':
      return linesHere(question.args, facesIn(house), house.clock.now());
    case 'kill':
      return killHere(
        question.args,
        {
          clients: () => house.guests,
          knowsUser: (name) => house.backing.knowsUser(name),
          now: () => house.clock.now(),
        },
        question.asker,
      );
    case 'purge':
      return purgeFor(question, house);
    case 'inspect': {
      const link = house.links.find(question.part);
      return link && inspect(link, question.key, house.clock.now());
    }
    case 'upstream id': {
      const guest = house.guests.find(question.id);
      return (question.adopt ? guest?.adopt() : guest?.upstreamId) ?? 0;
    }
    case 'effect':
      return settled(question.effect, house, fence);
    default:
      return question satisfies never;
  }
}

export function hearNews(news: News, house: House): void {
  switch (news.about) {
    case 'pause':
      house.pausedUntil = news.milliseconds === 0 ? 0 : house.clock.now() + news.milliseconds;
      return;
    case 'write':
      house.stats.invalidationsByWrite += house.drops.dropKeys(news.keys);
      return;
    default:
      news satisfies never;
  }
}

function purgeFor({ keys, only }: About<'purge'>, house: House): number {
  const link = only && house.links.find(only);
  return only && !link ? 0 : purge(house, keys, link);
}

function settled(effect: Effect, house: House, fence: Barrier): Promise<'done'> {
  const { drops, backing, stats, links } = house;
  return new Promise((resolve) => {
    let held = false;
    applyEffect(effect, [], { drops, backing, stats, links, fence, neighbours: undefined }, (begin) => {
      held = true;
      begin(() => resolve('done'));
    });
    if (!held) resolve('done');
  });
}

function* facesIn({ guests }: House): Iterable<ClientFace> {
  for (const { face } of guests) yield face;
}
