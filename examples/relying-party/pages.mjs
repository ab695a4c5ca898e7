// @ts-check
/** The pages of the shop. Every value of somebody else goes through `text`. */

/** @param {unknown} value */
function text(value) {
  const entities = /** @type {Record<string, string>} */ ({
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  });
  return String(value ?? "").replace(/[&<>"']/g, (character) => entities[character] ?? "");
}

/** @param {string} title @param {string} main @param {{ issuer?: string, script?: string }} [options] */
function page(title, main, { issuer = "", script = "" } = {}) {
  return `<!doctype html>
<html lang="en" data-issuer="${text(issuer)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${text(title)}</title>
<link rel="stylesheet" href="/public/shop.css">
<link rel="icon" href="/public/cup.svg">
${script && `<script type="module" src="/public/${script}.js"></script>`}
</head>
<body>
<header class="top"><a class="name" href="/"><img src="/public/cup.svg" alt="" width="32" height="32">Harbour Coffee</a></header>
<main>
${main}
</main>
<footer>A demo shop. It shows three ways to sign in with <a href="https://github.com/assent-id/assent">Assent</a>.</footer>
</body>
</html>
`;
}

const key = `<svg aria-hidden="true" width="20" height="20" viewBox="0 0 20 20" fill="none"><circle cx="7" cy="10" r="4" stroke="currentColor" stroke-width="1.75"/><path d="M11 10h7M15 10v3.25M18 10v2.25" stroke="currentColor" stroke-width="1.75" stroke-linecap="round"/></svg>`;

/** @param {{ issuer: string, person?: import("./server.mjs").Person | undefined }} shop */
export function homePage({ issuer, person }) {
  return page("Harbour Coffee", person ? signedIn(person) : signedOut, { issuer, script: "home" });
}

/** @param {{ id: string, title: string, about: string, action: string, steps: string[] }} way */
function way({ id, title, about, action, steps }) {
  return `<section class="card" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
<p>${about}</p>
<div class="act">${action}
<details><summary>What happens</summary><ol>${steps.map((step) => `<li>${step}</li>`).join("")}</ol></details></div>
</section>`;
}

const ways = [
  way({
    id: "hosted",
    title: "On Assent’s page",
    about: "You go to the sign-in page, use your passkey there, and come back.",
    action: `<a class="button button-strong" href="/sign-in/hosted">${key}Sign in on Assent</a>`,
    steps: [
      "The shop sends you to the authorization endpoint.",
      "Assent’s own page asks for your passkey.",
      "You come back with a code. The shop exchanges it, with its secret in a header (client_secret_basic).",
    ],
  }),
  way({
    id: "automatic",
    title: "Here, after a redirect",
    about: "Assent sends you straight back to a page of this shop, which asks for your passkey.",
    action: `<a class="button button-strong" href="/sign-in/automatic">${key}Sign in here</a>`,
    steps: [
      "The shop sends you to the authorization endpoint.",
      "Assent sends you on to the shop’s page with a signed request.",
      "The SDK lets your passkey sign it, and the page follows the answer.",
      "The shop exchanges the code, with its secret in the form (client_secret_post).",
    ],
  }),
  way({
    id: "manual",
    title: "Here, without leaving",
    about: "This page asks for your passkey itself. You never leave the shop.",
    action: `<div id="known" class="known"></div><button class="button button-strong" id="sign-in-manual" type="button">${key}<span>Sign in</span></button>`,
    steps: [
      "The page asks the authorization endpoint, which answers with JSON.",
      "The SDK lets your passkey sign the request in it.",
      "The page hands the code to the shop, which exchanges it (client_secret_basic).",
    ],
  }),
];

const signedOut = `<div class="lead"><h1>Good coffee, no password.</h1>
<p>Sign in with a passkey: your fingerprint, your face, or the PIN of your device.</p></div>
<p id="status" class="status" role="status"></p>
<div class="ways">${ways.join("\n")}</div>
<section class="card join" aria-labelledby="join-title">
<div><h2 id="join-title">New here?</h2>
<p>Create an account. Your device makes a passkey for it, right on this page.</p></div>
<form id="join" novalidate>
<label>Your name<input name="name" autocomplete="name" required maxlength="100"></label>
<label>Username<input name="username" autocomplete="username" autocapitalize="none" required maxlength="64"></label>
<label><span>E-mail <span class="optional">(optional)</span></span><input name="email" type="email" autocomplete="email" maxlength="200"></label>
<button class="button button-strong" type="submit">${key}<span>Create account</span></button>
</form>
</section>`;

const said = { hosted: "on Assent’s page", automatic: "here, after a redirect", manual: "here, without leaving" };

/** @param {[string, unknown][]} entries */
function table(entries) {
  const rows = entries.map(([name, value]) => {
    return `<div><dt>${text(name)}</dt><dd>${text(typeof value === "string" ? value : JSON.stringify(value))}</dd></div>`;
  });
  return `<dl class="claims">${rows.join("")}</dl>`;
}

/** @param {import("./server.mjs").Person} person */
function signedIn({ way: how, claims, about }) {
  const known = { Name: about.name, Username: about.preferred_username, "E-mail": about.email };
  return `<div class="lead"><h1>Welcome, ${text(about.name ?? about.sub)}.</h1>
<p>You signed in ${said[how]}.</p></div>
<form method="post" action="/sign-out"><button class="button" type="submit">Sign out</button></form>
<section class="card" aria-labelledby="about-title"><h2 id="about-title">What the shop knows about you</h2>
${table(Object.entries(known).filter(([, value]) => value))}
<details><summary>What the server said</summary>
<p>The ID token. The shop has checked its signature, issuer, audience, age and nonce.</p>
${table(Object.entries(claims))}</details></section>
<section class="card" aria-labelledby="passkeys-title"><h2 id="passkeys-title">Passkeys used on this site</h2>
<p id="status" class="status" role="status"></p>
<ul id="passkeys" class="passkeys"></ul></section>`;
}

/** @param {{ issuer: string }} shop */
export function signInPage({ issuer }) {
  return page(
    "Sign in to Harbour Coffee",
    `<section class="card narrow"><h1>Sign in</h1>
<p id="about">Use your passkey to go on.</p>
<p id="status" class="status" role="status"></p>
<button class="button button-strong" id="go" type="button">${key}<span>Use your passkey</span></button>
<a class="quiet" href="/">Back to the shop</a></section>`,
    { issuer, script: "authenticate" },
  );
}

/** @param {{ issuer: string }} shop */
export function bindPage({ issuer }) {
  return page(
    "Create your passkey",
    `<section class="card narrow"><h1>Create your passkey</h1>
<p id="about">Your device makes a passkey for this shop. You sign in with it from then on.</p>
<p id="status" class="status" role="status"></p>
<button class="button button-strong" id="go" type="button">${key}<span>Create passkey</span></button>
<a class="quiet" href="/">Back to the shop</a></section>`,
    { issuer, script: "bind" },
  );
}

/** @param {string} words @param {string} [reason] */
export function trouble(words, reason = "") {
  const because = reason && `<p class="reason">${text(reason)}</p>`;
  return page(
    "That did not work",
    `<section class="card narrow"><h1>That did not work</h1><p>${text(words)}</p>${because}
<a class="button" href="/">Back to the shop</a></section>`,
  );
}
