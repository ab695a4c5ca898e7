import { createServer as createHTTPServer, type Server as HTTPServer } from "node:http";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { approvalOf, createResourceServer, type ResourceServer, tokenOf } from "@assent-id/node";
import express from "express";
import fastify, { type FastifyRequest } from "fastify";
import type { JWK } from "jose";
import { apply } from "./foreign.ts";
import type { Server } from "./server.ts";
import { expect } from "./test.ts";

/** What the API of these tests is called; it is reached elsewhere, as behind a proxy. */
export const resource = "https://orders.example.com";
export const payments = "payments:write";

const store = ["--database", "assent.db", "--key-file", "dev.key"];

/** Runs a command of the operator and reads the JSON that it prints. */
export async function operate<T>(server: Server, ...command: string[]): Promise<T> {
  const ended = await server.assent(...command, ...store, "--json");
  expect(ended.code, ended.stderr).toBe(0);
  return JSON.parse(ended.stdout) as T;
}

/** A service client, as the CLI prints it once. */
export interface ServiceClient {
  client_id: string;
  private_key: JWK;
}

/** The realm of these tests: an API, the client that acts for it, a caller, and a shop that may ask people. */
export interface Orders {
  readonly api: ServiceClient;
  readonly caller: ServiceClient;
  readonly shop: { readonly id: string; readonly secret: string };
}

export async function prepare(server: Server): Promise<Orders> {
  const api = await operate<ServiceClient>(server, "client", "create", "--name", "Orders API");
  await operate(
    server,
    ...["resource-server", "create", "--identifier", resource, "--name", "Orders", "--client", api.client_id],
    ...[
      "--scope",
      "orders:read=See orders",
      "--scope",
      "orders:write=Change orders",
      "--approval-scope",
      `${payments}=Pay`,
    ],
  );
  const caller = await operate<ServiceClient>(
    server,
    ...["client", "create", "--name", "Caller", "--resource", resource, "--scope", "orders:read", "--alg", "EdDSA"],
  );
  const shop = { id: "shop", secret: "a secret of the shop that nobody else knows" };
  await apply(server, [
    {
      ...{ ...shop, name: "Shop", kind: "service", token_endpoint_auth_method: "client_secret_basic" },
      ...{ grant_types: ["client_credentials", "urn:openid:params:grant-type:ciba"], resources: [resource] },
      scopes: ["orders:read", payments],
    },
  ]);
  const ended = await server.assent("identity", "software-passkey", "demo", ...store);
  expect(ended.code, ended.stderr).toBe(0);
  return { api, caller, shop };
}

/** Lets the demo person answer with the passkey that the server keeps. */
export async function decide(server: Server, approval: string, decision: "approve" | "deny"): Promise<void> {
  const ended = await server.assent("approval", "answer", approval, decision, ...store);
  expect(ended.code, ended.stderr).toBe(0);
}

/** Makes every token dead that a client has by now. */
export async function revokeTokens(server: Server, clientId: string): Promise<void> {
  const ended = await server.assent("client", "revoke-tokens", clientId, ...store);
  expect(ended.code, ended.stderr).toBe(0);
}

/** A cable between an API and the issuer's feed, which can be cut. */
export interface Cable {
  /** Carries calls to the feed through the cable, and all others past it. */
  readonly fetch: typeof fetch;
  cut(): void;
  mend(): void;
  stop(): void;
}

export async function layCable(to: URL): Promise<Cable> {
  const ends = new Set<Socket>();
  let whole = true;
  const cable = createServer((near) => {
    if (!whole) return near.destroy();
    const far = connect(Number(to.port), "127.0.0.1");
    for (const [end, other] of [
      [near, far],
      [far, near],
    ] as const) {
      ends.add(end);
      end.pipe(other);
      end.on("error", () => other.destroy());
      end.on("close", () => {
        ends.delete(end);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resume) => cable.listen(0, "127.0.0.1", resume));
  const { port } = cable.address() as AddressInfo;
  const cut = () => {
    whole = false;
    for (const end of ends) end.destroy();
  };
  return {
    fetch(input, init) {
      const url = new URL(String(input));
      if (url.pathname.endsWith("/v1/revocations")) url.host = `127.0.0.1:${port}`;
      return fetch(url, init);
    },
    cut,
    mend() {
      whole = true;
    },
    stop() {
      cut();
      cable.close();
    },
  };
}

/** An API that runs, made with one of the frameworks. */
export interface OrdersAPI {
  readonly server: ResourceServer;
  readonly url: string;
  stop(): Promise<void>;
}

interface Payment {
  amount: string;
  to: string;
}

const read = { scopes: ["orders:read"] };
const write = { scopes: ["orders:write"] };
const pay = ({ amount, to }: Payment) => ({ message: `Pay ${amount} to ${to}`, details: { amount, to } });

/** The same three routes with Express and with Fastify. */
export const frameworks: Record<string, (server: ResourceServer) => Promise<OrdersAPI>> = {
  async Express(server) {
    const app = express();
    app.use(express.json());
    app.use(server.metadata().path, server.metadata());
    app.get("/orders", server.express(read), (request, response) => {
      response.json({ by: tokenOf(request).clientId });
    });
    app.post("/orders", server.express(write), (_, response) => {
      response.json({});
    });
    const approval = { scope: payments, action: (request: express.Request) => pay(request.body) };
    app.post("/payments", server.express({ approval }), (request, response) => {
      response.json({ paid: request.body.amount, by: approvalOf(request).verified.statement.sub });
    });
    return started(server, createHTTPServer(app), () => {});
  },
  async Fastify(server) {
    const app = fastify({ serverFactory: (handler) => createHTTPServer(handler) });
    await app.register(server.fastifyMetadata);
    app.get("/orders", { preHandler: server.fastify(read) }, async (request) => ({ by: tokenOf(request).clientId }));
    app.post("/orders", { preHandler: server.fastify(write) }, async () => ({}));
    const approval = { scope: payments, action: (request: FastifyRequest) => pay(request.body as Payment) };
    const preHandler = server.fastify({ approval });
    app.post("/payments", { preHandler }, async (request) => {
      return { paid: (request.body as Payment).amount, by: approvalOf(request).verified.statement.sub };
    });
    await app.ready();
    return started(server, app.server, () => app.close());
  },
};

async function started(server: ResourceServer, web: HTTPServer, close: () => unknown): Promise<OrdersAPI> {
  await new Promise<void>((resume) => web.listen(0, "127.0.0.1", resume));
  return {
    server,
    url: `http://127.0.0.1:${(web.address() as AddressInfo).port}`,
    async stop() {
      server.close();
      web.closeAllConnections();
      web.close();
      await close();
    },
  };
}

/** An API of the realm, which knows what was revoked when this returns. */
export async function startAPI(
  framework: string,
  issuer: string,
  { api }: Orders,
  changes: Partial<Parameters<typeof createResourceServer>[0]> = {},
): Promise<OrdersAPI> {
  const logger = { warn() {}, info() {} };
  const server = createResourceServer({
    issuer,
    resource,
    clientId: api.client_id,
    key: api.private_key,
    logger,
    ...changes,
  });
  await server.ready({ signal: AbortSignal.timeout(30_000) });
  const make = frameworks[framework];
  if (!make) throw new Error(`there is no ${framework}`);
  return make(server);
}
