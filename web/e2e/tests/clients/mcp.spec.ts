import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createTLSServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  discoverAuthorizationServerMetadata,
  refreshAuthorization,
  UnauthorizedError,
} from "@modelcontextprotocol/sdk/client/auth.js";
import type { Page } from "@playwright/test";
import { certificateForLocalhost } from "../../support/certificate.ts";
import { apply, listen, setPolicy } from "../../support/foreign.ts";
import { call, connect, Provider, type Registration, transportTo } from "../../support/mcpclient.ts";
import { type ProtectedServer, startProtectedServer } from "../../support/mcpserver.ts";
import { newPerson } from "../../support/person.ts";
import { type Server, startServer } from "../../support/server.ts";
import { bind, expect, test } from "../../support/test.ts";

// The SDK's client knows nothing but the address of a server of notes, which
// the SDK runs as well. All else it finds out from refusals and metadata.

test.describe.configure({ mode: "default" });

let server: Server;
let notes: ProtectedServer;
let page: Page;
let callback: string;
let document: string;
const closing: (() => unknown)[] = [];

test.beforeAll(async ({ browser }) => {
  const folder = await mkdtemp(join(tmpdir(), "assent-e2e-"));
  const certificate = certificateForLocalhost();
  await writeFile(join(folder, "roots.pem"), certificate.cert);
  server = await startServer({ SSL_CERT_FILE: join(folder, "roots.pem") });
  notes = await startProtectedServer(server.baseURL);
  const { web, origin } = await listen();
  callback = `${origin.replace("127.0.0.1", "localhost")}/callback`;
  document = await publish(certificate);
  closing.push(
    () => web.close(),
    () => rm(folder, { recursive: true }),
  );
  await setPolicy(server, {
    registration: { mode: "open" },
    resources: [
      {
        ...{ resource: notes.url.href, name: "Notes" },
        ...{ scopes: ["notes:read", "notes:write"], default_scopes: ["notes:read"] },
      },
    ],
  });
  await apply(server, [
    {
      ...{ id: "note-taker", name: "Registered note taker", kind: "native", profile: "mcp" },
      ...{ token_endpoint_auth_method: "none", grant_types: ["authorization_code", "refresh_token"] },
      redirect_uris: ["http://localhost/callback"],
    },
  ]);
  ({ page } = await newPerson(browser));
  await bind(page, server);
});

test.afterAll(async () => {
  await page.context().close();
  notes.stop();
  await server.stop();
  for (const close of closing) await close();
});

/** Serves the metadata document of a client over TLS: the SDK takes no other URL for one. */
async function publish(certificate: { key: string; cert: string }): Promise<string> {
  const web = createTLSServer(certificate, (_, response) => {
    response.setHeader("Content-Type", "application/json");
    response.end(
      JSON.stringify({
        ...{ client_id: url, client_name: "Published note taker", redirect_uris: ["http://localhost/callback"] },
        ...{ grant_types: ["authorization_code", "refresh_token"], token_endpoint_auth_method: "none" },
      }),
    );
  });
  await new Promise<void>((resume) => web.listen(0, "127.0.0.1", resume));
  const url = `https://localhost:${(web.address() as AddressInfo).port}/client.json`;
  closing.push(() => web.close());
  return url;
}

/** Lets the person agree; answers with the code that the client got. */
async function agree(provider: Provider): Promise<string> {
  await page.goto(String(provider.link));
  await page.locator("#allow").click();
  await page.waitForURL(`${callback}?**`);
  const { searchParams } = new URL(page.url());
  expect(searchParams.get("iss")).toBe(server.baseURL);
  return searchParams.get("code") ?? "";
}

/** Comes to the server of notes for the first time. */
async function arrive(registration: Registration) {
  const provider = new Provider(callback, registration);
  await expect(connect(notes.url, provider)).rejects.toThrow(UnauthorizedError);
  expect(provider.link?.searchParams.has("scope")).toBe(false);
  expect(provider.link?.searchParams.has("state")).toBe(false);
  expect(provider.link?.searchParams.get("resource")).toBe(notes.url.href);
  return provider;
}

async function enter(provider: Provider) {
  await transportTo(notes.url, provider).finishAuth(await agree(provider));
  return connect(notes.url, provider);
}

const ways: [string, () => Registration, RegExp][] = [
  ["registers itself", () => ({}), /^app_/],
  ["was registered before", () => ({ id: "note-taker" }), /^note-taker$/],
  ["publishes a document", () => ({ document }), /^https:\/\/localhost:\d+\/client\.json$/],
];

