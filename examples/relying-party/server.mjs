// @ts-check
/**
 * A shop that people sign in to with passkeys in three ways: on Assent's page,
 * on the shop's own page after a redirect, and without leaving the page.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { parseArgs } from "node:util";
import { createAccount, open } from "./manage.mjs";
import { authorizeUrl, discover, exchange, random } from "./oauth.mjs";
import { bindPage, homePage, signInPage, trouble } from "./pages.mjs";

/**
 * @typedef {"hosted" | "automatic" | "manual"} Way
 * @typedef {import("./oauth.mjs").Pending & { way: Way, at: number }} Waiting
 * @typedef {{ way: Way, idToken: string, claims: import("./oauth.mjs").Claims, about: import("./oauth.mjs").Claims }} Person
 * @typedef {{ waiting: Waiting[], person?: Person, at: number }} Session
 * @typedef {{ request: import("node:http").IncomingMessage, response: import("node:http").ServerResponse, url: URL, session: Session }} Exchange
 */

const { values } = parseArgs({
  options: {
    config: { type: "string", default: join(import.meta.dirname, "config.json") },
    sdk: { type: "string", default: join(import.meta.dirname, "../../web/sdk/web/dist") },
  },
});
const config = JSON.parse(await readFile(values.config, "utf8"));
const { origin, management, applications } = config;
const { issuer } = management;
const redirect = `${origin}/callback`;
const metadata = await discover(issuer);

/** Sessions are in memory: after a restart everybody signs in again. @type {Map<string, Session>} */
const sessions = new Map();
const hour = 3_600_000;

/** @type {Record<string, (x: Exchange) => Promise<void>>} */
const routes = {
  "GET /": home,
  "GET /sign-in/hosted": redirectTo("hosted"),
  "GET /sign-in/automatic": redirectTo("automatic"),
  "POST /sign-in/manual": manual,
  "GET /assent-authenticate": async (x) => html(x, signInPage({ issuer })),
  "GET /assent-bind": async (x) => html(x, bindPage({ issuer })),
  "GET /callback": callback,
  "POST /accounts": accounts,
  "POST /sign-out": signOut,
};

const server = createServer(async (request, response) => {
  const url = new URL(request.url ?? "/", origin);
  const x = { request, response, url, session: sessionOf(request, response) };
  try {
    await (routes[`${request.method} ${url.pathname}`] ?? file)(x);
  } catch (error) {
    console.error(error);
    refuse(x, 502, "That did not work. Nothing was changed.", /** @type {Error} */ (error).message);
  }
});
const { hostname, port } = new URL(origin);
server.listen(Number(port) || 80, hostname.endsWith("localhost") ? "127.0.0.1" : hostname, () =>
  console.log(`The shop is open: ${origin}`),
);

/** @param {Exchange} x */
async function home(x) {
  html(x, homePage({ issuer, person: x.session.person }));
}

/**
 * Sends the browser to the authorization endpoint. Where it goes from there is the application's authenticator config's affair.
 * @param {"hosted" | "automatic"} way
 * @returns {(x: Exchange) => Promise<void>}
 */
function redirectTo(way) {
  return async (x) => goTo(x, begin(x.session, way));
}

/** Gives the address to the page, which asks there itself. @param {Exchange} x */
async function manual(x) {
  if (!own(x)) return;
  answer(x, 200, { authorize_url: begin(x.session, "manual") });
}

/**
 * @param {Session} session
 * @param {Way} way
 */
function begin(session, way) {
  const { url, pending } = authorizeUrl(metadata, applications[way], redirect);
  // The last few: somebody may have opened the shop in two tabs.
  session.waiting = [...session.waiting, { ...pending, way, at: Date.now() }].slice(-5);
  return url;
}

/** The answer of the server comes back here, by a navigation or by the page's own fetch. @param {Exchange} x */
async function callback(x) {
  const { session, url } = x;
  const waiting = session.waiting.find(({ state }) => state === url.searchParams.get("state"));
  if (!waiting) return refuse(x, 400, "This sign-in was not begun here. Start again.");
  session.waiting = session.waiting.filter((each) => each !== waiting);
  // RFC 9207, Section 2.4: the answer must be this server's.
  if ((url.searchParams.get("iss") ?? issuer) !== issuer) return refuse(x, 400, "This answer is from another server.");
  const code = url.searchParams.get("code");
  if (!code) return refuse(x, 400, "You were not signed in.", url.searchParams.get("error") ?? "");
  const { way } = waiting;
  const done = await exchange(metadata, applications[way], { code, redirect, pending: waiting });
  renew(x, { way, ...done });
  if (x.request.headers.accept === "application/json") return answer(x, 200, { name: done.about.name ?? "" });
  goTo(x, "/");
}

