import { createHash, randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { AssentError, type Client, createClient } from "@assent-id/node";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import {
  type Cable,
  decide,
  frameworks,
  layCable,
  type Orders,
  type OrdersAPI,
  operate,
  payments,
  prepare,
  resource,
  revokeTokens,
  startAPI,
} from "../../support/nodeapi.ts";
import { type Server, startServer } from "../../support/server.ts";
import { expect, test } from "../../support/test.ts";

// APIs that are made with the package, in this process, and the real server in
// its own: keys, tokens, revocations and approvals come from that alone.

test.describe.configure({ mode: "default" });

let server: Server;
let orders: Orders;
let caller: Client;
let shop: Client;
const apis: OrdersAPI[] = [];
const cables: Cable[] = [];

test.beforeAll(async () => {
  server = await startServer();
  orders = await prepare(server);
  caller = createClient({
    ...{ issuer: server.baseURL, clientId: orders.caller.client_id, key: orders.caller.private_key },
  });
  shop = createClient({ issuer: server.baseURL, clientId: orders.shop.id, clientSecret: orders.shop.secret });
});
test.afterAll(async () => {
  for (const api of apis) await api.stop();
  for (const cable of cables) cable.stop();
  await server.stop();
});

async function open(framework: string, changes = {}): Promise<OrdersAPI> {
  const api = await startAPI(framework, server.baseURL, orders, changes);
  apis.push(api);
  return api;
}

async function laid(): Promise<Cable> {
  const cable = await layCable(new URL(server.baseURL));
  cables.push(cable);
  return cable;
}

async function statusWith(api: OrdersAPI, token: string): Promise<number> {
  const answer = await fetch(`${api.url}/orders`, { headers: { authorization: `Bearer ${token}` } });
  await answer.arrayBuffer();
  return answer.status;
}

const eventually = { timeout: 30_000, intervals: [50] };

/** Another token than those that were given so far. */
async function freshToken(): Promise<string> {
  caller.forget((await caller.token()).token);
  return (await caller.token()).token;
}

for (const framework of Object.keys(frameworks)) {
  // Requirement: node-real-server, node-frameworks, node-client-auth
  test(`${framework}: a service client gets in with its key, and as far as its scopes reach`, async () => {
    const api = await open(framework);
    const send = caller.fetch({ resource: [resource], baseURL: api.url });
    const answer = await send(`${api.url}/orders`);
    expect(await answer.json()).toEqual({ by: orders.caller.client_id });
    expect(answer.status).toBe(200);
    expect((await send(`${api.url}/orders`, { method: "POST" })).status).toBe(403);
    expect((await fetch(`${api.url}/orders`)).status).toBe(401);
    const foreign = await caller.token({ resource: [server.baseURL] });
    expect(await statusWith(api, foreign.token)).toBe(401);
    const metadata = await fetch(`${api.url}/.well-known/oauth-protected-resource`);
    expect(await metadata.json()).toMatchObject({ resource, authorization_servers: [server.baseURL] });
  });

  // Requirement: node-real-server, node-feed
  test(`${framework}: a revocation reaches the API that runs, which takes tokens that were given later`, async () => {
    const api = await open(framework);
    const { token } = await caller.token();
    expect(await statusWith(api, token)).toBe(200);
    await revokeTokens(server, orders.caller.client_id);
    await expect.poll(() => statusWith(api, token), eventually).toBe(401);
    // The client's own fetch finds out and gets another one.
    expect((await caller.fetch({ baseURL: api.url })(`${api.url}/orders`)).status).toBe(200);
  });

  // Requirement: node-real-server, node-approval-challenge, node-client-fetch-approval
  test(`${framework}: a person approves a payment that a program wants to make, once`, async () => {
    const api = await open(framework);
    const body = JSON.stringify({ amount: "20 EUR", to: "Ada" });
    const post = { method: "POST", body, headers: { "content-type": "application/json" } };
    const send = shop.fetch({
      ...{ resource: [resource], baseURL: api.url, person: "demo" },
      onAsked: ({ id }) => void decide(server, id, "approve").catch(() => {}),
    });
    const used: string[] = [];
    const answer = await send(`${api.url}/payments`, post);
    expect(await answer.json()).toEqual({ paid: "20 EUR", by: expect.stringMatching(/^idn_/) });
    // By hand: the same token does it once, and for nothing else.
    const asked = await shop.start({
      ...{ person: "demo", message: "Pay 20 EUR to Ada", details: { amount: "20 EUR", to: "Ada" } },
      ...{ scope: payments, resource: [resource] },
    });
    await decide(server, asked.id, "approve");
    const { token } = await shop.wait(asked);
    const present = async (text: string) => {
      const headers = { ...post.headers, authorization: `Bearer ${token}` };
      const said = await fetch(`${api.url}/payments`, { ...post, body: text, headers });
      used.push(await said.text());
      return said.status;
    };
    expect(await present(body.replace("20 EUR", "2000 EUR"))).toBe(403);
    expect(await present(body)).toBe(200);
    expect(await present(body)).toBe(403);
    expect(JSON.parse(used[2] ?? "")).toMatchObject({
      ...{
        error: "insufficient_authorization_details",
        scope: payments,
        resource,
        binding_message: "Pay 20 EUR to Ada",
      },
    });
  });
}

// Requirement: node-real-server, node-approval-challenge
test("a payment that the person denies is not made", async () => {
  const api = await open("Express");
  const send = shop.fetch({
    ...{ resource: [resource], baseURL: api.url, person: "demo" },
    onAsked: ({ id }) => void decide(server, id, "deny").catch(() => {}),
  });
  const body = JSON.stringify({ amount: "20 EUR", to: "Ada" });
  const work = send(`${api.url}/payments`, { method: "POST", body, headers: { "content-type": "application/json" } });
  const error = await work.catch((caught) => caught);
  expect(error).toBeInstanceOf(AssentError);
  expect(error.kind).toBe("denied");
});

// Requirement: node-real-server, node-approval-scopes
test("a route with a scope that needs an approval lets nobody pass without asking for one", async () => {
  const api = await open("Express");
  const rawHeaders = ["Authorization", `Bearer ${(await caller.token()).token}`];
  const request = { url: "/", method: "POST", rawHeaders, socket: {} } as unknown as IncomingMessage;
  const error = await api.server.authorize(request, { scopes: [payments] }).catch((caught) => caught);
  expect(error.code).toBe("insufficient_authorization_details");
  expect((await api.server.authorize(request, { scopes: ["orders:read"] })).token.clientId).toBe(
    orders.caller.client_id,
  );
});

// Requirement: node-real-server, node-approve
test("a program asks a person before it acts, and redeems their approval", async () => {
  const own = createClient({
    ...{ issuer: server.baseURL, clientId: orders.shop.id, clientSecret: orders.shop.secret },
    onAsked: ({ id }) => void decide(server, id, "approve").catch(() => {}),
  });
  const action = { person: "demo", message: "Deploy shop 2.4.1", details: { version: "2.4.1" }, command: ["./deploy"] };
  const approval = await own.approve(action);
  expect(approval.redeemedAt).toBeInstanceOf(Date);
  expect(approval.verified.statement.action.binding_message).toBe("Deploy shop 2.4.1");
});

// Requirement: node-real-server, node-feed-lost
test("an API that does not hear the feed asks about each token, or refuses all of them, as it is told", async () => {
  const cable = await laid();
  const asks = await open("Express", { fetch: cable.fetch, maxStale: 2 });
  const refuses = await open("Fastify", { fetch: cable.fetch, maxStale: 2, lost: "refuse" });
  const token = await freshToken();
  await expect.poll(() => statusWith(refuses, token), eventually).toBe(200);
  cable.cut();
  await expect.poll(() => statusWith(refuses, token), eventually).toBe(503);
  expect(await statusWith(asks, token)).toBe(200);
  // What is revoked meanwhile is not taken: the issuer says so, at once or within its own second.
  await revokeTokens(server, orders.caller.client_id);
  await expect.poll(() => statusWith(asks, token), eventually).toBe(401);
  expect(await statusWith(refuses, token)).toBe(503);
  cable.mend();
  await expect.poll(() => statusWith(refuses, token), eventually).toBe(401);
  const later = await freshToken();
  await expect.poll(() => statusWith(refuses, later), eventually).toBe(200);
});

// Requirement: node-real-server, node-dpop
test("a token that is bound to a key passes with proofs of that key alone", async () => {
  const api = await open("Fastify");
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const jwk = await exportJWK(publicKey);
  const prove = (htm: string, htu: string, ath?: string) =>
    new SignJWT({ htm, htu, jti: randomUUID(), ...(ath && { ath }) })
      .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk })
      .setIssuedAt()
      .sign(privateKey);
  const { shop: app } = orders;
  const answer = await fetch(`${server.baseURL}/oauth/token`, {
    method: "POST",
    body: new URLSearchParams({ grant_type: "client_credentials", scope: "orders:read" }),
    headers: {
      authorization: `Basic ${Buffer.from(`${app.id}:${encodeURIComponent(app.secret)}`).toString("base64")}`,
      dpop: await prove("POST", `${server.baseURL}/oauth/token`),
    },
  });
  const { access_token: token, token_type: type } = await answer.json();
  expect(type).toBe("DPoP");
  const ath = createHash("sha256").update(token).digest("base64url");
  const send = async (dpop: string, scheme = "DPoP") => {
    const headers = { authorization: `${scheme} ${token}`, dpop };
    return (await fetch(`${api.url}/orders`, { headers })).status;
  };
  const good = await prove("GET", `${resource}/orders`, ath);
  expect(await send(good)).toBe(200);
  expect(await send(good)).toBe(401);
  expect(await send(await prove("GET", `${resource}/orders`, ath), "Bearer")).toBe(401);
  expect(await send(await prove("POST", `${resource}/orders`, ath))).toBe(401);
  expect(await statusWith(api, token)).toBe(401);
});

