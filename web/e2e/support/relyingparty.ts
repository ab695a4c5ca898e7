import { createHash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { createServer, type Server as HTTPServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import type { Server } from "./server.ts";
import { expect } from "./test.ts";

/** A request that a relying party got. */
export interface Heard {
  method: string;
  url: URL;
  form: URLSearchParams;
}

/** An application with a web server of its own on loopback, which people sign in to. */
export interface RelyingParty {
  readonly clientId: string;
  readonly origin: string;
  /** What it was sent at a path, so far. */
  heard(path: string): Heard[];
  /** Signs the person of a page in; answers with the ID token. */
  signIn(page: Page): Promise<string>;
  stop(): Promise<void>;
}

/** How long a path takes to answer, in milliseconds. */
export type Delays = Record<string, number>;

/** Registers an application beside the running server. Its settings may name its origin as `{origin}`. */
export async function newRelyingParty(
  server: Server,
  name: string,
  settings: Record<string, unknown> = {},
  delays: Delays = {},
): Promise<RelyingParty> {
  const heard: Heard[] = [];
  const web = createServer(async (request, response) => {
    const { pathname } = await note(heard, request);
    await new Promise((resume) => setTimeout(resume, delays[pathname] ?? 0));
    response.setHeader("Content-Type", "text/html");
    response.end(`<!doctype html><title>${name}</title><h1>${name}</h1>`);
  });
  await new Promise<void>((resume) => web.listen(0, "127.0.0.1", resume));
  const origin = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
  const registered = await register(server, name, origin, settings);
  return {
    clientId: registered.client_id,
    origin,
    heard: (path) => heard.filter(({ url }) => url.pathname === path),
    signIn: (page) => signIn(page, server, registered, origin),
    stop: () => stop(web),
  };
}

async function note(heard: Heard[], request: IncomingMessage): Promise<URL> {
  const url = new URL(request.url ?? "/", "http://localhost");
  let body = "";
  for await (const chunk of request) body += chunk;
  heard.push({ method: request.method ?? "", url, form: new URLSearchParams(body) });
  return url;
}

interface Registered {
  client_id: string;
  client_secret: string;
}

async function register(server: Server, name: string, origin: string, settings: object): Promise<Registered> {
  const file = `${randomBytes(6).toString("hex")}.json`;
  const text = JSON.stringify({ redirect_uris: [`${origin}/callback`], ...settings });
  await writeFile(join(server.data, file), text.replaceAll("{origin}", origin));
  const ended = await server.assent(
    ...["app", "create", "--name", name, "--kind", "web", "--auth", "client_secret_post", "--settings", file],
    ...["--grant", "authorization_code", "--scope", "openid profile"],
    ...["--database", "assent.db", "--key-file", "dev.key", "--json"],
  );
  expect(ended.code, ended.stderr).toBe(0);
  return JSON.parse(ended.stdout);
}

/** The code flow with PKCE, as the person who agrees. */
async function signIn(page: Page, server: Server, app: Registered, origin: string): Promise<string> {
  const verifier = randomBytes(32).toString("base64url");
  const redirect = `${origin}/callback`;
  const request = new URLSearchParams({
    ...{ client_id: app.client_id, redirect_uri: redirect, response_type: "code", scope: "openid profile" },
    ...{ code_challenge: createHash("sha256").update(verifier).digest("base64url"), code_challenge_method: "S256" },
  });
  await page.goto(`${server.baseURL}/oauth/authorize?${request}`);
  const allow = page.getByRole("button", { name: "Allow", exact: true });
  // Consent is remembered: the second time the browser comes straight back.
  await Promise.race([allow.waitFor(), page.waitForURL(`${redirect}?**`)]);
  if (!page.url().startsWith(redirect)) await allow.click();
  await page.waitForURL(`${redirect}?**`);
  const code = new URL(page.url()).searchParams.get("code") ?? "";
  const form = { grant_type: "authorization_code", code, redirect_uri: redirect, code_verifier: verifier, ...app };
  const answer = await fetch(`${server.baseURL}/oauth/token`, { method: "POST", body: new URLSearchParams(form) });
  const { id_token: token } = (await answer.json()) as { id_token?: string };
  expect(token).toBeTruthy();
  return token ?? "";
}

async function stop(web: HTTPServer): Promise<void> {
  web.closeAllConnections();
  await new Promise((resume) => web.close(resume));
}
