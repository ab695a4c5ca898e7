/** A fetch that puts tokens on requests, and answers an API that wants a person's approval. */
import { type Action, checkAction, detailsType } from "./action.js";
import type { Approval } from "./approval.js";
import type { AccessToken } from "./cache.js";
import type { Asked } from "./ciba.js";
import { type Fetch, readBody } from "./http.js";

/** What the tokens are for, and who is asked. */
export interface AuthorizedFetchOptions {
  /** Of the tokens; see TokenRequest. Approvals are asked for only if `resource` is set. */
  readonly scope?: string;
  readonly resource?: readonly string[];
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
 * Requests with an Authorization header go as they are. If the API answers that the token is not valid, the request is
 * repeated once with another one. If it answers that a person has to approve it, they are asked, and the request is
 * repeated with the token of their approval, which the API checks and redeems; the caller waits meanwhile, up to minutes,
 * and without a yes gets the error of `approve`. An API is believed about approvals for itself alone: the resource of its
 * question must be one of `resource`. Bodies are kept in memory, to be sent again.
 */
export function authorizedFetch(client: Lent, options: AuthorizedFetchOptions): Fetch {
  const { scope, resource } = options;
  const wanted = { ...(scope && { scope }), ...(resource && { resource }) };

  return async (input, init) => {
    const own = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
    if (own.has("authorization")) return client.fetch(input, init);
    const given = new Request(input, init);
    const { signal } = given;
    const body = given.body ? await given.arrayBuffer() : undefined;
    const sent = (type: string, token: string) => {
      const headers = new Headers(given.headers);
      headers.set("authorization", `${type} ${token}`);
      return client.fetch(given.url, { ...settings(given), headers, ...(body && { body }) });
    };
    let token = await client.token({ ...wanted, signal });
    let answer = await sent(token.type, token.token);
    if (answer.status === 401 && challengeError(answer) === "invalid_token") {
      await drain(answer);
      client.forget(token.token);
      token = await client.token({ ...wanted, signal });
      answer = await sent(token.type, token.token);
    }
    const action = await wantedApproval(given, answer, options);
    if (!action) return answer;
    await drain(answer);
    const approval = await client.ask(action, { signal, ...(options.onAsked && { onAsked: options.onAsked }) });
    return sent("Bearer", approval.token);
  };
}

function settings({ method, redirect, signal, credentials, referrerPolicy }: Request): RequestInit {
  return { method, redirect, signal, credentials, referrerPolicy };
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
  options: AuthorizedFetchOptions,
): Promise<Action | undefined> {
  if (answer.status !== 403 || challengeError(answer) !== "insufficient_authorization_details") return undefined;
  const person = typeof options.person === "function" ? options.person(request) : options.person;
  // Another origin, where a redirect may have led, has no say.
  if (!person || (answer.url && new URL(answer.url).origin !== new URL(request.url).origin)) return undefined;
  try {
    const text = new TextDecoder().decode(await readBody(answer.clone(), maxChallenge));
    return readAction(JSON.parse(text), person, options.resource ?? []);
  } catch {
    return undefined;
  }
}

/** What an Action cannot hold would be missing from the question, so then nobody is asked. */
function readAction(body: Record<string, unknown>, person: string, resources: readonly string[]): Action | undefined {
  const { error, scope = "", resource, binding_message: message, authorization_details: list = [] } = body;
  if (error !== "insufficient_authorization_details" || !resources.includes(resource as string)) return undefined;
  if (typeof scope !== "string" || typeof message !== "string" || !Array.isArray(list) || list.length > 1)
    return undefined;
  const { type = detailsType, details, command, ...others } = (list[0] ?? {}) as Record<string, unknown>;
  if (type !== detailsType || Object.keys(others).length > 0) return undefined;
  if (details !== undefined && !isRecord(details)) return undefined;
  if (command !== undefined && !(Array.isArray(command) && command.every(isString))) return undefined;
  const action = { person, message, scope, resource: [resource as string], details, command };
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
