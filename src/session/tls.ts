/** TLS on a listening port: what is asked of clients, and certificates that are renewed while they stay connected. */
import type { Socket } from 'node:net';
import type { SecureContextOptions, Server, TlsOptions } from 'node:tls';

export interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** With one, clients must show a certificate of it. */
  readonly ca: Buffer | undefined;
}

/** Redis clients do it in one round trip or two. */
const HANDSHAKE_TAKES = 10_000;

export function tlsServerOptions(files: TlsFiles): TlsOptions {
  const clients = files.ca ? { requestCert: true, rejectUnauthorized: true } : {};
  return { ...contextOf(files), ...clients, handshakeTimeout: HANDSHAKE_TAKES };
}

/** Who is connected stays so; who comes from now on sees the new certificate, and is held against the new CA. */
export function renewCertificates(server: Server, files: TlsFiles): void {
  server.setSecureContext(contextOf(files));
}

/** A client that does not finish its handshake is no client yet, and counts for nothing: so many may try at once. */
export function boundHandshakes(server: Server, most: number): void {
  const trying = new Set<string>();
  server.on('connection', (socket: Socket) => {
    if (trying.size >= most) {
      socket.destroy();
      return;
    }
    const place = placeOf(socket);
    trying.add(place);
    socket.once('close', () => trying.delete(place));
  });
  server.on('secureConnection', (socket) => trying.delete(placeOf(socket)));
  server.on('tlsClientError', (_problem, socket) => {
    trying.delete(placeOf(socket));
    // Node leaves it open, for ever if need be.
    socket.destroy();
  });
}

/** A socket and the secure one around it have nothing else in common. */
function placeOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function contextOf({ cert, key, ca }: TlsFiles): SecureContextOptions {
  return { cert, key, minVersion: 'TLSv1.2', ...(ca ? { ca } : {}) };
}