// Requirement: node-real-server, node-opaque
test("an API whose tokens are opaque introspects them, and hears of those that are revoked", async () => {
  const hidden = "https://hidden.example.com";
  const { client_id: clientId, private_key: key } = orders.api;
  await operate(
    server,
    ...["resource-server", "create", "--identifier", hidden, "--name", "Hidden", "--client", clientId],
    ...["--scope", "hidden:read=See what is hidden", "--format", "opaque"],
  );
  const name = ["client", "create", "--name", "Seeker", "--resource", hidden, "--scope", "hidden:read"];
  const seeker = await operate<Orders["api"]>(server, ...name);
  const client = createClient({ issuer: server.baseURL, clientId: seeker.client_id, key: seeker.private_key });
  const api = await open("Express", { resource: hidden, clientId, key });
  // The server hears within a second of what another process has changed.
  const mint = async () => {
    const { token } = await client.token();
    client.forget(token);
    return token;
  };
  await expect.poll(mint, eventually).toMatch(/^at_/);
  const token = await mint();
  expect((await api.server.verifyToken(token)).scopes).toEqual(["hidden:read"]);
  await revokeTokens(server, seeker.client_id);
  const code = () =>
    api.server.verifyToken(token).then(
      () => "taken",
      (error) => error.code,
    );
  await expect.poll(code, eventually).toBe("invalid_token");
});

