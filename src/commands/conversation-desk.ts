/** What a conversation and the house around it lay out for the commands that the proxy answers itself. */
import type { Figures } from '../telemetry/stats';
import type { ClientFace } from './clients';
import type { House } from './house';
import type { Link } from './links';
import type { Inspection, ListedClient, LocalDesk, ReplyMode } from './local';

/** The conversation that asks. */
interface Asker {
  readonly face: ClientFace;
  readonly link: Link;
  closeAfterReply(): void;
  setReplyMode(mode: ReplyMode): void;
}

export class ConversationDesk implements LocalDesk {
  readonly #conversation: Asker;
  readonly #house: House;

  constructor(conversation: Asker, house: House) {
    this.#conversation = conversation;
    this.#house = house;
  }

  get self(): ClientFace {
    return this.#conversation.face;
  }

  now(): number {
    return this.#house.clock.now();
  }

  clients(): Iterable<ListedClient> {
    return this.#house.guests;
  }

  knowsUser(name: string): boolean {
    return this.#house.backing.knowsUser(name);
  }

  closeAfterReply(): void {
    this.#conversation.closeAfterReply();
  }

  setReplyMode(mode: ReplyMode): void {
    this.#conversation.setReplyMode(mode);
  }

  statistics(): Figures {
    return this.#house.reading().figures;
  }

  /** Of a user who may not be allowed everything, its own: how many there were of others would tell what they read. */
  purge(keys: readonly string[]): number {
    const { tracker, unrestricted } = this.#conversation.link;
    const dropped = unrestricted ? this.#house.drops.dropKeys(keys) : tracker.dropKeys(keys);
    this.#house.stats.invalidationsByPurge += dropped;
    return dropped;
  }

  purgeAll(): number {
    const { store, drops, stats } = this.#house;
    const { tracker, unrestricted } = this.#conversation.link;
    const dropped = unrestricted ? store.keys : tracker.partition.keys;
    stats.invalidationsByPurge += dropped;
    if (unrestricted) drops.dropAll();
    else tracker.dropAll();
    return dropped;
  }

  inspect(key: string): Inspection | undefined {
    const { tracker } = this.#conversation.link;
    const now = this.now();
    const { partition } = tracker;
    const slot = tracker.answersAt(now) ? partition.peek(key, now) : -1;
    if (slot < 0) return undefined;
    return {
      kind: partition.isNegative(slot) ? 'missing' : 'value',
      age: now - partition.storedAt(slot),
      timeLeft: partition.deadline(slot) - now,
      bytes: partition.size(slot),
      hits: partition.hits(slot),
    };
  }
}
