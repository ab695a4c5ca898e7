/** Checks the configuration of a resource server, and fills in what is left to us. */
import type { Credentials } from "./auth.js";
import type { Fetch } from "./http.js";
import { checkIssuer } from "./issuer.js";
import { algorithms } from "./keys.js";
import { checkResource } from "./metadata.js";
import { shortestKey } from "./nonces.js";
import type { Logger, ResourceServerConfig } from "./resource.js";

/** A configuration that can work. Times are in seconds. */
export interface Complete extends ResourceServerConfig {
  /** Absent: nobody tells which tokens are revoked, and they need not be. */
  readonly credentials?: Credentials;
  readonly algorithms: readonly string[];
  readonly maxStale: number;
  readonly lost: "introspect" | "refuse";
  readonly leeway: number;
  readonly baseURL: string;
  readonly logger: Logger;
  readonly fetch: Fetch;
  readonly now: () => number;
}

/** Throws a TypeError for a configuration that cannot work. */
export function complete(config: ResourceServerConfig): Complete {
  checkIssuer(config.issuer);
  const { origin } = checkResource(config.resource);
  const credentials = credentialsOf(config);
  const own: Complete = {
    ...config,
    ...(credentials && { credentials }),
    algorithms: config.algorithms ?? algorithms,
    maxStale: config.maxStale ?? 30,
    lost: config.lost ?? "introspect",
    leeway: config.leeway ?? 5,
    baseURL: config.baseURL ?? origin,
    logger: config.logger ?? console,
    // Looked up at each call, so that what wraps it later is used as well.
    fetch: config.fetch ?? ((...args) => globalThis.fetch(...args)),
    now: config.now ?? Date.now,
  };
  checkLimits(own);
  return own;
}

function credentialsOf(config: ResourceServerConfig): Credentials | undefined {
  const { clientId, key, clientSecret, unrevocable } = config;
  const given = clientId || key || clientSecret;
  if (unrevocable && given) throw new TypeError("unrevocable is for an API without clientId, key and clientSecret");
  if (unrevocable) return undefined;
  if (clientId) return { clientId, key, clientSecret };
  throw new TypeError(
    "without clientId and key nobody tells which tokens are revoked; unrevocable says that they need not be",
  );
}

function checkLimits(config: Complete): void {
  const { algorithms: algs, maxStale, lost, leeway, baseURL, nonceKey, tokenFormat } = config;
  const unknown = algs.find((alg) => !algorithms.includes(alg));
  if (unknown !== undefined || algs.length === 0) throw new TypeError(`algorithms: ${unknown ?? "there are none"}`);
  if (!(maxStale >= 2)) throw new TypeError("maxStale must be at least 2 seconds");
  if (!(leeway >= 0 && leeway <= 60)) throw new TypeError("leeway must be between 0 and 60 seconds");
  if (lost !== "introspect" && lost !== "refuse") throw new TypeError('lost is "introspect" or "refuse"');
  if (tokenFormat !== undefined && tokenFormat !== "jwt") throw new TypeError('tokenFormat is "jwt" or absent');
  if (nonceKey && nonceKey.length < shortestKey)
    throw new TypeError(`nonceKey must have at least ${shortestKey} bytes`);
  if (!URL.canParse(baseURL) || new URL(baseURL).origin !== baseURL) {
    throw new TypeError(`baseURL ${JSON.stringify(baseURL)} is not scheme and host`);
  }
}