for (const [name, registration, id] of ways) {
  // Requirement: clients-mcp-sdks, mcp-registration-ways, mcp-localhost-callback, mcp-no-state, mcp-no-scope, cimd-works
  test(`the TypeScript SDK's client that ${name} gets in and stays in`, async () => {
    const provider = await arrive(registration());
    const client = await enter(provider);
    expect(await call(client, "read")).toBe("milk");
    const seen = JSON.parse(await call(client, "whoami"));
    expect(seen).toEqual({ client: expect.stringMatching(id), scopes: ["notes:read"] });
    await client.close();
    // The token is of no use any more: the SDK refreshes it by itself.
    const { refresh_token: before } = provider.kept ?? {};
    provider.kept = { ...provider.kept, access_token: "spent", token_type: "Bearer" };
    const later = await connect(notes.url, provider);
    expect(await call(later, "whoami")).toBe(JSON.stringify(seen));
    expect(provider.kept?.refresh_token).not.toBe(before);
    await later.close();
  });
}

// Requirement: cimd-consent-host
test("a person sees where a client that publishes a document comes from", async () => {
  const provider = await arrive({ document });
  await page.goto(String(provider.link));
  await expect(page.getByRole("heading", { name: "Allow Published note taker?" })).toBeVisible();
  await expect(page.locator(".lead")).toContainText("in the name of localhost.");
  // What was allowed before is asked for again, as any program could call itself so, but not as more.
  await expect(page.locator(".lead")).toContainText("It asks you, Alex Demo, for the following.");
  await expect(page.locator("#consent-new")).toHaveCount(0);
});

// A client that holds a refresh token would use that when it hears 403, ask for
// nothing more and give up: so the SDK does it (client/auth.js, authInternal).
// This one registers without refresh tokens.
//
// Requirement: clients-mcp-sdks, mcp-step-up, consent-shows-new
test("the TypeScript SDK's client asks for the wider scope that a tool needs, and the person sees what is new", async () => {
  const provider = await arrive({ grants: ["authorization_code"] });
  const client = await enter(provider);
  expect(provider.kept).not.toHaveProperty("refresh_token");
  expect(await call(client, "read")).toBe("milk");
  await expect(call(client, "write")).rejects.toThrow(UnauthorizedError);
  expect(provider.link?.searchParams.get("scope")).toBe("notes:read notes:write");
  await page.goto(String(provider.link));
  await expect(page.locator(".lead")).toContainText("It asks for more than you have allowed so far.");
  await expect(page.locator("#consent-new li")).toHaveText([/^\s*Use “notes:write” at Notes\s*$/]);
  await expect(page.locator("#consent-items")).toContainText("notes:read");
  const wider = await enter(provider);
  expect(await call(wider, "write")).toBe("written");
  expect(JSON.parse(await call(wider, "whoami"))).toMatchObject({ scopes: ["notes:read", "notes:write"] });
  await Promise.all([client.close(), wider.close()]);
});

// Requirement: clients-mcp-sdks, mcp-offline-access, authorize-prompt-consent
test("the TypeScript SDK's client that wants to stay asks with prompt=consent, and may leave resource out later", async () => {
  const provider = new Provider(callback, { scope: "notes:read offline_access" });
  await expect(connect(notes.url, provider)).rejects.toThrow(UnauthorizedError);
  expect(provider.link?.searchParams.get("prompt")).toBe("consent");
  await (await enter(provider)).close();
  expect(provider.kept?.scope?.split(" ").sort()).toEqual(["notes:read", "offline_access"]);
  const metadata = await discoverAuthorizationServerMetadata(server.baseURL);
  const next = await refreshAuthorization(server.baseURL, {
    ...{ clientInformation: provider.known ?? { client_id: "" }, refreshToken: provider.kept?.refresh_token ?? "" },
    ...(metadata && { metadata }),
  });
  expect(next.access_token).not.toBe(provider.kept?.access_token);
  provider.kept = next;
  const client = await connect(notes.url, provider);
  expect(await call(client, "read")).toBe("milk");
  await client.close();
});

// Requirement: clients-mcp-sdks, mcp-register-again, register-deleted-401
test("the TypeScript SDK's client whose registration is gone registers again", async () => {
  const registered: Record<string, string>[] = [];
  const watch: typeof fetch = async (...request) => {
    const answer = await fetch(...request);
    if (String(request[0]).endsWith("/oauth/register")) registered.push(await answer.clone().json());
    return answer;
  };
  const provider = new Provider(callback, {});
  await expect(connect(notes.url, provider, watch)).rejects.toThrow(UnauthorizedError);
  const client = await enter(provider);
  await client.close();
  const { registration_client_uri: uri = "", registration_access_token: token } = registered[0] ?? {};
  // A token that is checked by its signature lives a little longer than its client.
  provider.kept = { ...provider.kept, access_token: "spent", token_type: "Bearer" };
  const gone = await fetch(uri, { method: "DELETE", headers: { Authorization: `Bearer ${token}` } });
  expect(gone.status).toBe(204);
  await expect(connect(notes.url, provider, watch)).rejects.toThrow(UnauthorizedError);
  expect(provider.forgot).toEqual(["all"]);
  expect(registered).toHaveLength(2);
  const back = await enter(provider);
  expect(await call(back, "read")).toBe("milk");
  await back.close();
});
