/**
 * One client's ordered exchange of commands and replies: where `execute` happens, for RESP and HTTP alike.
 *
 *     door ─command→ take ─┬─ local      the proxy answers
 *                          ├─ reads      from memory, or by a fill that others may share
 *                          ├─ shared     the client's shared wire, pipelined with other clients
 *                          ├─ exclusive  a wire borrowed for as long as the state lasts
 *                          └─ pinned     a wire kept for good
 *
 * A client has unanswered commands on one lane only. A command for another lane is turned away, and the door offers it
 * again once everything is answered: that is what keeps replies in the order of commands. A plain command may ride
 * along on whichever wire is in use.
 */
import { FILLED_BY_GET } from '../cache/entries';
import type { Partition } from '../cache/partition';
import { MINUS } from '../resp/bytes';
import { encodeCommand, OK } from '../resp/encoder';
import type { PlainGets } from '../resp/plain-gets';
import type { Outcomes } from '../telemetry/latency';
import type { Stats } from '../telemetry/stats';
import type { Lease } from '../upstream/exclusive-pool';
import type { Identity, Protocol } from '../upstream/identity';
import { ignoreReply } from '../upstream/ignore-reply';
import { WholeReply } from '../upstream/whole-reply';
import type { Waiter, Wire, WireLoss } from '../upstream/wire';
import { append, lossAnswer, NO_AUTH } from './answers';
import { type ClientFace, newFace } from './clients';
import { ConversationDesk } from './conversation-desk';
import { type Debtor, Debts, isRefusal } from './debts';
import { Delivery } from './delivery';
import { Detour } from './detour';
import { applyEffect } from './effects';
import { answerHits, type HitDesk } from './hits';
import type { Guest, House } from './house';
import { type Asking, type Change, planIdentity, RESET_REPLY, withClientId } from './identify';
import { isFirstArgument, keysOf } from './keys';
import type { Link } from './links';
import { questionBefore, runLocal, runTogether } from './local';
import type { Door, Outlet } from './outlet';
import type { OwedReply } from './owed-reply';
import { PinnedRelay } from './pinned-relay';
import { countHit, type ReadDesk, ReadSlot } from './read-slot';
import { clientMeant, withUpstreamIds } from './redirect';
import { type Slot, Slots } from './slots';
import { Standing } from './standing';
import type { CommandRow, Effect } from './table';
import { TransactionState } from './transaction';
import { WaitingReads } from './waiting-reads';

/** One whole command: the bytes to forward, and its arguments. */
export interface Command {
  readonly raw: Buffer;
  readonly args: readonly Buffer[];
}

/** One whole command as it stands among others: buffer[start, end), its first argument buffer[keyStart, keyEnd). */
export interface PlainRequest {
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
  /** Of arguments, the name included. */
  readonly count: number;
  readonly keyStart: number;
  readonly keyEnd: number;
}

/** A request too large to be held: its bytes follow. */
export interface LargeRequest {
  /** False: wait for `onDrained` before the next piece. */
  write(piece: Buffer, onDrained: () => void): boolean;
}

/** What memory holds for a key: the value as Redis frames it, undefined for "does not exist". */
export interface Recalled {
  readonly frame: Buffer | undefined;
  readonly storedAt: number;
}

interface Elsewhere {
  readonly command: Command;
  upstreamId: number | undefined;
}

type Lane = 'none' | 'reads' | 'shared' | 'exclusive';

/** Reads that wait for their turn; more are turned away until some are answered. */
const MOST_SLOTS = 4096;
const PING = encodeCommand(['PING']);
const NO_KEYS: readonly string[] = [];

export class Conversation implements ReadDesk, HitDesk, Debtor, Guest {
  readonly face: ClientFace;
  /** What the last read by `take` was answered from, when that was memory: for a door to clear and to look at. */
  remembered: 'fresh' | 'stale' | undefined;
  rememberedAt = 0;
  readonly #house: House;
  readonly #latencies: Outcomes;
  readonly #door: Door;
  readonly #slots = new Slots(() => this.#onSettled());
  readonly #delivery: Delivery;
  readonly #waiting = new WaitingReads();
  readonly #transaction: TransactionState;
  readonly #debts: Debts;
  readonly #standing: Standing;
  #lane: Lane = 'none';
  #wire: Wire | undefined;
  #lease: Lease | undefined;
  #relay: PinnedRelay | undefined;
  #lastWord: Buffer | undefined;
  /** The last read that went past the cache alone. */
  #detour: Detour | undefined;
  #turnedAway = false;
  /** HELLO, AUTH or SELECT is at Redis, or the question whether a command is permitted, or neighbours are asked. */
  #changing = false;
  #dismissed = false;
  /** A command about a client of a neighbour's, and the id that Redis knows that client by once it is told. */
  #elsewhere: Elsewhere | undefined;
  /** It is among those whom its own CLIENT KILL means. */
  #endsWhenTold = false;
  lastMget = 0;
  #muted = false;
  #muteNext = false;
  /** The wire's state is not known any more: it is kept, and never lent to anybody else. */
  #stained = false;
  #clientHasEnded = false;
  #paused = false;
  #left = false;

