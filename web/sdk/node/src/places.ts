/** Which of the APIs that a client calls a URL belongs to. If this file is wrong, tokens go to strangers. */
import { isLoopback } from "./issuer.js";

/** An API that is called, and where. */
export interface Place {
  /** Absent: the application's default. */
  readonly resource?: string | undefined;
  readonly origin: string;
  /** Without its last slash. */
  readonly path: string;
}

/** What is known of where APIs are. */
export interface PlacesOptions {
  readonly resource?: readonly string[];
  readonly baseURL?: string | Readonly<Record<string, string>>;
}

/**
 * Where each API is: at its own identifier, unless `baseURL` says something else. Throws a TypeError for an API that is
 * nowhere, for two that are at the same place, and for one that is called in plain http beyond this machine.
 */
export function placesOf({ resource = [], baseURL }: PlacesOptions): readonly Place[] {
  const places = resource.length > 0 ? resource.map((each) => placeOf(baseOf(each, baseURL), each)) : [];
  if (typeof baseURL === "string") {
    if (resource.length > 1) throw new TypeError("baseURL is of several resources: name each with its own");
    if (resource.length === 0) places.push(placeOf(baseURL));
  } else {
    const stranger = Object.keys(baseURL ?? {}).find((each) => !resource.includes(each));
    if (stranger !== undefined) throw new TypeError(`baseURL: ${JSON.stringify(stranger)} is not in resource`);
  }
  if (places.length === 0) throw new TypeError("resource and baseURL are missing: which API are the tokens for?");
  if (new Set(places.map(({ origin, path }) => origin + path)).size < places.length) {
    throw new TypeError("two resources are at the same place");
  }
  // Of those that a URL is below, the nearest is its API.
  return places.sort((a, b) => b.path.length - a.path.length);
}

function baseOf(resource: string, baseURL: PlacesOptions["baseURL"]): string {
  if (typeof baseURL === "string") return baseURL;
  return baseURL && Object.hasOwn(baseURL, resource) ? (baseURL[resource] ?? "") : resource;
}

function placeOf(base: string, resource?: string): Place {
  const url = URL.canParse(base) ? new URL(base) : undefined;
  const http = url?.protocol === "http:";
  if (!url || !(http || url.protocol === "https:") || url.username || url.password || /[?#]/.test(base)) {
    throw new TypeError(`${JSON.stringify(base)} is no URL to call an API at: say in baseURL where it is`);
  }
  if (http && !isLoopback(url.hostname)) {
    throw new TypeError(`${JSON.stringify(base)} must be https (plain http is for loopback alone)`);
  }
  return { resource, origin: url.origin, path: url.pathname.replace(/\/+$/, "") };
}

/** The API that a URL belongs to: of its origin, at its path or below that; undefined for all others. */
export function belongsTo(places: readonly Place[], { origin, pathname, username, password }: URL): Place | undefined {
  const here = places.filter((at) => at.origin === origin);
  if (username || password || (climbs(pathname) && here.some(({ path }) => path !== ""))) return undefined;
  return here.find(({ path }) => pathname === path || pathname.startsWith(`${path}/`));
}

/** Whether a server that decodes too much would leave the path: URL has resolved all dots but those beside such slashes. */
function climbs(pathname: string): boolean {
  return pathname
    .replace(/%2f|%5c/gi, "/")
    .replace(/%2e/gi, ".")
    .split("/")
    .includes("..");
}
