/** Tokens that are kept until they are of no use any more. */
import { AssentError } from "./errors.js";
import { type Answer, members } from "./http.js";
import { within } from "./time.js";

/** A way in to an API, for as long as it lives. */
export interface AccessToken {
  /** A secret. */
  readonly token: string;
  /** "Bearer", or what the issuer said. */
  readonly type: string;
  readonly scopes: readonly string[];
  /** Absent: the issuer did not say. */
  readonly expiresAt?: Date;
  /** What an exchange gave (RFC 8693, Section 2.2.1). */
  readonly issuedTokenType?: string;
}

/** Reads a token answer (RFC 6749, Section 5.1); `asked` is the scope where the answer names none. */
export function readAccessToken(answer: Answer, began: number, asked = ""): AccessToken {
  const { access_token, token_type, expires_in, scope, issued_token_type } = members(answer);
  if (typeof access_token !== "string" || !access_token || typeof token_type !== "string" || !token_type) {
    throw new AssentError("invalid", "the token answer holds no token");
  }
  const lives = typeof expires_in === "number" && expires_in > 0;
  return {
    token: access_token,
    // RFC 6749, Section 5.1: case means nothing.
    type: token_type.toLowerCase() === "bearer" ? "Bearer" : token_type,
    scopes: (typeof scope === "string" ? scope : asked).split(" ").filter(Boolean),
    ...(lives && { expiresAt: new Date(began + expires_in * 1000) }),
    ...(typeof issued_token_type === "string" && { issuedTokenType: issued_token_type }),
  };
}

export interface TokenCache {
  /** The token of this name, kept or new: one is asked for at a time, by one caller for all. */
  get(name: string, mint: () => Promise<AccessToken>, signal?: AbortSignal): Promise<AccessToken>;
  /** Drops a token. Of all who were refused with the same one, the first decides. */
  forget(token: string): void;
}

interface Place {
  token?: AccessToken | undefined;
  /** From then on another one is asked for in the background, and from then on callers wait for that. */
  renew: number;
  last: number;
  flight?: Promise<AccessToken> | undefined;
}

/** One for each set of scopes and resources. */
const most = 256;

/**
 * Four fifths of its life a token is simply there; then another is fetched; and in its last tenth or its last 30 seconds,
 * whichever is shorter, it is used only where no other comes: it might expire on its way.
 */
export function createTokenCache(now: () => number): TokenCache {
  const places = new Map<string, Place>();

  function placeOf(name: string): Place {
    const place = places.get(name) ?? { renew: 0, last: 0 };
    places.delete(name); // the least recently used comes first
    places.set(name, place);
    for (const oldest of places.keys()) {
      if (places.size <= most) break;
      places.delete(oldest);
    }
    return place;
  }

  function renew(place: Place, mint: () => Promise<AccessToken>): Promise<AccessToken> {
    place.flight ??= (async () => {
      try {
        const began = now();
        const token = await mint();
        const end = token.expiresAt?.getTime() ?? 0;
        const life = end - began;
        place.token = life > 0 ? token : undefined;
        place.renew = end - life / 5;
        place.last = end - Math.min(life / 10, 30_000);
        return token;
      } finally {
        place.flight = undefined;
      }
    })();
    return place.flight;
  }

  return {
    async get(name, mint, signal) {
      signal?.throwIfAborted();
      const place = placeOf(name);
      const { token } = place;
      const alive = token?.expiresAt && now() < token.expiresAt.getTime() ? token : undefined;
      if (alive && now() < place.renew) return alive;
      const flight = renew(place, mint);
      if (alive && now() < place.last) {
        flight.catch(() => {}); // whoever comes in the last moments hears of it
        return alive;
      }
      if (!alive) return within(flight, signal);
      return within(
        flight.catch(() => alive),
        signal,
      );
    },
    forget(token) {
      for (const place of places.values()) if (place.token?.token === token) place.token = undefined;
    },
  };
}
