import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { createServer, type Server as HTTPServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Browser, Page } from "@playwright/test";
import { exportJWK, generateKeyPair } from "jose";
import { newPerson } from "./person.ts";
import { type Server, startServer } from "./server.ts";
import { approveButton, bind, expect, outcome } from "./test.ts";

/** What a library authenticates with, and what its ID tokens are signed with. */
export interface Method {
  readonly name: string;
  readonly auth: "client_secret_basic" | "private_key_jwt" | "none";
  /** Algorithm of the application's key. */
  readonly alg: "ES256" | "Ed25519";
  readonly idTokenAlg: string;
}

export const methods: Method[] = [
  { name: "client_secret_basic", auth: "client_secret_basic", alg: "ES256", idTokenAlg: "RS256" },
  { name: "private_key_jwt with ES256", auth: "private_key_jwt", alg: "ES256", idTokenAlg: "ES256" },
  { name: "private_key_jwt with Ed25519", auth: "private_key_jwt", alg: "Ed25519", idTokenAlg: "EdDSA" },
  { name: "no authentication", auth: "none", alg: "ES256", idTokenAlg: "PS256" },
];

/** The ways in for whoever can keep a secret: only they may ask people, introspect and the like. */
export const confidential = methods.filter(({ auth }) => auth !== "none");

export const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";
export const cibaGrant = "urn:openid:params:grant-type:ciba";
export const scope = "openid profile email read";

/** An application with its key: it signs assertions and request objects. */
export interface Application {
  readonly method: Method;
  readonly id: string;
  readonly secret: string;
  readonly key: CryptoKey;
  readonly kid: string;
}

/** A server, a person who is signed in to it, and an application for each way to authenticate. */
export interface World {
  readonly server: Server;
  readonly page: Page;
  readonly redirect: string;
  app(method: Method): Application;
  /** Lets the person follow a link to where it comes back to the application. */
  visit(link: URL | string): Promise<URL>;
  stop(): Promise<void>;
}

/** Registers the applications with one file, before anybody signs in to them. */
export async function startWorld(browser: Browser): Promise<World> {
  const server = await startServer();
  const { web, origin } = await listen();
  const redirect = `${origin}/callback`;
  const apps = new Map<Method, Application>();
  const entries = [];
  for (const [index, method] of methods.entries()) {
    const { entry, app } = await application(method, `client-${index}`, origin);
    apps.set(method, app);
    entries.push(entry);
  }
  await apply(server, entries);
  const { page } = await newPerson(browser);
  await bind(page, server);
  return {
    ...{ server, page, redirect },
    app: (method) => apps.get(method) as Application,
    visit: (link) => visit(page, link, redirect),
    async stop() {
      await page.context().close();
      web.closeAllConnections();
      web.close();
      await server.stop();
    },
  };
}

/** A page for the browser to come back to. */
export async function listen(): Promise<{ web: HTTPServer; origin: string }> {
  const web = createServer((_, response) => {
    response.setHeader("Content-Type", "text/html");
    response.end("<!doctype html><title>Application</title><h1>Application</h1>");
  });
  await new Promise<void>((resume) => web.listen(0, "127.0.0.1", resume));
  return { web, origin: `http://127.0.0.1:${(web.address() as AddressInfo).port}` };
}

async function application(method: Method, id: string, origin: string) {
  const { privateKey, publicKey } = await generateKeyPair(method.alg);
  const kid = `key-of-${id}`;
  const secret = method.auth === "client_secret_basic" ? `+%:/ ${randomBytes(24).toString("base64")}` : "";
  const ciba = method.auth === "none" ? [] : [cibaGrant];
  const entry = {
    ...{ id, name: `Notes ${id}`, kind: method.auth === "none" ? "native" : "web" },
    ...(secret && { secret }),
    ...{ token_endpoint_auth_method: method.auth, first_party: true, scopes: [...scope.split(" "), "offline_access"] },
    grant_types: ["authorization_code", "refresh_token", deviceGrant, ...ciba],
    redirect_uris: [`${origin}/callback`],
    post_logout_redirect_uris: [`${origin}/bye`],
    id_token_signed_response_alg: method.idTokenAlg,
    authorization_signed_response_alg: method.idTokenAlg,
    dpop_nonce: true,
    jwks: { keys: [{ ...(await exportJWK(publicKey)), kid, use: "sig", alg: method.alg }] },
  };
  return { entry, app: { method, id, secret, kid, key: privateKey as CryptoKey } };
}

/** Makes the applications of the running server those of a file. */
export async function apply(server: Server, applications: object[]): Promise<void> {
  await writeFile(join(server.data, "applications.json"), JSON.stringify({ applications }));
  const ended = await server.assent("app", "apply", "applications.json", ...store);
  expect(ended.code, ended.stderr).toBe(0);
}

/** Changes members of the running server's policy. */
export async function setPolicy(server: Server, members: object): Promise<void> {
  await writeFile(join(server.data, "policy.json"), JSON.stringify(members));
  const ended = await server.assent("realm", "policy", "--set", "policy.json", ...store);
  expect(ended.code, ended.stderr).toBe(0);
}

const store = ["--database", "assent.db", "--key-file", "dev.key"];

async function visit(page: Page, link: URL | string, redirect: string): Promise<URL> {
  await page.goto(String(link));
  await page.waitForURL((url) => url.origin === new URL(redirect).origin);
  return new URL(page.url());
}

/** Opens the link that a device shows, and agrees. */
export async function connectDevice(page: Page, link: string): Promise<void> {
  await page.goto(link);
  await page.locator("#allow").click();
  await expect(page.locator("#device-done")).toHaveText("Your device is connected");
}

/** Approves what waits with this message. */
export async function approve(page: Page, server: Server, message: string): Promise<void> {
  await page.goto(`${server.baseURL}/approver/`);
  await page.getByRole("link", { name: message }).click();
  await approveButton(page).click();
  await expect(outcome(page, "Approved")).toBeVisible();
}
