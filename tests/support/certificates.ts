/** Certificates for tests, made on the spot: authorities, and what they sign. X.509 needs little when one writes it oneself. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export interface Issued {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

const ECDSA_WITH_SHA256 = [1, 2, 840, 10045, 4, 3, 2];
const COMMON_NAME = [2, 5, 4, 3];
const BASIC_CONSTRAINTS = [2, 5, 29, 19];
const ALTERNATIVE_NAMES = [2, 5, 29, 17];
const DAY = 24 * 60 * 60 * 1000;

export class Authority implements Issued {
  readonly #name: string;
  readonly #private: KeyObject;
  readonly cert: string;
  readonly key: string;
  static #serial = 1;

  constructor(name: string) {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#name = name;
    this.#private = privateKey;
    this.key = pemOf(privateKey);
    this.cert = this.#sign(name, publicKey, [
      extension(BASIC_CONSTRAINTS, sequence(element(0x01, Buffer.from([0xff]))), true),
    ]);
  }

  /** `hosts` are names, or IPv4 addresses: whom the certificate is for. */
  issue(name: string, hosts: readonly string[] = []): Issued {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const names = hosts.map((host) =>
      /^[\d.]+$/.test(host)
        ? element(0x87, Buffer.from(host.split('.').map(Number)))
        : element(0x82, Buffer.from(host)),
    );
    const extensions = names.length > 0 ? [extension(ALTERNATIVE_NAMES, sequence(...names))] : [];
    return { cert: this.#sign(name, publicKey, extensions), key: pemOf(privateKey) };
  }

  #sign(subject: string, publicKey: KeyObject, extensions: Buffer[]): string {
    Authority.#serial += 1;
    const algorithm = sequence(objectId(ECDSA_WITH_SHA256));
    const body = sequence(
      element(0xa0, element(0x02, Buffer.from([2]))),
      element(0x02, Buffer.from([1, Authority.#serial >> 8, Authority.#serial & 0xff])),
      algorithm,
      nameOf(this.#name),
      sequence(time(Date.now() - DAY), time(Date.now() + DAY)),
      nameOf(subject),
      publicKey.export({ type: 'spki', format: 'der' }),
      ...(extensions.length > 0 ? [element(0xa3, sequence(...extensions))] : []),
    );
    const signature = sign('sha256', body, this.#private);
    const whole = sequence(body, algorithm, element(0x03, Buffer.concat([Buffer.from([0]), signature])));
    const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
    return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
  }
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** One element of DER: its tag, its length, its bytes. */
function element(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head = length < 0x80 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

function sequence(...parts: Buffer[]): Buffer {
  return element(0x30, Buffer.concat(parts));
}

function objectId([first = 0, second = 0, ...rest]: readonly number[]): Buffer {
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const digits = [arc & 0x7f];
    for (let more = arc >> 7; more > 0; more >>= 7) digits.unshift((more & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return element(0x06, Buffer.from(bytes));
}

function nameOf(name: string): Buffer {
  return sequence(element(0x31, sequence(objectId(COMMON_NAME), element(0x0c, Buffer.from(name)))));
}

function time(milliseconds: number): Buffer {
  const digits = new Date(milliseconds).toISOString().replace(/[-:T]|\.\d+/g, '');
  return element(0x18, Buffer.from(digits));
}

function extension(id: readonly number[], value: Buffer, critical = false): Buffer {
  const flag = critical ? [element(0x01, Buffer.from([0xff]))] : [];
  return sequence(objectId(id), ...flag, element(0x04, value));
}
