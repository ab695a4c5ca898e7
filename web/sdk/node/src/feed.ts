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
  /** Told when the feed is lost, with why, and when it is heard again. */
  readonly onChange?: (error?: unknown) => void;
}

export interface Feed {
  /** Whether everything that was revoked more than `maxStale` ago is known. */
  fresh(): boolean;
  find(token: Revocable): Revocation | undefined;
  /** Settles when the feed was heard once. */
  ready(signal?: AbortSignal): Promise<void>;
  follow(): void;
}

/** Seconds between the ends of two polls in which nothing happens, at least and at most. */
const shortest = 1;
const longest = 10;

/** How much longer than they say entries are kept, in milliseconds: our clock may be ahead of the issuer's. */
const margin = 120_000;

export function createFeed(options: FeedOptions, clock: Clock = () => performance.now()): Feed {
  const { fetch, maxStale, now, signal } = options;
  const revocations = createRevocations();
  const wait = Math.min(Math.max(Math.floor(maxStale / 3), shortest), longest);
  let cursor: string | undefined;
  // By two clocks: one stops while the machine sleeps, the other one may be set back.
  let heard = { steady: Number.NEGATIVE_INFINITY, wall: Number.NEGATIVE_INFINITY };
  let told = false;

  const fresh = () => Math.max(clock() - heard.steady, now() - heard.wall) <= maxStale * 1000;

  /** One poll; the first one does not wait. Answers how much came. */
  async function poll(): Promise<number> {
    const url = new URL(await options.url(signal));
    if (cursor !== undefined) url.searchParams.set("after", cursor);
    const token = await options.token(signal);
    const answer = await send(fetch, {
      url: url.href,
      headers: { authorization: `Bearer ${token}` },
      ...(cursor !== undefined && { wait }),
      // A connection that was cut is noticed while there is time for another.
      patience: Math.max(1000, (maxStale * 1000) / 3),
      signal,
    });
    if (answer.status === 401) options.forget(token);
    return take(demandOK(answer, "read the revocation feed"));
  }

  function take(answer: Answer): number {
    const body = members(answer);
    const entries = readRevocations(body.revocations);
    if (typeof body.cursor !== "string" || typeof body.complete !== "boolean") {
      throw new AssentError("invalid", "the revocation feed is of another form");
    }
    if (cursor === undefined && !body.complete) {
      throw new AssentError("invalid", "the first answer of the revocation feed is not complete");
    }
    revocations.take(entries);
    revocations.prune(now() - margin);
    cursor = body.cursor;
    heard = { steady: clock(), wall: now() };
    return entries.length;
  }

  async function run(): Promise<void> {
    const again = backoff(100, 2000);
    let idle = 0;
    while (!signal.aborted) {
      const began = clock();
      try {
        const came = await poll();
        if (told) options.onChange?.();
        told = false;
        again.reset();
        // An issuer that does not hold its answers is not asked without a pause.
        if (came === 0 && ++idle > 1 && clock() - began < 500) await pause(1000, { signal, background: true });
      } catch (error) {
        signal.throwIfAborted();
        // A refusal does not pass by waiting.
        const refused = error instanceof AssentError && [401, 403].includes(error.server?.status ?? 0);
        if (!told && (refused || !fresh())) {
          options.onChange?.(error);
          told = true;
        }
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