// Requirement: node-real-server, node-feed-refused
test("an API whose client is frozen takes nothing for granted any more, at once", async () => {
  const frozen = "https://frozen.example.com";
  const own = await operate<Orders["api"]>(server, "client", "create", "--name", "Frozen API");
  await operate(
    server,
    ...["resource-server", "create", "--identifier", frozen, "--name", "Frozen", "--client", own.client_id],
    ...["--scope", "frozen:read=See what is frozen"],
  );
  const name = ["client", "create", "--name", "Reader", "--resource", frozen, "--scope", "frozen:read"];
  const reader = await operate<Orders["api"]>(server, ...name);
  const client = createClient({ issuer: server.baseURL, clientId: reader.client_id, key: reader.private_key });
  // An hour of silence would not count.
  const silence = { maxStale: 3600, lost: "refuse" };
  const api = await open("Fastify", { resource: frozen, clientId: own.client_id, key: own.private_key, ...silence });
  const mint = () =>
    client.token().then(
      ({ token }) => token,
      () => "",
    );
  await expect.poll(mint, eventually).not.toBe("");
  const token = await mint();
  expect((await api.server.verifyToken(token)).scopes).toEqual(["frozen:read"]);
  await operate(server, "client", "freeze", own.client_id);
  const code = () =>
    api.server.verifyToken(token).then(
      () => "taken",
      (error) => error.code,
    );
  await expect.poll(code, eventually).toBe("temporarily_unavailable");
});

// Requirement: node-real-server, node-client-introspect
test("a client asks what its token means", async () => {
  const token = await freshToken();
  expect(await caller.introspect(token)).toMatchObject({ active: true, client_id: orders.caller.client_id });
  expect(await caller.introspect("at_unknown")).toEqual({ active: false });
});