  constructor(house: House, door: Door) {
    this.#house = house;
    this.#latencies = house.latencies[door.port];
    this.#door = door;
    const delivery = new Delivery(door.outlet, this.#slots);
    this.#delivery = delivery;
    const now = house.clock.now();
    this.face = newFace(house.guests.nextId(), door.address, door.localAddress, 0, now);
    this.#standing = new Standing(house, this.face, () => this.#onSettled());
    // Around several processes EXEC is the write that all of their clients see at once.
    const transaction = new TransactionState(house.neighbours ? 'fence' : 'keys');
    this.#transaction = transaction;
    const { passed } = this.#latencies;
    this.#debts = new Debts(this, { house, face: this.face, delivery, transaction, passed });
    house.guests.enter(this);
  }

  // --- what the door asks ---

  /** False: not now; the door's `resume` is called when it can be tried again. */
  take(command: Command): boolean {
    if (this.#left || this.#dismissed) return true;
    const row = this.#house.backing.table.find(command.args);
    this.face.lastCommand = row.name;
    this.face.lastUsedAt = this.now();
    this.face.bufferedIn = command.raw.length;
    const taken = !this.#debts.full && this.#route(row, command);
    if (!taken) {
      this.#turnedAway = true;
      return false;
    }
    this.#house.stats.commands += 1;
    return true;
  }

  /** True when a GET could be answered from memory this instant: nothing is unanswered, nothing stands in the way. */
  get plain(): boolean {
    return (
      this.#lane === 'none' &&
      !this.#changing &&
      !this.#standing.catchingUp &&
      !this.#muted &&
      !this.#muteNext &&
      this.trusted &&
      this.#relay === undefined
    );
  }

  /** The short way for the commonest command, as often as it can be taken; only while `plain`. See `answerHits`. */
  hits(gets: PlainGets, most: number, room: number, now: number): number {
    const { tracker } = this.#standing.link;
    if (!tracker.answersAt(now)) return 0;
    const count = answerHits(this, gets, most, room, now);
    if (count === 0) return 0;
    this.face.lastCommand = 'get';
    this.face.lastUsedAt = now;
    this.#standing.hasRead = true;
    return count;
  }

  /** True when a further GET may stand behind those that are unanswered, each with its own place. */
  get reading(): boolean {
    return this.#lane === 'reads' && !this.#changing && !this.#isSilent() && this.trusted;
  }

  /** The short way for a GET that was no hit; only while `plain` or `reading`. False: `take` has to do it. */
  read(name: string, now: number): boolean {
    const { tracker } = this.#standing.link;
    if (this.#standing.catchingUp || this.#slots.size >= MOST_SLOTS || tracker.isBig(name)) return false;
    this.face.lastCommand = 'get';
    this.face.lastUsedAt = now;
    this.stats.commands += 1;
    this.#addRead([name], false, now);
    return true;
  }

  /** The short way for a command that is only passed on: its row is `plain`. False: `take` has to do it. */
  pass(row: CommandRow, request: PlainRequest, now: number): boolean {
    if (this.#left || this.#dismissed || this.#changing || this.#relay || !this.trusted) return false;
    if (this.#transaction.announced || this.#debts.full) return false;
    if (this.#lane === 'none' && now < this.#house.pausedUntil) return false;
    const changesKey = row.effect === 'keys';
    if (changesKey && request.count < 2) return false;
    const wire = this.#wireInUse();
    if (!wire) return false;
    const { buffer, start, end, keyStart, keyEnd } = request;
    const owed = this.#owe(row, row.effect, changesKey ? [buffer.latin1Slice(keyStart, keyEnd)] : NO_KEYS);
    wire.send(buffer, owed, start, end);
    this.face.lastCommand = row.name;
    this.face.lastUsedAt = now;
    this.face.bufferedIn = end - start;
    this.stats.commands += 1;
    return true;
  }

  /** `hits` for a door that wants the entry itself. Undefined: `take` has to do it. */
  recall(key: Buffer, now: number): Recalled | undefined {
    const { tracker, unrestricted } = this.#standing.link;
    if (!tracker.answersAt(now)) return undefined;
    const { partition } = tracker;
    const slot = partition.lookup(key.latin1Slice(), now);
    if (slot < 0 || !(unrestricted || partition.filledBy(slot) & FILLED_BY_GET)) return undefined;
    const missing = partition.isNegative(slot);
    countHit(this.stats, missing, true);
    this.stats.commands += 1;
    this.face.lastUsedAt = now;
    this.#standing.hasRead = true;
    return { frame: missing ? undefined : partition.readValue(slot), storedAt: partition.storedAt(slot) };
  }

  /** A request over the limit for frames; `args` are those that are whole. Undefined: not now. */
  takeLarge(args: readonly Buffer[]): LargeRequest | undefined {
    const row = this.#house.backing.table.find(args);
    if (!this.#standing.admitted) return this.answer(NO_AUTH) ? SWALLOW : undefined;
    if (this.#relay) {
      this.#relay.announce(row);
      return this.#feed(this.#relay.lease.wire);
    }
    if (!this.#claimExclusive()) {
      this.#turnedAway = true;
      return undefined;
    }
    const lease = this.#lease;
    if (!lease) return undefined;
    this.#house.stats.commands += 1;
    if (row.route === 'pinned' || row.route === 'identity' || row.route === 'local') this.#stained = true;
    const told = row.effect === 'keys' && row.keySpecs.every(isFirstArgument);
    const keys = told ? keysOf(row, args) : undefined;
    // With the name alone a container's subcommand, and what it does, is still to come. And what a large MGET reads
    // may be newer than what is in memory, as with any read that goes past it.
    const unclear = args.length < 2 || row.route === 'get' || row.route === 'mget';
    const effect = unclear ? 'fence' : this.#effectOf(row, keys);
    lease.wire.expect(this.#owe(row, effect, keys ?? NO_KEYS));
    return this.#feed(lease.wire);
  }

  /** The client will send nothing more. What it is owed is still delivered; what blocks is given up. */
  end(): void {
    this.#clientHasEnded = true;
    if (this.#relay) this.#relay.lease.wire.end();
    else if (this.#debts.blocking > 0) this.#giveUpBlocking();
  }

  /** All that it had sent is on its way, and it keeps its wire: it may have got that after it had ended. */
  endPinned(): void {
    this.#relay?.lease.wire.end();
  }

  /** The client is gone: nothing can be delivered any more. */
  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#debts.abandon();
    this.#house.guests.leave(this);
    this.#slots.clear();
    this.#waiting.clear();
    this.#detour?.abandon();
    const reason = 'its client has left';
    if (this.#relay) this.#house.pool.destroy(this.#relay.lease, reason);
    else if (this.#lease && this.blocked) this.#house.pool.part(this.#lease);
    else if (this.#lease && (this.#debts.count > 0 || !this.#isReusable()))
      this.#house.pool.destroy(this.#lease, reason);
    else if (this.#lease) this.#house.pool.giveBack(this.#lease);
    this.#relay = undefined;
    this.#lease = undefined;
    this.#standing.leave();
  }

  /** The door knows by other means that this client may come in. */
  admit(): void {
    this.#standing.admitted = true;
  }

  /** Nothing that a client has sent before can be noticed by the next one. */
  get pristine(): boolean {
    return this.plain && this.#standing.atHome && this.face.protocol === 2;
  }

  /** Nothing is unanswered. */
  get idle(): boolean {
    return !this.#isBusy() && this.#relay === undefined;
  }

  get blocked(): boolean {
    return this.#debts.blocking > 0;
  }

  /** Redis, or the proxy in its place, knows who this is. */
  get trusted(): boolean {
    return this.#standing.admitted && !this.#standing.isStranger;
  }

  /** False: something is still owed, and `resume` is called when it no longer is. */
  awaitTurn(): boolean {
    if (this.#isBusy()) this.#turnedAway = true;
    return !this.#isBusy();
  }

  /** An answer of the door's own, in its place behind all that are owed. False: not now. */
  answer(reply: Buffer): boolean {
    if (!this.awaitTurn()) return false;
    if (!this.#isSilent()) append(this.outlet, reply);
    this.#muteNext = false;
    return true;
  }

  /** The same, and the connection ends: behind all that a wire of the client's own still brings. */
  conclude(reply: Buffer): boolean {
    if (!this.#relay) {
      if (!this.answer(reply)) return false;
      this.#door.closeAfterReplies();
    } else if (!this.#lastWord) {
      this.#lastWord = reply;
      this.#relay.lease.wire.end();
    }
    return true;
  }

  kill(): void {
    this.#door.closeNow('killed by CLIENT KILL');
  }

  get userSince(): number {
    return this.#standing.since;
  }

  sharesFateOf(identity: Identity): boolean {
    return this.#standing.sharesFateOf(identity);
  }

  dismiss(): void {
    this.#dismissed = true;
    if (!this.#isBusy()) this.#door.closeNow('its user is gone');
  }

  // --- what reads need ---

  get link(): Link {
    return this.#standing.link;
  }

  get partition(): Partition {
    return this.#standing.link.tracker.partition;
  }

  get unrestricted(): boolean {
    return this.#standing.link.unrestricted;
  }

  get protocol(): Protocol {
    return this.face.protocol;
  }

  get outlet(): Outlet {
    return this.#door.outlet;
  }

  get stats(): Stats {
    return this.#house.stats;
  }

  now(): number {
    return this.#house.clock.now();
  }

  onRemembered(fresh: boolean, storedAt: number): void {
    this.remembered = fresh ? 'fresh' : 'stale';
    this.rememberedAt = storedAt;
  }

  onFilled(took: number): void {
    this.#latencies.miss.observe(took);
  }

  settle(): void {
    if (!this.#left) this.#slots.settle();
  }

  rethinkBehind(slot: Slot): void {
    this.#slots.forEachBehind(slot, (behind) => {
      if (behind instanceof ReadSlot) behind.rethink();
    });
  }

  rereadBehind(slot: Slot, name: string, now: number, after: number): void {
    let all = false;
    this.#slots.forEachBehind(slot, (behind) => {
      if (!(behind instanceof ReadSlot) || !(all || behind.reads(name))) return;
      behind.rethink(now, after);
      // What an MGET tells now of its other keys is newer than what reads behind it have asked for.
      all ||= behind.many;
    });
  }

  sendAround(request: Buffer, waiter: Waiter): void {
    this.#sharedWire().send(request, waiter);
  }

  sendAlone(request: Buffer, waiter: Waiter): void {
    const { pool } = this.#house;
    const lease = pool.borrow(this.#standing.identity, this.face.protocol);
    this.#detour = new Detour(pool, lease, this.#door, waiter);
    this.#detour.begin(request);
  }

  dropKeys(keys: readonly string[]): void {
    this.#house.drops.dropKeys(keys);
  }

  breakOff(reason: string): void {
    if (!this.#left) this.#door.closeNow(reason);
  }

  // --- who else may ask for this client's wire ---

  get upstreamId(): number {
    return (this.#relay?.lease ?? this.#lease)?.wire.upstreamId ?? 0;
  }

  adopt(): number {
    if (!this.#relay && this.#claimExclusive()) this.#becomePinned();
    return this.upstreamId;
  }

  // --- the lanes ---

  #isBusy(): boolean {
    return this.#debts.count > 0 || this.#slots.size > 0 || this.#waiting.size > 0 || this.#changing;
  }

  #isSilent(): boolean {
    return this.#muted || this.#muteNext;
  }

  #isReusable(): boolean {
    return this.#transaction.plain && !this.#stained;
  }

  #route(row: CommandRow, command: Command): boolean {
    if (this.#changing) return false;
    if (this.#relay) return this.#relayOn(this.#relay, row, command);
    if (!this.#standing.admitted && row.route !== 'identity') return this.answer(NO_AUTH);
    // Every command but these is refused, and Redis words that best.
    if (this.#standing.isStranger && row.route !== 'identity') return this.#passAlone(row, command);
    if (this.#transaction.announced && this.#lane === 'exclusive' && !isPlain(row))
      return this.#pin(row, command);
    switch (row.route) {
      case 'get':
      case 'mget':
        return this.#read(row, command);
      case 'shared':
        return this.#pass(row, command);
      case 'script':
        return this.#passScript(row, command);
      case 'exclusive':
        return this.#passAlone(row, command);
      case 'pinned':
        return this.#pin(row, command);
      case 'local':
        return this.#answerLocally(row, command);
      case 'identity':
        return this.#identify(row, command);
      default:
        return row.route satisfies never;
    }
  }

  #read(row: CommandRow, command: Command): boolean {
    const { args } = command;
    const many = row.route === 'mget';
    if (args.length < 2 || (!many && args.length > 2)) return this.#pass(row, command);
    const names = args.slice(1).map((key) => key.latin1Slice());
    if (this.#lane === 'shared' && this.#waits(row, command, names)) return true;
    if (this.#lane === 'shared' || this.#lane === 'exclusive') return this.#passRead(row, command, names);
    if (this.#isSilent()) return this.#passRead(row, command, names);
    if (names.some((name) => this.#standing.link.tracker.isBig(name)))
      return this.#passBigRead(row, command, names);
    if (this.#standing.catchingUp || this.#slots.size >= MOST_SLOTS) return false;
    this.#addRead(names, many, this.now());
    return true;
  }

  #addRead(names: readonly string[], many: boolean, now: number): void {
    this.#standing.hasRead = true;
    this.#lane = 'reads';
    const slot = new ReadSlot(this, names, many);
    this.#slots.add(slot);
    slot.plan(now);
    this.#slots.settle();
  }

  /** In memory now: so it will most likely be when what stands before it has been answered. */
  #waits(row: CommandRow, command: Command, names: readonly string[]): boolean {
    if (this.#isSilent() || !this.#waiting.accepts(names)) return false;
    const slot = new ReadSlot(this, names, row.route === 'mget');
    const fresh = slot.isFresh();
    if (fresh) this.#waiting.add({ row, raw: command.raw, names, slot });
    return fresh;
  }

  /** Nothing stands before them any more: they are reads like any others. */
  #readWaiting(): void {
    const reads = this.#waiting.takeAll();
    this.#leaveLane();
    this.#standing.hasRead = true;
    this.#lane = 'reads';
    // All places are taken before the first is settled: what the client sends next has to stand behind them.
    for (const { slot } of reads) this.#slots.add(slot);
    this.#slots.settle();
  }

  /** Something has to go behind them. */
  #sendWaiting(wire: Wire): void {
    for (const { row, raw, names } of this.#waiting.takeAll()) this.#sendRead(wire, row, raw, names);
  }

  /** Past the cache, and what comes back may be newer than what the cache holds: so that goes. */
  #passRead(row: CommandRow, command: Command, names: readonly string[]): boolean {
    const wire = this.#wireInUse();
    if (!wire) return false;
    this.#sendRead(wire, row, command.raw, names);
    return true;
  }

  #sendRead(wire: Wire, row: CommandRow, raw: Buffer, names: readonly string[]): void {
    this.stats.bypasses += 1;
    this.#standing.hasRead = true;
    this.#send(wire, raw, this.#owe(row, 'keys', names));
  }

  /** On a wire of its own: only there can a client that reads slowly hold back what would pile up here. */
  #passBigRead(row: CommandRow, command: Command, names: readonly string[]): boolean {
    return this.#claimExclusive() && this.#passRead(row, command, names);
  }

  #pass(row: CommandRow, command: Command): boolean {
    if (this.#lane === 'none' && this.now() < this.#house.pausedUntil) return this.#passAlone(row, command);
    const wire = this.#wireInUse();
    if (!wire) return false;
    this.#sendCommand(wire, row, command);
    return true;
  }

  /** Behind commands of its own on another wire a script waits; what follows rides along with it. */
  #passScript(row: CommandRow, command: Command): boolean {
    const scripts = this.#standing.link.shared.scriptWire(this.face.protocol, this.now());
    if (this.#lane === 'shared' && this.#wire !== scripts) return false;
    if (this.#lane === 'none' && this.now() >= this.#house.pausedUntil) this.#wire = scripts;
    return this.#pass(row, command);
  }

  #passAlone(row: CommandRow, command: Command): boolean {
    if (row.name === 'client|unblock' && !this.#knowsClientMeant(command)) return false;
    if (!this.#claimExclusive() || !this.#lease) return false;
    const { wire } = this.#lease;
    if (this.#isCongested(wire)) return false;
    // WAIT counts from the connection's own last write: a PING there makes that the latest of all.
    const counts = row.name === 'wait' || row.name === 'waitaof';
    if (counts && !this.#transaction.announced) wire.send(PING, ignoreReply);
    if (row.name === 'client|pause') return this.#pause(wire, row, command);
    if (row.name === 'client|unpause') this.#setPause(0);
    if (row.name === 'client|unblock') return this.#unblock(wire, row, command);
    this.#sendCommand(wire, row, command);
    return true;
  }

  /** Counts from now on, since what is sent behind it waits already; unless Redis refuses it. */
  #pause(wire: Wire, row: CommandRow, command: Command): boolean {
    const milliseconds = Number(command.args[2]?.latin1Slice());
    const before = this.#house.pausedUntil;
    if (milliseconds > 0) this.#setPause(this.now() + milliseconds);
    const owed = this.#sendCommand(wire, row, command);
    owed.onRefused = () => this.#setPause(before);
    return true;
  }

  #setPause(until: number): void {
    this.#house.pausedUntil = until;
    this.#house.neighbours?.tell({ about: 'pause', milliseconds: Math.max(0, until - this.now()) });
  }

  #pin(row: CommandRow, command: Command): boolean {
    // What Redis does not know either is refused by it, and leaves nothing behind.
    if (row.name === 'unknown' || isTrackingOff(row, command.args)) return this.#passAlone(row, command);
    if (!this.#claimExclusive()) return false;
    this.#becomePinned();
    return this.#relay !== undefined && this.#relayOn(this.#relay, row, command);
  }

  #answerLocally(row: CommandRow, command: Command): boolean {
    if (this.#isBusy()) return false;
    const unrestricted = this.#house.backing.wasUnrestricted(this.face.user);
    const question = unrestricted ? undefined : questionBefore(row, command.args);
    if (question) this.#answerIfPermitted(question, row, command);
    else this.#answerNow(row, command);
    return true;
  }

  #answerNow(row: CommandRow, command: Command): void {
    const silent = this.#isSilent();
    this.#muteNext = false;
    const desk = new ConversationDesk(this, this.#house);
    const { neighbours } = this.#house;
    const together = neighbours && runTogether(row, command.args, desk, neighbours);
    if (together) {
      this.#changing = true;
      void together.then((reply) => this.#onTold(silent ? undefined : reply));
      return;
    }
    const reply = runLocal(row, command.args, desk);
    const unmuted = row.name === 'client|reply' && !this.#muted;
    if (!silent || unmuted) append(this.outlet, reply);
  }

  /** What is told of others, or done to them, Redis may forbid to this user. */
  #answerIfPermitted(question: Buffer, row: CommandRow, command: Command): void {
    this.#changing = true;
    const finish = (refusal: Buffer | undefined) => {
      if (this.#left) return;
      this.#changing = false;
      if (!refusal) this.#answerNow(row, command);
      else this.answer(refusal);
      this.#onSettled();
    };
    const onAnswer = (reply: Buffer) => finish(isRefusal(reply, 0) ? reply : undefined);
    // Of a Redis that was never there nobody could learn what this client may see, and somebody has to see what is wrong.
    const onLost = (loss: WireLoss) =>
      finish(this.#standing.atHome && !loss.sent ? undefined : lossAnswer(loss));
    const wire = this.#sharedWire();
    wire.send(question, new WholeReply(wire, onAnswer, onLost));
  }

  #onTold(reply: Buffer | undefined): void {
    if (this.#left) return;
    this.#changing = false;
    if (reply) append(this.outlet, reply);
    if (this.#endsWhenTold) this.#door.closeAfterReplies();
    this.#onSettled();
  }

  /** False: a neighbour may have that client, and is asked; the command is offered again when it has answered. */
  #knowsClientMeant(command: Command): boolean {
    if (this.#elsewhere?.command === command) return this.#elsewhere.upstreamId !== undefined;
    const { neighbours, guests } = this.#house;
    const meant = clientMeant(command.args);
    if (!neighbours || !meant || guests.find(meant.id)) return true;
    const elsewhere: Elsewhere = { command, upstreamId: undefined };
    this.#elsewhere = elsewhere;
    void neighbours.ask({ about: 'upstream id', ...meant }).then((ids) => {
      elsewhere.upstreamId = ids.find((id) => id > 0) ?? 0;
      if (!this.#left) this.#offerAgain();
    });
    return false;
  }

  #withUpstreamIds(command: Command): Buffer {
    const elsewhere = this.#elsewhere?.command === command ? this.#elsewhere.upstreamId : undefined;
    return withUpstreamIds(command, this.#house.guests, elsewhere);
  }

  setReplyMode(mode: 'on' | 'off' | 'skip'): void {
    if (mode !== 'skip') this.#muted = mode === 'off';
    else if (!this.#muted) this.#muteNext = true;
  }

  closeAfterReply(): void {
    // While neighbours are asked the reply is still to come.
    if (this.#changing) this.#endsWhenTold = true;
    else this.#door.closeAfterReplies();
  }

  /** The wire that plain commands go over now, or undefined while reads are unanswered on the fill wire. */
  #wireInUse(): Wire | undefined {
    if (this.#lane === 'reads') return undefined;
    const wire = this.#lane === 'exclusive' ? this.#lease?.wire : (this.#wire ?? this.#sharedWire());
    if (!wire || this.#isCongested(wire)) return undefined;
    if (this.#lane === 'none') {
      this.#lane = 'shared';
      this.#wire = wire;
    }
    if (this.#waiting.size > 0) this.#sendWaiting(wire);
    return wire;
  }

  #sharedWire(): Wire {
    return this.#standing.link.shared.wireFor(this.face.id, this.face.protocol, this.now());
  }

  /** True when this client has an exclusive wire now. */
  #claimExclusive(): boolean {
    if (this.#changing) return false;
    if (this.#lane === 'exclusive') return true;
    if (this.#lane !== 'none') return false;
    this.#lane = 'exclusive';
    this.#lease = this.#house.pool.borrow(this.#standing.identity, this.face.protocol);
    this.#lease.onPush = (frame) => this.#delivery.deliver(frame, 0, frame.length, true);
    return true;
  }

  #isCongested(wire: Wire): boolean {
    if (!wire.congested) return false;
    wire.onceDrained(() => this.#offerAgain());
    return true;
  }

  #sendCommand(wire: Wire, row: CommandRow, { raw, args }: Command): OwedReply {
    const keys = this.#keysOf(row, args);
    const effect = this.#effectOf(row, keys);
    // First: EXEC is not among what it will carry out.
    if (row.transaction) this.#transaction.onSent(row.transaction);
    const owed = this.#owe(row, effect, keys ?? NO_KEYS);
    this.#send(wire, raw, owed);
    return owed;
  }

  #keysOf(row: CommandRow, args: readonly Buffer[]): readonly string[] | undefined {
    if (row.transaction === 'exec') return this.#transaction.keysOfExec;
    return row.effect === 'keys' ? keysOf(row, args) : undefined;
  }

  #effectOf(row: CommandRow, keys: readonly string[] | undefined): Effect {
    if (row.transaction === 'exec') return this.#transaction.effectOfExec;
    return row.effect === 'keys' && keys === undefined ? 'fence' : row.effect;
  }

  #send(wire: Wire, raw: Buffer, owed: OwedReply): void {
    wire.send(raw, owed);
    if (owed.row.blocking && this.#clientHasEnded) this.#giveUpBlocking();
  }

  #owe(row: CommandRow, effect: Effect, keys: readonly string[]): OwedReply {
    const owed = this.#debts.owe(row, effect, keys, this.#isSilent());
    if (this.#transaction.announced) this.#transaction.onQueued(effect, keys);
    this.#muteNext = false;
    this.#waiting.onSent(effect, keys);
    return owed;
  }

  #feed(wire: Wire): LargeRequest {
    return {
      write(piece, onDrained) {
        wire.sendBytes(piece);
        if (!wire.congested) return true;
        wire.onceDrained(onDrained);
        return false;
      },
    };
  }

  // --- replies ---

  onAllPaid(): void {
    this.#onSettled();
  }

  onRoom(): void {
    this.#offerAgain();
  }

  onUnknownMet(): void {
    this.#stained = true;
    this.#house.backing.reloadTable();
  }

  onWireLost(): void {
    if (this.#lane === 'exclusive') this.#stained = true;
  }

  /** A client that reads slowly slows down its own wire; one that is shared is not made to wait. */
  onDelivered(): void {
    const wire = this.#lease?.wire;
    if (!wire || this.#paused || this.#left || !this.outlet.slow) return;
    this.#paused = true;
    wire.pause();
    this.#door.onceWritable(() => {
      this.#paused = false;
      wire.resume();
    });
  }

  /** Everything is answered: the lane is free, what was borrowed goes back. */
  #onSettled(): void {
    if (this.#left) return;
    this.#relay?.onSettled();
    if (this.#waiting.size > 0 && this.#debts.count === 0 && this.#slots.size === 0) {
      this.#readWaiting();
      return;
    }
    if (!this.#isBusy() && this.#dismissed) {
      this.#door.closeAfterReplies();
      return;
    }
    if (!this.#isBusy()) this.#leaveLane();
    if (!this.#isBusy() || this.#slots.size < MOST_SLOTS / 2) this.#offerAgain();
  }

  #leaveLane(): void {
    if (this.#relay) return;
    const { unfinished } = this.#transaction;
    this.#transaction.onSettled();
    this.#waiting.clear();
    this.#wire = undefined;
    if (this.#lane !== 'exclusive') {
      this.#lane = 'none';
    } else if (this.#lease?.wire.closed) {
      this.#dropLease('closed');
      // As Redis does: what the client sends next was meant for the transaction, and must not be carried out outside of it.
      if (unfinished) this.#door.closeAfterReplies();
    } else if (this.#isReusable() && this.#lease) {
      this.#house.pool.giveBack(this.#lease);
      this.#lease = undefined;
      this.#lane = 'none';
    }
  }

  /** The wire and whatever Redis held for it are gone. */
  #dropLease(reason: string): void {
    if (this.#lease) this.#house.pool.destroy(this.#lease, reason);
    this.#lease = undefined;
    this.#lane = 'none';
    this.#stained = false;
    this.#transaction.reset();
  }

  #offerAgain(): void {
    if (!this.#turnedAway && !this.#clientHasEnded) return;
    this.#turnedAway = false;
    this.#door.resume();
  }

  // --- a wire for good ---

  #becomePinned(): void {
    const lease = this.#lease;
    if (!lease) return;
    if (this.face.name !== '') {
      const name = Buffer.from(this.face.name, 'latin1');
      lease.wire.send(encodeCommand(['CLIENT', 'SETNAME', name]), ignoreReply);
    }
    // Replies that are not counted cannot be left out here: from now on Redis does it.
    if (this.#isSilent())
      lease.wire.sendBytes(encodeCommand(['CLIENT', 'REPLY', this.#muted ? 'OFF' : 'SKIP']));
    this.#relay = new PinnedRelay({
      lease,
      door: this.#door,
      carryOut: (effect, done) => this.#carryOut(effect, done),
      slots: this.#slots,
      transaction: this.#transaction,
      onReset: () => this.#reset(),
      onResetRefused: () => this.#offerAgain(),
      onLost: (loss) => this.#onPinnedWireLost(loss),
    });
  }

  #carryOut(effect: Effect, done: () => void): void {
    let waits = false;
    applyEffect(effect, [], this.#house, (begin) => {
      waits = true;
      begin(done);
    });
    if (!waits) done();
  }

  /** What Redis held for this client cannot be made again: the client is told by the end of its connection. */
  #onPinnedWireLost(loss: WireLoss): void {
    if (this.#lastWord) append(this.outlet, this.#lastWord);
    else if (!loss.sent) append(this.outlet, lossAnswer(loss));
    this.#door.closeAfterReplies();
  }

  #relayOn(relay: PinnedRelay, row: CommandRow, command: Command): boolean {
    if (relay.resetting || this.#isCongested(relay.lease.wire)) return false;
    if (row.name === 'client|tracking' && !this.#knowsClientMeant(command)) return false;
    if (row.name === 'monitor') this.face.kind = 'monitor';
    if (row.name === 'client|tracking') this.face.tracking = true;
    if (row.name.endsWith('subscribe')) this.face.kind = 'pubsub';
    const raw = row.name === 'client|tracking' ? this.#withUpstreamIds(command) : command.raw;
    relay.send(row, raw);
    return true;
  }

  #unblock(wire: Wire, row: CommandRow, command: Command): boolean {
    this.#send(wire, this.#withUpstreamIds(command), this.#owe(row, 'none', []));
    return true;
  }

  /** Redis gives up a blocked command when its connection ends, and delivers what it had popped until then. */
  #giveUpBlocking(): void {
    this.#debts.giveUp();
    this.#lease?.wire.part();
  }

  // --- who the client is ---

  #identify(row: CommandRow, command: Command): boolean {
    if (this.#isBusy()) return false;
    const step = planIdentity(row.name, command.args, command.raw, {
      identity: this.#standing.identity,
      protocol: this.face.protocol,
      admitted: this.#standing.admitted,
      password: this.#house.password,
    });
    switch (step.kind) {
      case 'answer':
        this.#standing.admitted = step.admitted;
        return this.answer(step.reply);
      case 'quit':
        this.answer(OK);
        this.#door.closeAfterReplies();
        return true;
      case 'reset':
        return this.#answerReset();
      case 'ask':
        this.#askForChange(row, step);
        return true;
      default:
        return step satisfies never;
    }
  }

  #answerReset(): boolean {
    const skipped = this.#muteNext;
    this.#reset();
    if (!skipped) append(this.outlet, RESET_REPLY);
    return true;
  }

  #askForChange(row: CommandRow, { request, change, doubtful }: Asking): void {
    const silent = this.#isSilent();
    this.#muteNext = false;
    this.#changing = true;
    const held = this.#lease;
    const lease = held ?? this.#leaseFor(change);
    const finish = (reply: Buffer) => {
      const agreed = reply[0] !== MINUS;
      if (agreed) lease.facts = { identity: change.identity, protocol: change.protocol };
      if (change.name !== undefined) lease.named = true;
      // Its user may be another one by now: nobody else may borrow it.
      const unclear = agreed ? doubtful === 'always' : doubtful !== undefined;
      if (unclear && held) this.#stained = true;
      else if (unclear) this.#house.pool.destroy(lease, 'what it is now cannot be told');
      if (!held) this.#house.pool.giveBack(lease);
      if (this.#left) return;
      this.#changing = false;
      // First of all: what was turned away meanwhile may be answered from within.
      if (!silent) append(this.outlet, row.name === 'hello' ? withClientId(reply, this.face.id) : reply);
      if (agreed) this.#become(change);
      this.#onSettled();
    };
    const { backing } = this.#house;
    const onAnswer = (reply: Buffer) => {
      if (backing.tableKnown || reply[0] === MINUS) finish(reply);
      else void backing.learnAs(change.identity).finally(() => finish(reply));
    };
    const { wire } = lease;
    wire.send(request, new WholeReply(wire, onAnswer, (loss) => finish(lossAnswer(loss))));
  }

  /** A wire that is already what this client wants to be gives the same answer, and no connection is made. */
  #leaseFor(change: Change): Lease {
    const { pool } = this.#house;
    return (
      pool.borrowIdle(change.identity, change.protocol) ??
      pool.borrow(this.#standing.identity, this.face.protocol)
    );
  }

  #become(change: Change): void {
    const before = this.link;
    this.#standing.become(change);
    if (this.link !== before) this.lastMget = 0;
  }

  #reset(): void {
    const lease = this.#relay?.lease ?? this.#lease;
    const pinned = this.#relay !== undefined;
    this.#relay = undefined;
    this.#lease = undefined;
    this.#lane = 'none';
    this.#stained = false;
    this.#transaction.reset();
    this.#muted = false;
    this.#muteNext = false;
    const before = this.link;
    this.#standing.goHome(pinned);
    if (this.link !== before) this.lastMget = 0;
    // Last: closing it may let the next command in.
    if (lease) this.#house.pool.destroy(lease, 'RESET');
    if (pinned) this.#onSettled();
  }
}

/** Commands that may stand in a transaction without changing the connection, and those that end it at once. */
function isPlain(row: CommandRow): boolean {
  if (row.name === 'reset' || row.name === 'quit') return true;
  return row.route !== 'identity' && row.route !== 'local' && row.route !== 'pinned';
}

const SWALLOW: LargeRequest = { write: () => true };

function isTrackingOff(row: CommandRow, args: readonly Buffer[]): boolean {
  return row.name === 'client|tracking' && args[2]?.latin1Slice().toLowerCase() === 'off';
}
