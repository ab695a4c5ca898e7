/** What the pages of the shop share. */
import { initialize, isAssentError } from "/sdk/index.js";

export {
  authenticate,
  bindPasskey,
  deletePasskey,
  getAuthenticationContext,
  getPasskeys,
  isAuthenticateUrl,
  isBindPasskeyUrl,
} from "/sdk/index.js";

initialize({ issuer: document.documentElement.dataset.issuer });

const status = document.getElementById("status");

/** Says something to the person. */
export function say(words, bad = false) {
  if (!status) return;
  status.textContent = words;
  status.classList.toggle("bad", bad);
}

/** Says what went wrong: the words of the SDK or of the shop. */
export function explain(error) {
  if (!isAssentError(error)) console.error(error);
  const reference = isAssentError(error) && error.reference ? ` (Reference ${error.reference})` : "";
  say(error.message + reference, true);
}

/** Runs something for a button, which rests meanwhile. */
export async function run(button, action) {
  if (button.ariaBusy === "true") return;
  button.ariaBusy = "true";
  button.ariaDisabled = "true";
  say("");
  try {
    await action();
  } catch (error) {
    explain(error);
  } finally {
    button.ariaBusy = "false";
    button.ariaDisabled = null;
  }
}

/** Sends JSON to the shop; answers with what it said. */
export async function post(path, content = {}) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(content),
  });
  return answered(answer);
}

export async function answered(answer) {
  const json = await answer.json();
  if (!answer.ok) throw new Error(json.message);
  return json;
}
