/** What an issuer says of itself (OpenID Connect Discovery 1.0, Section 3). */
import { AssentError } from "./errors.js";
import { demandOK, type Fetch, get, members } from "./http.js";
import { within } from "./time.js";

/** What this package uses: endpoints, which are empty if the issuer does not have them, and what it says beside these. */
export interface Endpoints {
  readonly jwks: string;
  readonly token: string;
  readonly backchannel: string;
  readonly revocation: string;
  readonly introspection: string;
  readonly feed: string;
  readonly evidenceKeys: string;
  readonly authMethods: readonly string[];
  /** Scopes that are worth one request that a person approved. */
  readonly approvalScopes: readonly string[];
}

const names = {
  jwks: "jwks_uri",
  token: "token_endpoint",
  backchannel: "backchannel_authentication_endpoint",
  revocation: "revocation_endpoint",
  introspection: "introspection_endpoint",
  feed: "revocation_feed_endpoint",
  evidenceKeys: "assent_evidence_keys_uri",
} as const;

/** Throws a TypeError for what can be no issuer. Plain http is for loopback alone. */
export function checkIssuer(issuer: string): string {
  const url = typeof issuer === "string" && URL.canParse(issuer) ? new URL(issuer) : undefined;
  if (!url || url.username || url.password || /[?#]/.test(issuer) || issuer.endsWith("/")) {
    throw new TypeError(
      `issuer ${JSON.stringify(issuer)} is not an absolute URL without query, fragment and last slash`,
    );
  }
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname))) {
    throw new TypeError("the issuer must be https (plain http is for loopback alone)");
  }
  return issuer;
}

/** Whether a host name, as URL has it, is this machine. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || /^127\.\d+\.\d+\.\d+$/.test(host) || host === "[::1]";
}

/** Finds out what the issuer says. */
export interface Discovery {
  /** Reads the document when it is first needed, and again only if that failed. */
  (signal?: AbortSignal): Promise<Endpoints>;
  /** What was read last; undefined before that. */
  known(): Endpoints | undefined;
  /** Reads it again; throws if that fails, and what was known stays. */
  refresh(): Promise<void>;
}

/** `life` is that of whoever reads in the background. */
export function discovery(issuer: string, fetch: Fetch, life?: AbortSignal): Discovery {
  let found: Promise<Endpoints> | undefined;
  let known: Endpoints | undefined;
  const read = async () => {
    known = await discover(issuer, fetch, life);
    return known;
  };
  const find = (signal?: AbortSignal) => {
    found ??= read().catch((error) => {
      found = undefined;
      throw error;
    });
    return within(found, signal);
  };
  const refresh = async () => {
    if (known) found = Promise.resolve(await read());
    else await find();
  };
  return Object.assign(find, { known: () => known, refresh });
}

async function discover(issuer: string, fetch: Fetch, life?: AbortSignal): Promise<Endpoints> {
  const what = `discovery of ${issuer}`;
  const call = { url: `${issuer}/.well-known/openid-configuration`, signal: life, background: life !== undefined };
  const document = members(demandOK(await get(fetch, call), what));
  // OpenID Connect Discovery 1.0, Section 4.3: exactly equal.
  if (document.issuer !== issuer) throw new AssentError("invalid", `${what}: the document is of another issuer`);
  const found: Record<string, unknown> = {
    authMethods: listed(document.token_endpoint_auth_methods_supported),
    approvalScopes: listed(document.approval_scopes_supported),
  };
  for (const [key, name] of Object.entries(names)) {
    const url = document[name];
    // Stricter than the specification: tokens and credentials go to the issuer's own origin or nowhere.
    if (url !== undefined && !sameOrigin(issuer, url)) {
      throw new AssentError("invalid", `${what}: ${name} is not on the issuer's origin`);
    }
    found[key] = url ?? "";
  }
  return found as unknown as Endpoints;
}

const listed = (value: unknown) => (Array.isArray(value) ? value : []);

function sameOrigin(issuer: string, url: unknown): boolean {
  return typeof url === "string" && URL.canParse(url) && new URL(url).origin === new URL(issuer).origin;
}

/** The endpoint, or `invalid` if the issuer does not offer it. */
export function endpoint(endpoints: Endpoints, name: keyof typeof names): string {
  if (!endpoints[name]) throw new AssentError("invalid", `the issuer has no ${names[name]}`);
  return endpoints[name];
}
