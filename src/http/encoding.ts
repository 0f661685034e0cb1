/** Replies of Redis as Upstash's REST interface writes them: JSON, with strings in base64 if asked for. */
import { byteAt, COLON, DOLLAR, LF, MINUS, PLUS, STAR } from '../resp/bytes';
import { encodeCommand } from '../resp/encoder';

export type TextEncoding = 'utf8' | 'base64';

const NIL = '{"result":null}';
/** Text is turned into bytes when it has come to this: millions of elements are not kept as so many strings. */
const PIECE = 64 * 1024;

/** `{"result": …}` or `{"error": "…"}` for one whole reply in RESP2. */
export function encodeFrame(frame: Buffer, encoding: TextEncoding): string | Buffer {
  if (frame[0] === DOLLAR && encoding === 'utf8') return encodeBulk(frame);
  const writer = new ReplyWriter(frame, encoding);
  writer.writeAnswer();
  return writer.end();
}

/** `[{"result": …}, {"error": "…"}]`: one for each reply. */
export function encodeFrames(frames: readonly Buffer[], encoding: TextEncoding): string | Buffer {
  const answers = frames.map((frame) => encodeFrame(frame, encoding));
  if (answers.every((answer) => typeof answer === 'string')) return `[${answers.join(',')}]`;
  const pieces = answers.flatMap((answer, index) => [
    Buffer.from(index === 0 ? '[' : ','),
    typeof answer === 'string' ? Buffer.from(answer) : answer,
  ]);
  return Buffer.concat([...pieces, Buffer.from(']')]);
}

/** The result of a transaction, one object for each of its commands. Undefined: it was not carried out. */
export function encodeTransaction(frame: Buffer, encoding: TextEncoding): string | Buffer | undefined {
  if (frame[0] !== STAR || frame[1] === MINUS) return undefined;
  const writer = new ReplyWriter(frame, encoding);
  writer.writeAnswers();
  return writer.end();
}

function encodeError(text: string): string {
  return `{"error":${JSON.stringify(text)}}`;
}

/** The commonest reply. */
function encodeBulk(frame: Buffer): string {
  if (frame[1] === MINUS) return NIL;
  return `{"result":${JSON.stringify(frame.toString('utf8', bulkStart(frame), frame.length - 2))}}`;
}

/** Where the value of a bulk string begins; it ends two bytes before the frame does. */
function bulkStart(frame: Buffer): number {
  return lineEnd(frame, 1) + 2;
}

/** The value of a bulk string's frame, or undefined for nil and whatever is no bulk string. */
export function bulkValue(frame: Buffer): Buffer | undefined {
  if (frame[0] !== DOLLAR || frame[1] === MINUS) return undefined;
  return frame.subarray(bulkStart(frame), frame.length - 2);
}

export function isError(frame: Buffer): boolean {
  return frame[0] === MINUS;
}

/** The text of an error's frame. */
export function errorText(frame: Buffer): string {
  return frame.toString('utf8', 1, lineEnd(frame, 1));
}

/** A command as a conversation takes it. */
export function commandOf(args: readonly Buffer[]): { raw: Buffer; args: readonly Buffer[] } {
  return { raw: encodeCommand(args), args };
}

/** The index of the line's CR; a line of a whole frame always has one. */
function lineEnd(frame: Buffer, from: number): number {
  let at = from;
  while (at < frame.length && byteAt(frame, at) !== LF) at += 1;
  return at - 1;
}

/** Goes through a frame in RESP2 once, and makes no tree of it: a list of millions would not fit into the heap. */
class ReplyWriter {
  readonly #frame: Buffer;
  readonly #encoding: TextEncoding;
  readonly #pieces: Buffer[] = [];
  #text = '';
  #at = 0;

  constructor(frame: Buffer, encoding: TextEncoding) {
    this.#frame = frame;
    this.#encoding = encoding;
  }

  end(): string | Buffer {
    if (this.#pieces.length === 0) return this.#text;
    this.#flush();
    return Buffer.concat(this.#pieces);
  }

  writeAnswer(): void {
    const type = byteAt(this.#frame, this.#at);
    if (type === MINUS) {
      this.#add(encodeError(this.#line().toString()));
      return;
    }
    this.#add('{"result":');
    // The SDK takes a bare OK for itself, and everything else for base64.
    if (type === PLUS && this.#isOk()) this.#add('"OK"');
    else this.#writeValue();
    this.#add('}');
  }

  /** The elements of an array, each as an answer of its own. */
  writeAnswers(): void {
    const count = this.#number();
    this.#add('[');
    for (let index = 0; index < count; index += 1) {
      if (index > 0) this.#add(',');
      this.writeAnswer();
    }
    this.#add(']');
  }

  /** Without recursion: a script can return lists that nest deeper than the stack is high. */
  #writeValue(): void {
    /** How many elements are still to come in each list that is open. */
    const open: number[] = [];
    do {
      const count = byteAt(this.#frame, this.#at) === STAR ? this.#openList() : this.#writeScalar();
      if (count > 0) {
        open.push(count);
        continue;
      }
      while (open.length > 0) {
        const left = (open.pop() ?? 0) - 1;
        if (left > 0) {
          open.push(left);
          this.#add(',');
          break;
        }
        this.#add(']');
      }
    } while (open.length > 0);
  }

  /** How many elements come next. */
  #openList(): number {
    const count = this.#number();
    this.#add(count < 0 ? 'null' : count === 0 ? '[]' : '[');
    return count;
  }

  #writeScalar(): number {
    const type = byteAt(this.#frame, this.#at);
    if (type === DOLLAR) this.#writeBulk();
    else if (type === COLON) this.#add(this.#line().latin1Slice());
    else this.#add(this.#quote(this.#line()));
    return 0;
  }

  #writeBulk(): void {
    const length = this.#number();
    if (length < 0) {
      this.#add('null');
      return;
    }
    const start = this.#at;
    this.#at = start + length + 2;
    this.#add(this.#quote(this.#frame.subarray(start, start + length)));
  }

  #quote(value: Buffer): string {
    return this.#encoding === 'base64' ? `"${value.toString('base64')}"` : JSON.stringify(value.toString());
  }

  #isOk(): boolean {
    const { length } = '+OK\r\n';
    if (this.#frame.latin1Slice(this.#at, this.#at + length) !== '+OK\r\n') return false;
    this.#at += length;
    return true;
  }

  #number(): number {
    return Number(this.#line().latin1Slice());
  }

  /** What stands behind the type's byte; goes on behind the line. */
  #line(): Buffer {
    const start = this.#at + 1;
    const end = lineEnd(this.#frame, start);
    this.#at = end + 2;
    return this.#frame.subarray(start, end);
  }

  #add(text: string): void {
    this.#text += text;
    if (this.#text.length >= PIECE) this.#flush();
  }

  #flush(): void {
    this.#pieces.push(Buffer.from(this.#text));
    this.#text = '';
  }
}
