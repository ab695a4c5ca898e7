/**
 * What the issuer's revocation feed has told. If this file is wrong, a token that was revoked is taken until it expires.
 */

/** What became invalid: tokens of it that were issued at `before` or earlier. Times are Unix milliseconds. */
export interface Revocation {
  readonly kind: "client" | "subject" | "grant" | "token" | "realm";
  readonly id: string;
  readonly before: number;
  /** No token that it concerns lives longer. */
  readonly expires: number;
}

/** What is looked for in the feed. */
export interface Revocable {
  readonly issuer: string;
  readonly clientId: string;
  readonly subject: string;
  readonly grantId?: string | undefined;
  readonly jti: string;
  /** Unix seconds. */
  readonly issuedAt: number;
  /** What it hangs under because it was exchanged: tokens, grants, clients and people. */
  readonly parents?: readonly string[] | undefined;
}

export interface Revocations {
  /** Adds what came. Nothing is ever taken back: an entry ends by its time alone. */
  take(entries: readonly Revocation[]): void;
  /** The entry that ends this token, if there is one. */
  find(token: Revocable): Revocation | undefined;
  /** Forgets what no living token can concern. */
  prune(now: number): void;
  readonly size: number;
}

export function createRevocations(): Revocations {
  const entries = new Map<string, Revocation>();
  const put = (entry: Revocation) => {
    const key = `${entry.kind} ${entry.id}`;
    const old = entries.get(key);
    const before = Math.max(entry.before, old?.before ?? 0);
    entries.set(key, { ...entry, before, expires: Math.max(entry.expires, old?.expires ?? 0) });
  };
  return {
    take(list) {
      for (const entry of list) put(entry);
    },
    find(token) {
      if (entries.size === 0) return undefined;
      const issued = issuedAt(token.jti, token.issuedAt);
      for (const [kind, id] of names(token)) {
        const entry = id ? entries.get(`${kind} ${id}`) : undefined;
        if (entry && issued <= entry.before) return entry;
      }
      return undefined;
    },
    prune(now) {
      for (const [key, { expires }] of entries) if (expires <= now) entries.delete(key);
    },
    get size() {
      return entries.size;
    },
  };
}

/**
 * What an exchanged token hangs under, as entries name it. Client ids may look like anything, so that what has no
 * prefix of ours is looked for as both, as `sub` is.
 */
function parentNames(id: string): [Revocation["kind"], string][] {
  if (id.startsWith("tok_")) return [["token", id]];
  if (id.startsWith("grt_")) return [["grant", id]];
  return [
    ["client", id],
    ["subject", id],
  ];
}

/** All names under which a token can have been revoked. A client that another one acts for is its subject. */
function names(token: Revocable): [Revocation["kind"], string | undefined][] {
  const parents = (token.parents ?? []).flatMap(parentNames);
  return [
    ["realm", token.issuer],
    ["client", token.clientId],
    ["client", token.subject],
    ["subject", token.subject],
    ["grant", token.grantId],
    ["token", token.jti],
    ...parents,
  ];
}

/** Reads what the feed sends; throws a TypeError for what is not an entry. Kinds of a later version are passed over. */
export function readRevocations(value: unknown): Revocation[] {
  if (!Array.isArray(value)) throw new TypeError("revocations is no list");
  return value.filter((entry) => {
    const { kind, id, before, expires } = (entry ?? {}) as Record<string, unknown>;
    if (typeof kind !== "string" || typeof id !== "string" || !isTime(before) || !isTime(expires)) {
      throw new TypeError("an entry of the feed is of another form");
    }
    return kinds.has(kind);
  });
}

const kinds = new Set(["client", "subject", "grant", "token", "realm"]);
const isTime = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;

/**
 * When a token was issued, in Unix milliseconds: `jti` holds the millisecond (a UUIDv7 in Crockford's base32) of the
 * second that `iat` has. Where they do not agree, `iat` counts.
 */
export function issuedAt(jti: string, iat: number): number {
  const instant = timeOf(jti);
  return instant !== undefined && Math.floor(instant / 1000) === iat ? instant : iat * 1000;
}

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/** RFC 9562, Section 5.7: the first 48 of 128 bits; the first of the 26 characters holds three. */
function timeOf(jti: string): number | undefined {
  if (!/^tok_[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(jti)) return undefined;
  // 3 bits and nine times 5 are the first 48.
  let value = 0;
  for (const character of jti.slice(4, 14)) value = value * 32 + alphabet.indexOf(character);
  return value;
}
