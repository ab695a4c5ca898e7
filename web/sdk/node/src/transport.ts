/** A fetch that puts tokens on requests, and answers an API that wants a person's approval. */
import { type Action, checkAction, detailsType } from "./action.js";
import type { Approval } from "./approval.js";
import type { AccessToken } from "./cache.js";
import type { Asked } from "./ciba.js";
import { type Fetch, readBody } from "./http.js";
import { belongsTo, type Place, placesOf } from "./places.js";

/** Which APIs the tokens are for, and who is asked. `resource` or `baseURL` is needed. */
export interface AuthorizedFetchOptions {
  /** Of the tokens; see TokenRequest. */
  readonly scope?: string;
  /**
   * The identifiers of the APIs. Each gets tokens of its own, and gets them alone: they go to URLs of its origin, at its
   * path or below. Absent: the application's default, at `baseURL`; nobody is asked for approvals then.
   */
  readonly resource?: readonly string[];
  /**
   * Where an API is called if not at its identifier, or if that is no URL; for several, by their identifiers. https, or
   * http on loopback.
   */
  readonly baseURL?: string | Readonly<Record<string, string>>;
  /** Who is asked where the API wants an approval: identity id, username or e-mail address. Absent: nobody is. */
  readonly person?: string | ((request: Request) => string | undefined);
  /** Told when somebody has been asked. Absent: that of the client. */
  readonly onAsked?: (asked: Asked) => void;
}

/** What a client lends. */
export interface Lent {
  token(request: {
    scope?: string;
    resource?: readonly string[];
    signal?: AbortSignal | undefined;
  }): Promise<AccessToken>;
  forget(token: string): void;
  ask(action: Action, options: { signal?: AbortSignal; onAsked?: (asked: Asked) => void }): Promise<Approval>;
  readonly fetch: Fetch;
}

/**
 * Requests to other places than the APIs of the options, and those with an Authorization header, go as they are. If the
 * API answers that the token is not valid, the request is repeated once with another one. If it answers that a person has
 * to approve it, they are asked, and the request is repeated with the token of their approval, which the API checks and
 * redeems; the caller waits meanwhile, up to minutes, and without a yes gets the error of `approve`. An API is believed
 * about approvals for itself alone: the resource of its question must be that of the URL. Bodies are kept in memory, to be
 * sent again. Throws a TypeError for options that cannot work.
 */
export function authorizedFetch(client: Lent, options: AuthorizedFetchOptions): Fetch {
  const { scope, onAsked } = options;
  const places = placesOf(options);

  return async (input, init) => {
    const own = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
    const place = own.has("authorization") ? undefined : placeOfInput(places, input, own.get("host"));
    if (!place) return client.fetch(input, init);
    const given = new Request(input, init);
    const { signal } = given;
    const body = given.body ? await given.arrayBuffer() : undefined;
    const sent = (type: string, token: string) =>
      follow({ client, place, places, authorization: `${type} ${token}` }, given, body);
    const wanted = { ...(scope && { scope }), ...(place.resource && { resource: [place.resource] }), signal };
    let token = await client.token(wanted);
    let answer = await sent(token.type, token.token);
    if (answer.own && answer.response.status === 401 && challengeError(answer.response) === "invalid_token") {
      await drain(answer.response);
      client.forget(token.token);
      token = await client.token(wanted);
      answer = await sent(token.type, token.token);
    }
    // Another API, where a redirect may have led, has no say.
    const action = answer.own ? await wantedApproval(given, answer.response, place, options) : undefined;
    if (!action) return answer.response;
    await drain(answer.response);
    const approval = await client.ask(action, { signal, ...(onAsked && { onAsked }) });
    return (await sent("Bearer", approval.token)).response;
  };
}

/** One host may serve many: whoever a Host header names would get the request. */
function placeOfInput(places: readonly Place[], input: Parameters<Fetch>[0], host: string | null): Place | undefined {
  const text = input instanceof Request ? input.url : String(input);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url && (host === null || host === url.host) ? belongsTo(places, url) : undefined;
}

/** How a request is sent, and what came. */
interface Way {
  readonly client: Lent;
  readonly place: Place;
  readonly places: readonly Place[];
  readonly authorization: string;
}
interface Answered {
  readonly response: Response;
  /** Whether the API itself answered. */
  readonly own: boolean;
}

/** Fetch Standard, Section 4.4. */
const maxRedirects = 20;
const redirects = new Set([301, 302, 303, 307, 308]);

/**
 * Sends a request, and follows redirects itself: fetch would take the token along within the origin, which may hold other
 * APIs too. Beyond the API they are followed without it.
 */
