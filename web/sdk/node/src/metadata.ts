/** What an API tells clients about itself (RFC 9728). */
import { isLoopback } from "./issuer.js";
import { algorithms } from "./keys.js";

/** Further members of the metadata (RFC 9728, Section 2), by their names on the wire. */
export interface ResourceMetadata {
  readonly scopes_supported?: readonly string[];
  /** For people. */
  readonly resource_name?: string;
  readonly resource_documentation?: string;
  readonly resource_policy_uri?: string;
  readonly resource_tos_uri?: string;
  readonly [name: string]: unknown;
}

const wellKnown = "/.well-known/oauth-protected-resource";

/** Throws a TypeError for what can be no resource: an https URL, or an http one on loopback, without a fragment. */
export function checkResource(resource: string): URL {
  const url = typeof resource === "string" && URL.canParse(resource) ? new URL(resource) : undefined;
  const secure = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname));
  if (url && secure && !url.username && !url.password && !resource.includes("#")) return url;
  throw new TypeError(`resource ${JSON.stringify(resource)} is not an https URL without user and fragment`);
}

/**
 * Where clients look: the well-known part stands between the host of the resource and its path, whose slash falls away
 * where nothing follows it (RFC 9728, Section 3.1).
 */
export function metadataURL(resource: string): URL {
  const { origin, pathname, search } = checkResource(resource);
  return new URL(origin + wellKnown + (pathname === "/" ? "" : pathname) + search);
}

export function metadataOf(resource: string, issuer: string, more: ResourceMetadata = {}): Record<string, unknown> {
  return {
    authorization_servers: [issuer],
    bearer_methods_supported: ["header"], // RFC 6750, Section 2: the others leak
    dpop_signing_alg_values_supported: algorithms,
    ...more,
    resource,
  };
}
