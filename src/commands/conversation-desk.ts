/** What a conversation and the house around it lay out for the commands that the proxy answers itself. */
import type { Figures } from '../telemetry/stats';
import type { ClientFace } from './clients';
import { inspect, purge } from './holdings';
import type { House } from './house';
import type { Link } from './links';
import type { ListedClient, LocalDesk, ReplyMode } from './local';
import type { Inspection, Part } from './neighbours';

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

  get part(): Part {
    const { user, db } = this.#conversation.link.identity;
    return { user, db };
  }

  /** Of a user who may not be allowed everything, its own: how many there were of others would tell what they read. */
  get purgesOnly(): Part | undefined {
    return this.#conversation.link.unrestricted ? undefined : this.part;
  }

  purge(keys: readonly string[] | 'all'): number {
    const { link } = this.#conversation;
    return purge(this.#house, keys, link.unrestricted ? undefined : link);
  }

  inspect(key: string): Inspection | undefined {
    return inspect(this.#conversation.link, key, this.now());
  }
}
