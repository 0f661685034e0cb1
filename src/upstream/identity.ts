/** Who a connection is to Redis: the user, how it proves that, and the database it has selected. */

export interface Identity {
  /** Empty for a connection that never authenticated. */
  readonly user: string;
  /** The newest that Redis has accepted. */
  password: string | undefined;
  /** It named no user: the older form of AUTH, which every Redis understands. */
  readonly byPasswordAlone: boolean;
  readonly db: number;
}

export type Protocol = 2 | 3;

export function identityKey(identity: Pick<Identity, 'user' | 'db'>): string {
  return `${identity.db} ${identity.user}`;
}

/** As ACL LIST names it: a connection that never authenticated is the default user's. */
export function userOf({ user }: Identity): string {
  return user === '' ? 'default' : user;
}
