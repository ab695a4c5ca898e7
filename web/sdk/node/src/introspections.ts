/**
 * Asks the issuer what tokens mean (RFC 7662), without letting strangers ask through us as often as they like, or in the
 * place of those whose tokens are known.
 */
import type { Client } from "./client.js";
import { sha256 } from "./dpop.js";
import { AssentError } from "./errors.js";
import { Fault, refuse } from "./jwt.js";
import { type Clock, limited, within } from "./time.js";
import { readToken, type Token } from "./token.js";
import { checkClaims, type Rules } from "./verify.js";

/** What a question is about: tokens that nobody has seen yet, those that were good before, and JWTs while the feed is lost. */
type Line = "new" | "known" | "signed";

export interface IntrospectionsOptions {
  readonly client: Pick<Client, "introspect">;
  readonly rules: Rules;
}

export interface Introspections {
  /** Asks about a JWT. Throws a Fault for a token that is no good, and an AssentError where nobody can tell. */
  signed(raw: string, signal?: AbortSignal): Promise<Token>;
  /** Asks about an opaque token, for this one caller. */
  opaque(raw: string, signal?: AbortSignal): Promise<Token>;
  /** The same, once for all who want to know at the same time. */
  share(raw: string, signal?: AbortSignal): Promise<Token>;
  /** What was answered less than a minute ago, while its answer can be held against the feed. */
  recall(raw: string): Token | undefined;
}

/** How long answers are kept, in milliseconds, and how many of each kind. */
const good = 60_000;
const bad = 5000;
const mostKept = 10_000;

/** Questions of a line under way, those who wait for one to end, and how long any of it may take, in milliseconds. */
const underWay = 64;
const mostWaiting = 1000;
const patience = 5000;

export function createIntrospections(
  { client, rules }: IntrospectionsOptions,
  clock: Clock = () => performance.now(),
): Introspections {
  const lines = { new: createTurns(underWay), known: createTurns(underWay), signed: createTurns(underWay) };
  const known = new Map<string, { readonly token: Token; readonly until: number }>();
  const inactive = new Map<string, number>();
  const flights = new Map<string, Promise<Token>>();

  async function ask(line: Line, raw: string, given?: AbortSignal): Promise<Token> {
    const limit = limited(patience, given);
    try {
      const { active, ...claims } = await lines[line](
        () => client.introspect(raw, { signal: limit.signal }),
        limit.signal,
      );
      refuse(!active, "it is not active");
      const token = readToken(raw, claims);
      checkClaims(token, rules);
      return token;
    } catch (error) {
      if (!limit.late()) throw error;
      throw new AssentError("unreachable", "the issuer was not asked about the token in time", { cause: error });
    } finally {
      limit.end();
    }
  }

  /** Of an opaque token: remembers what came. */
  async function learn(raw: string, given?: AbortSignal): Promise<Token> {
    const name = sha256(raw);
    // What is no token does not become one.
    refuse((inactive.get(name) ?? 0) > clock(), "it is not active");
    try {
      const token = await ask(known.has(name) ? "known" : "new", raw, given);
      keep(known, name, { token, until: clock() + good });
      return token;
    } catch (error) {
      if (error instanceof Fault) {
        known.delete(name);
        keep(inactive, name, clock() + bad);
      }
      throw error;
    }
  }

  return {
    signed: (raw, given) => ask("signed", raw, given),
    opaque: learn,
    share(raw, given) {
      // The end of one request ends it for nobody.
      const flight = flights.get(raw) ?? learn(raw).finally(() => flights.delete(raw));
      flights.set(raw, flight);
      flight.catch(() => {}); // if all have left
      return within(flight, given);
    },
    recall(raw) {
      const found = known.get(sha256(raw));
      if (!found || clock() >= found.until) return undefined;
      checkClaims(found.token, rules);
      return found.token;
    },
  };
}

/** The oldest makes room: what is missing is asked again. */
export function keep<T>(places: Map<string, T>, name: string, value: T, most = mostKept): void {
  places.delete(name);
  for (const oldest of places.keys()) {
    if (places.size < most) break;
    places.delete(oldest);
  }
  places.set(name, value);
}

/** Runs so much at once, and lets others wait in their order. */
export function createTurns(atOnce: number, waiting = mostWaiting) {
  let running = 0;
  const queue = new Set<() => void>();

  async function turn(signal: AbortSignal): Promise<void> {
    if (running < atOnce) {
      running++;
      return;
    }
    if (queue.size >= waiting) throw new AssentError("unreachable", "too many tokens are asked about");
    let go = () => {};
    const mine = new Promise<void>((resume) => {
      go = resume;
    });
    queue.add(go);
    try {
      await within(mine, signal);
    } catch (error) {
      // Who was called and left at the same moment calls the next one.
      if (!queue.delete(go)) done();
      throw error;
    }
  }

  function done(): void {
    for (const next of queue) {
      queue.delete(next);
      next();
      return;
    }
    running--;
  }

  return async <T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    await turn(signal);
    try {
      return await work();
    } finally {
      done();
    }
  };
}
