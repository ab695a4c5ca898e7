/** The first page: sign in without leaving it, create an account, see the passkeys of this site. */
import {
  answered,
  authenticate,
  bindPasskey,
  deletePasskey,
  getPasskeys,
  isAuthenticateUrl,
  post,
  run,
  say,
} from "./common.js";

const known = document.getElementById("known");
const signIn = document.getElementById("sign-in-manual");
const join = document.getElementById("join");
const passkeys = document.getElementById("passkeys");

if (signIn) signIn.addEventListener("click", () => run(signIn, () => signInHere()));
if (join) join.addEventListener("submit", submit);
if (known) await showKnown();
if (passkeys) await showPasskeys();

/** Manual invocation: the page asks the authorization endpoint itself. */
async function signInHere(passkeyId) {
  const { authorize_url } = await post("/sign-in/manual");
  const answer = await fetch(authorize_url);
  const { authenticate_url, redirect_url, error_description } = await answer.json();
  if (!answer.ok) throw new Error(error_description ?? "The sign-in server refused.");
  if (redirect_url) return finish(redirect_url);
  if (!isAuthenticateUrl(authenticate_url)) throw new Error("The sign-in server did not answer as it should.");
  const { redirectUrl } = await authenticate(authenticate_url, passkeyId);
  await finish(redirectUrl);
}

/** The redirect URI is the shop's own, so that the page can fetch it in place of going there. */
async function finish(redirectUrl) {
  await answered(await fetch(redirectUrl, { headers: { Accept: "application/json" } }));
  location.reload();
}

function submit(event) {
  event.preventDefault();
  void run(join.querySelector("button"), createAccount);
}

async function createAccount() {
  const fields = Object.fromEntries(new FormData(join));
  const { link } = await post("/accounts", fields);
  const { passkey } = await bindPasskey(link);
  join.reset();
  await showKnown();
  say(`Your account is ready, ${passkey.identity.displayName}. Now sign in with your passkey.`);
  document.getElementById("status").scrollIntoView({ block: "center" });
}

/** The passkeys that this site knows, as a choice. */
async function showKnown() {
  const buttons = (await getPasskeys()).slice(0, 3).map((passkey) => {
    const button = element("button", "button button-strong", `Go on as ${passkey.identity.displayName}`);
    button.type = "button";
    button.addEventListener("click", () => run(button, () => signInHere(passkey.id)));
    return button;
  });
  known.replaceChildren(...buttons);
  signIn.classList.toggle("button-strong", buttons.length === 0);
  signIn.querySelector("span").textContent = buttons.length > 0 ? "Use another passkey" : "Sign in";
}

async function showPasskeys() {
  const rows = (await getPasskeys()).map((passkey) => {
    const row = element("li");
    const forget = element("button", "quiet", "Forget here");
    forget.type = "button";
    forget.addEventListener("click", () => run(forget, () => deletePasskey(passkey.id).then(showPasskeys)));
    row.append(element("span", "", `${passkey.name || "Passkey"}, for ${passkey.identity.displayName}`), forget);
    return row;
  });
  if (rows.length === 0) rows.push(element("li", "", "None that this browser remembers."));
  passkeys.replaceChildren(...rows);
}

function element(name, className = "", words = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = words;
  return made;
}
