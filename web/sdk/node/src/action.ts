/** What a person is asked to approve, and when two of these are the same. */
import type { Action as WireAction } from "@assent-id/evidence";
import { canonical } from "@assent-id/evidence/canonical";
import { Fault, refuse } from "./jwt.js";

/** The type of the one authorization detail (RFC 9396) that carries `details` and `command` of an action. */
export const detailsType = "assent_action";

/** All of it but `expiresIn` is shown to the person, and what was approved must equal it. */
export interface Action {
  /** Who is asked: identity id, username or e-mail address. An API may leave it to the client that asks. */
  readonly person?: string | undefined;
  /** What this is about, in a sentence of at most 300 characters. */
  readonly message: string;
  /** The particulars. */
  readonly details?: Readonly<Record<string, string>> | undefined;
  /** The command line that runs when the answer is yes. */
  readonly command?: readonly string[] | undefined;
  /** Scopes of the token, separated by spaces. */
  readonly scope?: string | undefined;
  /** The APIs that the token is for (RFC 8707). None: the application's default, which the person is shown too. */
  readonly resource?: readonly string[] | undefined;
  /** How long the person has to answer, in seconds; none: the issuer's default of five minutes. */
  readonly expiresIn?: number | undefined;
}

/** Throws a TypeError for an action of which nobody could be asked. */
export function checkAction(action: Action): void {
  if (!action.message) throw new TypeError("message is missing: what is to be approved?");
  const { expiresIn } = action;
  if (expiresIn !== undefined && !(Number.isSafeInteger(expiresIn) && expiresIn > 0)) {
    throw new TypeError("expiresIn must be whole seconds");
  }
  // Text without a form in UTF-8 would be approved as another text than the one that runs.
  canonical({ ...action, details: { ...action.details } });
}

/** The authorization_details parameter; undefined if there is nothing to put there. */
export function wireDetails({ details, command }: Action): Record<string, unknown>[] | undefined {
  const some = details && Object.keys(details).length > 0;
  if (!some && !command?.length) return undefined;
  return [
    { type: detailsType, ...(some && { details: { ...details } }), ...(command?.length && { command: [...command] }) },
  ];
}

/** The action as statements and decisions carry it. */
export function wireAction(action: Action): WireAction {
  const details = wireDetails(action);
  return {
    binding_message: action.message,
    ...(action.scope && { scope: action.scope }),
    ...(details && { authorization_details: details }),
    ...(action.resource?.length && { resource: [...action.resource] }),
  };
}

/**
 * Demands that two actions are one: equal in canonical form (RFC 8785), where the order of scopes and of resources means
 * nothing (RFC 6749, Section 3.3; RFC 8707, Section 2). The Fault names the first member that differs.
 */
export function demandSame(got: WireAction, want: WireAction, what: string): void {
  refuse((got.binding_message ?? "") !== (want.binding_message ?? ""), `${what}: the message differs`);
  refuse(words(got.scope) !== words(want.scope), `${what}: the scope differs`);
  refuse(list(got.resource) !== list(want.resource), `${what}: the resource differs`);
  refuse(
    text(got.authorization_details) !== text(want.authorization_details),
    `${what}: the details or the command differ`,
  );
}

const words = (scope = "") => canonical([...new Set(scope.split(" ").filter(Boolean))].sort());
const list = (resource: readonly string[] = []) => canonical([...resource].sort());

function text(details: readonly object[] = []): string {
  try {
    return canonical(details);
  } catch {
    throw new Fault("the details have no canonical form");
  }
}
