/** The public keys that a realm signs with (RFC 7517), kept at hand. */
import { type CryptoKey, importJWK, type JWK } from "jose";
import { AssentError } from "./errors.js";
import { demandOK, type Fetch, get, members } from "./http.js";
import { backoff, type Clock, limited, pause, within } from "./time.js";

/** A key and the one algorithm that it is for. */
export interface Key {
  readonly alg: string;
  readonly key: CryptoKey;
}

/** Keys that cannot be read now: nothing is known about a token. */
export class KeysUnavailable extends Error {}

/** How keys are kept. Times are in milliseconds. */
export interface KeysOptions {
  /** Where they are; asked for each time. */
  readonly url: () => Promise<string>;
  /** What else is read again with them in the background; if that fails, what was known stays. */
  readonly beside?: () => Promise<void>;
  readonly fetch: Fetch;
  /** How long a token with an unknown key waits for the keys to be read again. */
  readonly patience: number;
  /** Ends what goes on in the background. */
  readonly signal?: AbortSignal;
  /** Told when they are lost and found again. */
  readonly onChange?: (error?: unknown) => void;
}

export interface Keys {
  /** The key with this id; undefined if the issuer has none. Throws KeysUnavailable, or the reason of the signal. */
  find(kid: string, signal?: AbortSignal): Promise<Key | undefined>;
  /** Reads them now and again until the signal of the options ends. */
  follow(): void;
  /** Settles when they have been read once by `follow`. */
  ready(signal?: AbortSignal): Promise<void>;
}

const refreshEvery = 5 * 60_000;
/** Tokens with made-up key ids must not turn into requests. */
const unknownEvery = 10_000;
const firstEvery = 1000;

export function createKeys(options: KeysOptions, clock: Clock = () => performance.now()): Keys {
  let keys: ReadonlyMap<string, Key> | undefined;
  let asked = Number.NEGATIVE_INFINITY;
  let failed: unknown;
  let flight: Promise<void> | undefined;

  /** One flight, whoever asks. It never throws: what failed is in `failed`. */
  function refresh(): Promise<void> {
    flight ??= read().finally(() => {
      flight = undefined;
    });
    return flight;
  }

  async function read(): Promise<void> {
    try {
      keys = await load(options);
      if (failed !== undefined) options.onChange?.();
      failed = undefined;
    } catch (error) {
      if (failed === undefined) options.onChange?.(error);
      failed = error;
    }
  }

  async function find(kid: string, signal?: AbortSignal): Promise<Key | undefined> {
    const known = keys?.get(kid);
    if (known) return known;
    if (flight || clock() - asked >= (keys ? unknownEvery : firstEvery)) {
      if (!flight) asked = clock();
      const limit = limited(options.patience, signal, true);
      await within(refresh(), limit.signal)
        .catch((error) => {
          if (limit.late()) throw new KeysUnavailable("the keys did not come in time");
          throw error;
        })
        .finally(limit.end);
    }
    const found = keys?.get(kid);
    if (!found && (failed !== undefined || !keys)) {
      throw new KeysUnavailable("the keys cannot be read", { cause: failed });
    }
    return found;
  }

  /** Where it fails, what was read before stays. */
  async function beside(): Promise<void> {
    await options.beside?.().catch(() => {});
  }

  async function run(): Promise<void> {
    const again = backoff(200, 10_000);
    while (!options.signal?.aborted) {
      await Promise.all([refresh(), beside()]);
      if (failed === undefined) again.reset();
      const next = failed === undefined ? refreshEvery * (0.9 + Math.random() / 10) : again.next();
      await pause(next, { signal: options.signal, background: true });
    }
  }

  return {
    find,
    follow: () => void run().catch(() => {}), // its signal has ended
    async ready(signal) {
      while (!keys) {
        options.signal?.throwIfAborted();
        await pause(20, { signal });
      }
    },
  };
}

async function load({ url, fetch, signal }: KeysOptions): Promise<ReadonlyMap<string, Key>> {
  const answer = demandOK(
    await get(fetch, { url: await url(), signal, background: signal !== undefined }),
    "read the keys",
  );
  const { keys } = members(answer);
  if (!Array.isArray(keys)) throw new AssentError("invalid", "the keys are no JWK set");
  const found = new Map<string, Key>();
  for (const jwk of keys as JWK[]) {
    const key = await publicKey(jwk);
    if (key && jwk.kid) found.set(jwk.kid, key);
  }
  return found;
}

/** The public key of a JWK; undefined for one that is of another kind (RFC 7517, Section 5), or for something else. */
export async function publicKey(jwk: JWK, wanted?: string): Promise<Key | undefined> {
  const alg = jwk?.alg ?? wanted ?? usual[`${jwk?.kty}/${jwk?.crv}`];
  if (!alg || !algorithms.includes(alg) || jwk.use === "enc" || "d" in jwk || jwk.kty === "oct") return undefined;
  try {
    const key = await importJWK(jwk, alg);
    return key instanceof Uint8Array ? undefined : { alg, key };
  } catch {
    return undefined;
  }
}

const usual: Record<string, string> = { "EC/P-256": "ES256", "OKP/Ed25519": "EdDSA" };

/** Those that this package verifies. All are asymmetric. */
export const algorithms: readonly string[] = ["ES256", "EdDSA", "Ed25519", "PS256", "RS256"];

/** RFC 9864: Ed25519 is EdDSA under its own name. */
export function sameAlgorithm(a: unknown, b: string): boolean {
  const plain = (name: unknown) => (name === "Ed25519" ? "EdDSA" : name);
  return plain(a) === plain(b);
}