async function follow(way: Way, given: Request, body: ArrayBuffer | undefined): Promise<Answered> {
  const { client, place, places, authorization } = way;
  const { redirect, signal, credentials, referrerPolicy } = given;
  const headers = new Headers(given.headers);
  let at = { url: new URL(given.url), method: given.method, body };
  for (let hops = 0; ; hops++) {
    const own = belongsTo(places, at.url) === place;
    if (own) headers.set("authorization", authorization);
    else headers.delete("authorization");
    const response = await client.fetch(at.url.href, {
      ...{ method: at.method, headers, signal, credentials, referrerPolicy },
      redirect: own && redirect === "follow" ? "manual" : redirect,
      ...(at.body && { body: at.body }),
    });
    const location = redirects.has(response.status) && response.headers.get("location");
    if (!own || redirect !== "follow" || !location || !URL.canParse(location, at.url)) return { response, own };
    if (hops === maxRedirects) throw new TypeError("fetch failed: too many redirects");
    await drain(response);
    at = redirected(at, response.status, new URL(location, at.url));
    if (at.url.origin !== place.origin) for (const name of secret) headers.delete(name);
    if (at.method !== given.method) for (const name of ofBody) headers.delete(name);
  }
}

/** Headers that do not leave the origin, and those that say something about a body (Fetch Standard, Section 4.4). */
const secret = ["cookie", "proxy-authorization"];
const ofBody = ["content-encoding", "content-language", "content-location", "content-type", "content-length"];

interface Hop {
  readonly url: URL;
  readonly method: string;
  readonly body: ArrayBuffer | undefined;
}

/** RFC 9110, Section 15.4: after some answers a request goes on as a GET. */
function redirected({ method, body }: Hop, status: number, url: URL): Hop {
  const asGet = status === 303 ? method !== "HEAD" : status < 303 && method === "POST";
  return asGet ? { url, method: "GET", body: undefined } : { url, method, body };
}

async function drain(answer: Response): Promise<void> {
  await answer.body?.cancel().catch(() => {});
}

/** Bytes of what an API may want approved. */
const maxChallenge = 64 << 10;

/** What the API wants approved; undefined for an answer that is not followed, and that can be read as if nobody had. */
async function wantedApproval(
  request: Request,
  answer: Response,
  { resource }: Place,
  options: AuthorizedFetchOptions,
): Promise<Action | undefined> {
  if (answer.status !== 403 || challengeError(answer) !== "insufficient_authorization_details") return undefined;
  const person = typeof options.person === "function" ? options.person(request) : options.person;
  if (!person) return undefined;
  try {
    const text = new TextDecoder().decode(await readBody(answer.clone(), maxChallenge));
    return readAction(JSON.parse(text), person, resource);
  } catch {
    return undefined;
  }
}

/** What an Action cannot hold would be missing from the question, so then nobody is asked. */
function readAction(body: Record<string, unknown>, person: string, own: string | undefined): Action | undefined {
  const { error, scope = "", resource, binding_message: message, authorization_details: list = [] } = body;
  if (error !== "insufficient_authorization_details" || own === undefined || resource !== own) return undefined;
  if (typeof scope !== "string" || typeof message !== "string" || !Array.isArray(list) || list.length > 1)
    return undefined;
  const { type = detailsType, details, command, ...others } = (list[0] ?? {}) as Record<string, unknown>;
  if (type !== detailsType || Object.keys(others).length > 0) return undefined;
  if (details !== undefined && !isRecord(details)) return undefined;
  if (command !== undefined && !(Array.isArray(command) && command.every(isString))) return undefined;
  const action = { person, message, scope, resource: [own], details, command };
  checkAction(action);
  return action;
}

const isString = (value: unknown): value is string => typeof value === "string";

function isRecord(value: unknown): value is Record<string, string> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.values(value).every(isString);
}

/** The error of the first Bearer or DPoP challenge that names one (RFC 9110, Section 11.6.1; RFC 6750, Section 3). */
export function challengeError(answer: Response): string {
  const field = (answer.headers.get("www-authenticate") ?? "").slice(0, 8192);
  let scheme = "";
  for (const [, name = "", , quoted, plain] of field.matchAll(challengePart)) {
    if (quoted === undefined && plain === undefined) scheme = name.toLowerCase();
    else if (name.toLowerCase() === "error" && /^(bearer|dpop)$/.test(scheme)) {
      return plain ?? (quoted ?? "").replace(/\\(.)/g, "$1");
    }
  }
  return "";
}

/** A scheme, or a parameter with its value. */
const challengePart = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)(\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~0-9A-Za-z-]+)))?/g;
