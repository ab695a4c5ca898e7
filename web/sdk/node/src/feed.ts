/** Follows the issuer's revocation feed by long polling. */
import { AssentError } from "./errors.js";
import { type Answer, demandOK, type Fetch, members, send } from "./http.js";
import { createRevocations, type Revocable, type Revocation, readRevocations } from "./revocations.js";
import { backoff, type Clock, pause } from "./time.js";

/** How the feed is followed. */
export interface FeedOptions {
  readonly url: (signal?: AbortSignal) => Promise<string>;
  /** A token for the feed; after a refusal, another one. */
  readonly token: (signal?: AbortSignal) => Promise<string>;
  readonly forget: (token: string) => void;
  readonly fetch: Fetch;
  /** Seconds without an answer after which the feed counts as lost. */
  readonly maxStale: number;
  readonly now: Clock;
  readonly signal: AbortSignal;
  /** Told when the feed is lost, with why, and when all of it is heard again. */
  readonly onChange?: (error?: unknown) => void;
}

export interface Feed {
  /** Whether everything that was revoked more than `maxStale` ago is known. */
  fresh(): boolean;
  find(token: Revocable): Revocation | undefined;
  /** Settles when all of the feed was heard once. */
  ready(signal?: AbortSignal): Promise<void>;
  follow(): void;
}

/** Seconds between the ends of two polls in which nothing happens, at least and at most. */
const shortest = 1;
const longest = 10;

/** How much longer than they say entries are kept, in milliseconds: our clock may be ahead of the issuer's. */
const margin = 120_000;

/** How often they are gone through, in milliseconds. */
const pruneEvery = 10_000;

/**
 * Bytes of a page: 10,000 entries whose ids have 512 bytes, the most that ids of clients have, each written as six (RFC 8259,
 * Section 7).
 */
const maxPage = 32 << 20;

/** Who may not read the feed is told nothing by it from then on: that is known at once, and does not pass by waiting. */
function isRefusal(error: unknown): error is AssentError {
  if (!(error instanceof AssentError) || !error.server) return false;
  // RFC 6749, Section 5.2; RFC 6750, Section 3.1
  return [400, 401, 403].includes(error.server.status);
}

export function createFeed(options: FeedOptions, clock: Clock = () => performance.now()): Feed {
  const { fetch, maxStale, now, signal } = options;
  const revocations = createRevocations();
  const wait = Math.min(Math.max(Math.floor(maxStale / 3), shortest), longest);
  let cursor: string | undefined;
  let more = false;
  let pruned = Number.NEGATIVE_INFINITY;
  // By two clocks: one stops while the machine sleeps, the other one may be set back.
  const never = { steady: Number.NEGATIVE_INFINITY, wall: Number.NEGATIVE_INFINITY };
  let heard = never;
  let told = false;

  const fresh = () => Math.max(clock() - heard.steady, now() - heard.wall) <= maxStale * 1000;

  async function ask(token: string): Promise<Answer> {
    const url = new URL(await options.url(signal));
    if (cursor !== undefined) url.searchParams.set("after", cursor);
    return send(fetch, {
      url: url.href,
      headers: { authorization: `Bearer ${token}` },
      ...(fresh() && !more && { wait }),
      // A connection that was cut is noticed while there is time for another.
      patience: Math.max(1000, (maxStale * 1000) / 3),
      most: maxPage,
      signal,
    });
  }

  /** One poll, which waits for news only if all that was before is known. Answers how much came. */
  async function poll(): Promise<number> {
    const token = await options.token(signal);
    let answer = await ask(token);
    if (answer.status === 401 || answer.status === 403) {
      // It may be the token's fault alone.
      options.forget(token);
      answer = await ask(await options.token(signal));
    }
    return take(demandOK(answer, "read the revocation feed"));
  }

  function take(answer: Answer): number {
    const { revocations: list, cursor: next, complete, more: goesOn = false } = members(answer);
    const entries = readRevocations(list);
    if (typeof next !== "string" || typeof complete !== "boolean" || typeof goesOn !== "boolean") {
      throw new AssentError("invalid", "the revocation feed is of another form");
    }
    if (cursor === undefined && !complete && !goesOn) {
      throw new AssentError("invalid", "the first answer of the revocation feed is not complete");
    }
    // Otherwise the same page would be asked for without an end.
    if (goesOn && next === cursor) {
      throw new AssentError("invalid", "the revocation feed does not go on");
    }
    revocations.take(entries);
    cursor = next;
    more = goesOn;
    if (!more) {
      if (clock() - pruned >= pruneEvery) {
        revocations.prune(now() - margin);
        pruned = clock();
      }
      heard = { steady: clock(), wall: now() };
    }
    return entries.length;
  }

  function failed(error: unknown): void {
    const refused = isRefusal(error);
    if (refused) heard = never;
    if (told || !(refused || !fresh())) return;
    options.onChange?.(error);
    told = true;
  }

  async function run(): Promise<void> {
    const again = backoff(100, 2000);
    let idle = 0;
    while (!signal.aborted) {
      const began = clock();
      try {
        const came = await poll();
        if (more) continue;
        if (told) options.onChange?.();
        told = false;
        again.reset();
        // An issuer that does not hold its answers is not asked without a pause.
        if (came === 0 && ++idle > 1 && clock() - began < 500) await pause(1000, { signal, background: true });
      } catch (error) {
        signal.throwIfAborted();
        failed(error);
        await pause(again.next(), { signal, background: true });
      }
    }
  }

  return {
    fresh,
    find: (token) => revocations.find(token),
    async ready(given) {
      while (!fresh()) {
        signal.throwIfAborted();
        await pause(20, { signal: given });
      }
    },
    follow: () => void run().catch(() => {}), // its signal has ended
  };
}
