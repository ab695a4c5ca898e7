/** Asks a person and waits for the answer (OpenID Connect CIBA Core 1.0, poll mode). */
import { comparison } from "@assent-id/evidence/challenge";
import { type Action, checkAction, wireDetails } from "./action.js";
import { AssentError, about } from "./errors.js";
import { type Answer, away, demandOK, members, refusalOf } from "./http.js";
import { backoff, limited, pause } from "./time.js";

/** An approval that a person has been asked for. */
export interface Asked {
  readonly id: string;
  /** Four digits that the person sees as well. */
  readonly comparison: string;
  /** Of the statement that the person is shown. */
  readonly statementHash: string;
  /** By this machine's clock. */
  readonly expiresAt: Date;
  readonly action: Action;
  /** What the issuer calls it, a secret, and seconds between polls. */
  readonly authReqId: string;
  readonly interval: number;
}

/** Sends a form with the proof of who this client is. */
export type Post = (
  to: "backchannel" | "token" | "revocation",
  form: URLSearchParams,
  options: { readonly signal?: AbortSignal | undefined; readonly wait?: number },
) => Promise<Answer>;

/** How long an answer to a question that was sent is still awaited after the caller gave up. In milliseconds. */
const linger = 2000;

/**
 * Asks and returns at once. It does not try again when the issuer is not reachable, because the person might be asked
 * twice. When the signal ends while the question is on its way, the answer is awaited for a moment, so that the question
 * can be taken back.
 */
export async function start(post: Post, action: Action, signal?: AbortSignal): Promise<Asked> {
  const form = startForm(action);
  signal?.throwIfAborted();
  const late = lingering(signal);
  try {
    const answer = await post("backchannel", form, { signal: late.signal });
    return await asked(demandOK(answer, "the issuer did not ask"), action);
  } finally {
    late.end();
  }
}

/** A signal that ends a little later than the given one. */
function lingering(signal?: AbortSignal): { signal?: AbortSignal | undefined; end(): void } {
  if (!signal) return { end() {} };
  const own = new AbortController();
  let limit = { end() {} };
  const stop = () => {
    const later = limited(linger);
    later.signal.addEventListener("abort", () => own.abort(signal.reason));
    limit = later;
  };
  signal.addEventListener("abort", stop, { once: true });
  return {
    signal: own.signal,
    end() {
      signal.removeEventListener("abort", stop);
      limit.end();
    },
  };
}

function startForm(action: Action): URLSearchParams {
  checkAction(action);
  if (!action.person) throw new TypeError("person is missing: who is to be asked?");
  const form = new URLSearchParams({ login_hint: action.person, binding_message: action.message });
  const details = wireDetails(action);
  if (details) form.set("authorization_details", JSON.stringify(details));
  if (action.scope) form.set("scope", action.scope);
  for (const each of action.resource ?? []) form.append("resource", each);
  if (action.expiresIn) form.set("requested_expiry", String(action.expiresIn));
  return form;
}

const day = 24 * 60 * 60;

/** The answer of CIBA Core 1.0, Section 7.3, with the members that Assent adds. */
async function asked(answer: Answer, action: Action): Promise<Asked> {
  const body = members(answer);
  const { auth_req_id, approval_id, statement_hash, expires_in, interval = 5 } = body;
  const [authReqId, id, statementHash] = [auth_req_id, approval_id, statement_hash].map((value) => {
    if (typeof value === "string" && value) return value;
    throw new AssentError("invalid", "the answer to the question lacks auth_req_id, approval_id or statement_hash");
  }) as [string, string, string];
  if (!isBetween(expires_in, 1, day) || !isBetween(interval, 0, expires_in + day)) {
    throw new AssentError("invalid", "the answer to the question has times that make no sense");
  }
  const digits = await comparison(statementHash);
  if (body.comparison !== digits) {
    throw new AssentError("invalid", "the comparison number is not that of the statement");
  }
  const expiresAt = new Date(Date.now() + expires_in * 1000);
  return { id, comparison: digits, statementHash, expiresAt, action, authReqId, interval: interval || 5 };
}

