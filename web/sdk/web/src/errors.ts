/** Everything that can go wrong, by name, with words for a person. */

/** Words for each code. A server's own sentence is never shown in their place: it is in `cause`. */
const words = {
  not_initialized: "Sign-in is not set up on this page: initialize() has not been called.",
  not_supported: "This browser or device cannot use passkeys here. Update it, or use another one.",
  busy: "A passkey is being asked for already. Finish that first.",
  aborted: "The page ended this before a passkey was used.",
  cancelled: "No passkey was used. Try again when you are ready.",
  timeout: "That took too long. Try again.",
  url_not_ours: "This address does not belong to the sign-in server of this page.",
  request_invalid: "This sign-in request is not valid. Start again.",
  request_expired: "This sign-in request has expired. Start again.",
  request_used: "This sign-in request has been used already. Start again.",
  origin_not_trusted: "This site may not use these passkeys.",
  passkey_unknown: "This passkey is not known here any more. Use another one.",
  passkey_elsewhere: "This passkey belongs to another account system of this site. Use another one.",
  signin_refused: "This passkey was not accepted. Try again, or use another one.",
  not_allowed: "This account may not do that now.",
  link_unknown: "This link is not valid.",
  link_used: "This link has been used already.",
  link_expired: "This link has expired. Ask for another one.",
  ceremony_expired: "This took too long, and nothing was added. Open the link again.",
  passkey_exists: "This device has a passkey for this account already. Sign in with it.",
  passkey_taken: "This passkey is bound already.",
  passkey_invalid: "The new passkey was not accepted, and nothing was added.",
  too_many_requests: "Too many attempts. Wait a moment, then try again.",
  network: "The server could not be reached from this page. Try again in a moment.",
  server: "The server could not do that. Try again in a moment.",
} as const;

/** Why something did not work. Switch over it; new names may be added in a new minor version. */
export type AssentErrorCode = keyof typeof words;

/** What an error may carry beside its code. */
export interface AssentErrorDetails {
  /** HTTP status of the server's answer; 0 where there was none. */
  readonly status?: number;
  /** The server's reference of the request, for its operator. */
  readonly reference?: string;
  /** What lies behind it: the browser's error, or the server's own sentence. For logs, not for people. */
  readonly cause?: unknown;
}

/** The one error that this package throws. `message` is a sentence for the person; translate it by `code`. */
export class AssentError extends Error {
  override readonly name = "AssentError";
  readonly code: AssentErrorCode;
  /** HTTP status of the server's answer; 0 where there was none. */
  readonly status: number;
  /** The server's reference of the request; empty where there is none. */
  readonly reference: string;

  constructor(code: AssentErrorCode, details: AssentErrorDetails = {}) {
    super(words[code], details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.status = details.status ?? 0;
    this.reference = details.reference ?? "";
  }
}

/** True for an error of this package, also where a bundler has it twice. */
export function isAssentError(error: unknown): error is AssentError {
  return error instanceof Error && error.name === "AssentError" && isCode((error as AssentError).code);
}

/** True for the name of an error that this package knows. */
export function isCode(code: unknown): code is AssentErrorCode {
  return typeof code === "string" && Object.hasOwn(words, code);
}
