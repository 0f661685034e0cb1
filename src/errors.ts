/** The errors that a caller may meet; each has a code that stays the same when its wording changes. */

export class RespiteError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** A flag, variable or option that respite cannot start with. */
export class OptionError extends RespiteError {
  constructor(message: string) {
    super('ERR_RESPITE_OPTION', message);
  }
}

/** The private redis-server could not be started. */
export class EmbeddedError extends RespiteError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_RESPITE_EMBEDDED', message, options);
  }
}

/** A port or socket that clients should connect to could not be opened. */
export class ListenError extends RespiteError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_RESPITE_LISTEN', message, options);
  }
}

/** The backing Redis cannot be reached, or refuses the connection. */
export class UpstreamError extends RespiteError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_RESPITE_UPSTREAM', message, options);
  }
}