function isBetween(value: unknown, least: number, most: number): value is number {
  return typeof value === "number" && value >= least && value <= most;
}

/** How long the issuer is asked to hold a poll, in seconds, and for how long after the end by our clock it may say so. */
const longPoll = 25;
const grace = 2;

/** Asks the token endpoint until it gives a token or a final answer. While the issuer is away it tries again. */
export async function poll(post: Post, request: Asked, signal?: AbortSignal): Promise<string> {
  const again = backoff(200, 5000);
  const end = request.expiresAt.getTime() + grace * 1000;
  let interval = request.interval * 1000;
  let lost: AssentError | undefined;
  for (;;) {
    const began = Date.now();
    if (began >= end) throw timeUp(request, lost);
    const said = await pollOnce(post, request, signal);
    if (typeof said === "string") return said;
    let next = interval - (Date.now() - began); // a held poll has waited already
    if (said.kind === "unreachable") {
      lost = said;
      next = again.next();
    } else if (said.server?.code === "slow_down") {
      interval += 5000; // CIBA Core 1.0, Section 11
      next = interval;
    } else if (said.server?.code !== "authorization_pending") {
      throw about(request.id, final(said, lost));
    }
    if (said.kind !== "unreachable") {
      lost = undefined;
      again.reset();
    }
    await pause(Math.min(next, end - Date.now()), { signal });
  }
}

/** The token, or why there is none. */
async function pollOnce(post: Post, request: Asked, signal?: AbortSignal): Promise<string | AssentError> {
  const form = new URLSearchParams({ grant_type: "urn:openid:params:grant-type:ciba", auth_req_id: request.authReqId });
  const left = (request.expiresAt.getTime() - Date.now()) / 1000 + grace / 2;
  const wait = Math.min(longPoll, Math.max(1, Math.ceil(left)));
  try {
    const answer = await post("token", form, { signal, wait });
    if (away(answer)) return new AssentError("unreachable", "poll", { server: refusalOf(answer) });
    const { access_token } = members(demandOK(answer, "the issuer refused to answer"));
    if (typeof access_token === "string" && access_token) return access_token;
    return new AssentError("invalid", "the token answer holds no token");
  } catch (error) {
    if (error instanceof AssentError) return error;
    throw error;
  }
}

/** The errors of CIBA Core 1.0, Section 11, that end it. */
function final(said: AssentError, lost: AssentError | undefined): AssentError {
  const { server } = said;
  switch (server?.code) {
    case "access_denied":
      return new AssentError("denied");
    case "expired_token":
      return new AssentError("expired", "nobody answered in time");
    case "invalid_grant":
      // A token is handed out once, so asking again after a lost answer is refused.
      return lost ? new AssentError("unreachable", "the answer was lost on its way", { cause: lost }) : said;
    default:
      return said;
  }
}

/** The issuer was there and nobody answered, or it was not there any more. */
function timeUp({ id }: Asked, lost: AssentError | undefined): AssentError {
  const approvalId = id;
  if (!lost) return new AssentError("expired", "nobody answered in time", { approvalId });
  return new AssentError("unreachable", "the issuer did not come back in time", { approvalId, cause: lost });
}

/** Takes a question back (RFC 7009 with the token type auth_req_id). What has ended already stays as it is. */
export async function withdraw(post: Post, request: Asked, signal?: AbortSignal): Promise<void> {
  const form = new URLSearchParams({ token: request.authReqId, token_type_hint: "auth_req_id" });
  try {
    demandOK(await post("revocation", form, { signal }), "the issuer refused to take the question back");
  } catch (error) {
    throw about(request.id, error);
  }
}

/** The same when its caller has given up already: a courtesy to the person, as the answer would not count anyway. */
export async function withdrawLate(post: Post, request: Asked): Promise<void> {
  const limit = limited(3000);
  await withdraw(post, request, limit.signal)
    .catch(() => {})
    .finally(limit.end);
}