/** Creates an account and hands out the link for its first passkey. @param {Exchange} x */
async function accounts(x) {
  if (!own(x)) return;
  const given = JSON.parse(await body(x.request));
  const field = (/** @type {string} */ name) => String(given[name] ?? "").trim();
  const person = { name: field("name"), username: field("username"), email: field("email") };
  if (!person.name || !person.username) return refuse(x, 400, "Tell us your name and choose a username.");
  const api = await open(management, "identities:create credential-binding-jobs:create");
  try {
    answer(x, 201, { link: await createAccount(api, person, config.bindingConfig) });
  } catch (error) {
    console.error(error);
    refuse(x, 422, "That account could not be created. Choose another username.", /** @type {Error} */ (error).message);
  }
}

/** Ends the shop's session and the server's (OpenID Connect RP-Initiated Logout 1.0). @param {Exchange} x */
async function signOut(x) {
  if (!own(x)) return;
  const { person } = x.session;
  renew(x);
  if (!person) return goTo(x, "/");
  const query = new URLSearchParams({
    ...{
      id_token_hint: person.idToken,
      client_id: applications[person.way].clientId,
      post_logout_redirect_uri: `${origin}/`,
    },
  });
  goTo(x, `${metadata.end_session_endpoint}?${query}`);
}

/**
 * Only the shop's own pages may change something.
 * @param {Exchange} x
 */
function own(x) {
  if (x.request.headers.origin === origin) return true;
  refuse(x, 403, "This was sent by another site.");
  return false;
}

/** A new session after every change of who is signed in, so that nobody plants one. @param {Exchange} x @param {Person} [person] */
function renew(x, person) {
  for (const [id, session] of sessions) if (session === x.session) sessions.delete(id);
  newSession(x.response, person ? { person } : {});
}

/**
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 */
function sessionOf(request, response) {
  const now = Date.now();
  for (const [id, { at }] of sessions) if (at < now - hour) sessions.delete(id);
  const id = /(?:^|; )shop=([\w-]+)/.exec(request.headers.cookie ?? "")?.[1] ?? "";
  return sessions.get(id) ?? newSession(response);
}

/**
 * @param {import("node:http").ServerResponse} response
 * @param {Partial<Session>} members
 */
function newSession(response, members = {}) {
  const id = random();
  /** @type {Session} */
  const session = { waiting: [], at: Date.now(), ...members };
  sessions.set(id, session);
  const secure = origin.startsWith("https:") ? "; Secure" : "";
  response.setHeader("Set-Cookie", `shop=${id}; Path=/; HttpOnly; SameSite=Lax${secure}`);
  return session;
}

const types = /** @type {Record<string, string>} */ ({
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
});

/** The shop's own files, and the built SDK under /sdk/. @param {Exchange} x */
async function file(x) {
  const [, folder, name] = /^\/(public|sdk)\/([\w.-]+)$/.exec(x.url.pathname) ?? [];
  const type = types[extname(name ?? "")];
  if (x.request.method !== "GET" || !name || !type) return refuse(x, 404, "There is nothing here.");
  const path = join(folder === "sdk" ? values.sdk : join(import.meta.dirname, "public"), name);
  try {
    const content = await readFile(path);
    x.response.writeHead(200, { "Content-Type": `${type}; charset=utf-8`, "Cache-Control": "no-cache" }).end(content);
  } catch {
    refuse(x, 404, "There is nothing here.");
  }
}

/** @param {Exchange} x @param {string} to */
function goTo(x, to) {
  x.response.writeHead(303, { Location: to, "Cache-Control": "no-store" }).end();
}

/** @param {Exchange} x @param {string} text @param {number} [status] */
function html(x, text, status = 200) {
  x.response.writeHead(status, {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    // The issuer is called by the SDK, and the sign-out form ends there.
    "Content-Security-Policy":
      `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ${issuer}; ` +
      `form-action 'self' ${issuer}; base-uri 'none'; frame-ancestors 'none'`,
  });
  x.response.end(text);
}

/** @param {Exchange} x @param {number} status @param {object} content */
function answer(x, status, content) {
  x.response.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" });
  x.response.end(JSON.stringify(content));
}

/** @param {Exchange} x @param {number} status @param {string} words @param {string} [reason] */
function refuse(x, status, words, reason = "") {
  if (x.request.headers.accept === "application/json") return answer(x, status, { message: words, reason });
  html(x, trouble(words, reason), status);
}

/** @param {import("node:http").IncomingMessage} request */
async function body(request) {
  let text = "";
  for await (const chunk of request) {
    text += chunk;
    if (text.length > 10_000) throw new Error("the body is too long");
  }
  return text;
}
