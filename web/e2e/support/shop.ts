import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import "./localhost.mjs";
import { type Server, startServer } from "./server.ts";
import { expect } from "./test.ts";

const example = join(import.meta.dirname, "../../../examples/relying-party");

/** The demo relying party beside a server, each on an origin of its own. */
export interface Shop {
  readonly server: Server;
  readonly origin: string;
  /** The authenticator config that its bindings use. */
  readonly config: string;
  /** Calls the management API of the realm; answers with its body. */
  manage(method: string, path: string, body?: object): Promise<Answer>;
  /** Creates an identity; answers with its id. */
  person(username: string): Promise<string>;
  /** Creates a binding job for an identity; answers with the link. */
  invite(identity: string, job?: object): Promise<string>;
  stop(): Promise<void>;
}

/** A body of the management API. */
// biome-ignore lint/suspicious/noExplicitAny: each test knows the members that it asks for.
type Answer = Record<string, any>;

/** Where the two are, and what their passkeys are bound to. */
export interface Places {
  issuerHost?: string;
  shopHost?: string;
  rpId?: string;
}

/** Starts a server and the shop, and registers the one at the other as the README says. */
export async function openShop(places: Places = {}): Promise<Shop> {
  const { issuerHost = "localhost", shopHost = "localhost", rpId } = places;
  const port = await freePort();
  const base = `http://${issuerHost}:${port}`;
  const server = await startServer({}, ["--listen", `127.0.0.1:${port}`, "--base-url", base]);
  const origin = `http://${shopHost}:${await freePort()}`;
  const made = await server.assent(
    ...["management", "create", "--name", "Shop", "--json", "--database", "assent.db", "--key-file", "dev.key"],
  );
  expect(made.code, made.stderr).toBe(0);
  const management = join(server.data, "management.json");
  const config = join(server.data, "shop.json");
  await writeFile(management, made.stdout);
  await run(
    "setup.mjs",
    "--management",
    management,
    "--config",
    config,
    "--origin",
    origin,
    ...(rpId ? ["--rp-id", rpId] : []),
  );
  const child = node("server.mjs", "--config", config);
  child.stderr.pipe(process.stderr);
  await once(child.stdout, "data");
  const { bindingConfig } = (await import(config, { with: { type: "json" } })).default as { bindingConfig: string };
  const manage = await manager(JSON.parse(made.stdout));
  return {
    ...{ server, origin, config: bindingConfig, manage },
    async person(username) {
      const traits = { type: "traits_v0", username };
      return (await manage("POST", "/identities", { identity: { display_name: `Person ${username}`, traits } }))
        .identity.id;
    },
    async invite(identity, job = {}) {
      const path = `/identities/${identity}/credential-binding-jobs`;
      const wanted = { delivery_method: "RETURN", authenticator_config_id: bindingConfig, ...job };
      return (await manage("POST", path, { job: wanted })).credential_binding_link;
    },
    async stop() {
      await end(child);
      await server.stop();
    },
  };
}

interface Management {
  issuer: string;
  client_id: string;
  client_secret: string;
  tenant_id: string;
  realm_id: string;
}

async function manager(management: Management): Promise<Shop["manage"]> {
  const { issuer, client_id, client_secret, tenant_id, realm_id } = management;
  const answer = await fetch(`${issuer}/oauth/token`, {
    method: "POST",
    headers: { Authorization: `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString("base64")}` },
    body: new URLSearchParams({ grant_type: "client_credentials" }),
  });
  const { access_token } = (await answer.json()) as { access_token?: string };
  expect(access_token).toBeTruthy();
  const headers = { Authorization: `Bearer ${access_token}`, "Content-Type": "application/json" };
  return async (method, path, body) => {
    const base = `${issuer}/v1/tenants/${tenant_id}/realms/${realm_id}`;
    const called = await fetch(base + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    const json = called.status === 204 ? {} : ((await called.json()) as Answer);
    expect(called.ok, `${method} ${path}: ${JSON.stringify(json)}`).toBe(true);
    return json;
  };
}

/** A program of the example, which finds names under localhost. */
function node(script: string, ...args: string[]) {
  const names = ["--import", join(import.meta.dirname, "localhost.mjs")];
  return spawn(process.execPath, [...names, join(example, script), ...args], { stdio: ["ignore", "pipe", "pipe"] });
}

async function run(script: string, ...args: string[]): Promise<void> {
  const child = node(script, ...args);
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  const [code] = await once(child, "close");
  expect(code, errors).toBe(0);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function end(child: ChildProcess): Promise<void> {
  const closed = child.exitCode === null ? once(child, "close") : undefined;
  child.kill("SIGTERM");
  await closed;
}
