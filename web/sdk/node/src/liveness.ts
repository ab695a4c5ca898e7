/** Tells whether tokens still live. If this file is wrong, a revoked token is taken until it expires. */
import { createClient } from "./client.js";
import type { Complete } from "./config.js";
import { AssentError } from "./errors.js";
import { createFeed } from "./feed.js";
import { createIntrospections } from "./introspections.js";
import type { Discovery } from "./issuer.js";
import { Fault, refuse } from "./jwt.js";
import type { Token } from "./token.js";
import { isOpaque, type Rules } from "./verify.js";

export interface Liveness {
  /** Throws a Fault for a JWT that was revoked, and an AssentError where nobody can tell. */
  demand(token: Token, signal?: AbortSignal): Promise<void>;
  /** What a token that is no JWT means. Throws as `demand` does. */
  opaque(raw: string, signal?: AbortSignal): Promise<Token>;
  ready(signal?: AbortSignal): Promise<void>;
}

export interface LivenessOptions {
  readonly config: Complete;
  readonly rules: Rules;
  readonly find: Discovery;
  /** Ends what goes on in the background. */
  readonly signal: AbortSignal;
  /** Told when the feed is lost, and when it is back. */
  readonly onChange: (error?: unknown) => void;
}

const notTaken = async () => {
  throw new Fault("opaque tokens are not taken here");
};

/** Without credentials nobody can be asked: what is signed and has not expired lives. */
const signaturesAlone: Liveness = { demand: async () => {}, opaque: notTaken, ready: async () => {} };

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
  const introspections = createIntrospections({ client, rules });

  /** Whether the feed tells what is revoked; throws where nothing may be taken without it. */
  function told(): boolean {
    if (feed.fresh()) return true;
    if (lost === "refuse") throw new AssentError("unreachable", "the revocation feed is lost");
    return false;
  }

  /** What was heard before the feed was lost still holds. */
  const demandHeard = (token: Token) => refuse(feed.find(token) !== undefined, "it was revoked");

  async function opaque(raw: string, given?: AbortSignal): Promise<Token> {
    refuse(!isOpaque(raw), "it is no access token");
    // While the feed is heard, the claims that an introspection gave are worth as much as those of a JWT.
    const token = told()
      ? (introspections.recall(raw) ?? (await introspections.share(raw, given)))
      : await introspections.opaque(raw, given);
    demandHeard(token);
    return token;
  }

  return {
    ready: feed.ready,
    opaque: config.tokenFormat === "jwt" ? notTaken : opaque,
    async demand(token, given) {
      demandHeard(token);
      if (!told()) await introspections.signed(token.raw, given);
    },
  };
}
