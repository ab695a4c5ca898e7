/** Tells whether tokens still live. If this file is wrong, a revoked token is taken until it expires. */
import { createClient } from "./client.js";
import type { Complete } from "./config.js";
import { sha256 } from "./dpop.js";
import { AssentError } from "./errors.js";
import { createFeed, type Feed } from "./feed.js";
import type { discovery } from "./issuer.js";
import { Fault, refuse } from "./jwt.js";
import { readToken, type Token } from "./token.js";
import { checkClaims, isJWT, type Rules } from "./verify.js";

export interface Liveness {
  /** Throws a Fault for a token that was revoked, and an AssentError where nobody can tell. */
  demand(token: Token, signal?: AbortSignal): Promise<void>;
  /** What an opaque token means. Throws as `demand` does. */
  opaque(raw: string, signal?: AbortSignal): Promise<Token>;
  ready(signal?: AbortSignal): Promise<void>;
}

export interface LivenessOptions {
  readonly config: Complete;
  readonly rules: Rules;
  readonly find: ReturnType<typeof discovery>;
  /** Ends what goes on in the background. */
  readonly signal: AbortSignal;
  /** Told when the feed is lost, and when it is back. */
  readonly onChange: (error?: unknown) => void;
}

/** Without credentials nobody can be asked: what is signed and has not expired lives. */
const signaturesAlone: Liveness = {
  demand: async () => {},
  opaque: async () => {
    throw new Fault("opaque tokens are not taken here");
  },
  ready: async () => {},
};

export function createLiveness({ config, rules, find, signal, onChange }: LivenessOptions): Liveness {
  const { credentials, issuer, lost } = config;
  if (!credentials) return signaturesAlone;
  const client = createClient({ issuer, ...credentials, fetch: config.fetch, now: config.now });
  const feed = createFeed({
    ...config,
    ...{ signal, onChange, forget: client.forget },
    url: async () => (await find(signal)).feed || `${issuer}/v1/revocations`,
    token: async () => (await client.token({ resource: [issuer], signal })).token,
  });
  feed.follow();

  async function introspect(raw: string, given?: AbortSignal): Promise<Token> {
    const { active, ...claims } = await client.introspect(raw, { signal: given });
    refuse(!active, "it is not active");
    const token = readToken(raw, claims);
    checkClaims(token, rules);
    return token;
  }

  const demandFeed = () => {
    if (lost === "refuse" && !feed.fresh()) throw new AssentError("unreachable", "the revocation feed is lost");
  };
  const remembered = createMemory(feed, rules);

  return {
    ready: feed.ready,
    async opaque(raw, given) {
      demandFeed();
      return remembered.get(raw) ?? remembered.keep(raw, await introspect(raw, given));
    },
    async demand(token, given) {
      // What was heard before the feed was lost still holds.
      refuse(feed.find(token) !== undefined, "it was revoked");
      demandFeed();
      // An opaque token was introspected just now.
      if (!feed.fresh() && isJWT(token.raw)) await introspect(token.raw, given);
    },
  };
}

/** How long an answer about an opaque token is kept, in milliseconds, and how many. */
const kept = 60_000;
const most = 10_000;

/** While the feed tells what is revoked, the claims that an introspection gave are worth as much as those of a JWT. */
function createMemory(feed: Feed, rules: Rules) {
  const tokens = new Map<string, { token: Token; until: number }>();
  return {
    get(raw: string): Token | undefined {
      const known = tokens.get(sha256(raw));
      if (!known || !feed.fresh() || performance.now() >= known.until) return undefined;
      checkClaims(known.token, rules);
      return known.token;
    },
    keep(raw: string, token: Token): Token {
      for (const oldest of tokens.keys()) {
        if (tokens.size < most) break;
        tokens.delete(oldest);
      }
      tokens.set(sha256(raw), { token, until: performance.now() + kept });
      return token;
    },
  };
}
