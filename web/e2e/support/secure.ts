import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { createServer as createSecureServer, type Server as HTTPSServer, request } from "node:https";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { type Browser, chromium } from "@playwright/test";
import { type Certificate, certificateFor } from "./certificate.ts";

const binary = resolve(process.env.ASSENT_BIN ?? join(import.meta.dirname, "../../../bin/assent"));
const issuerHost = "id.example.test";

/** `assent serve` with TLS under a name of its own, other sites beside it, and a browser that finds them all. */
export interface SecureWorld {
  readonly issuer: string;
  readonly browser: Browser;
  /** Runs `assent` on the server's database and reads its JSON. */
  assent(...args: string[]): Promise<Record<string, string | undefined>>;
  /** Calls the management API of the default realm; answers with its body. */
  manage(method: string, path: string, body: object): Promise<Answer>;
  stop(): Promise<void>;
}

/** A body of the management API. */
// biome-ignore lint/suspicious/noExplicitAny: each test knows the members that it asks for.
export type Answer = Record<string, any>;

/** Starts it all; each of hosts serves one empty page for everything. */
export async function startSecureWorld(hosts: string[]): Promise<SecureWorld> {
  const certificate = certificateFor(issuerHost, ...hosts);
  const data = await mkdtemp(join(tmpdir(), "assent-e2e-"));
  const port = await freePort();
  const { child, log } = await serve(data, port, certificate);
  const shop = await listen(certificate);
  const browser = await launch(certificate, {
    [issuerHost]: port,
    ...Object.fromEntries(hosts.map((h) => [h, shop.port])),
  });
  const assent: SecureWorld["assent"] = async (...args) => {
    const base = ["--database", "assent.db", "--key-file", "key", "--json"];
    const { stdout } = await promisify(execFile)(binary, [...args, ...base], { cwd: data });
    return stdout ? JSON.parse(stdout) : {};
  };
  return {
    ...{ issuer: `https://${issuerHost}`, browser, assent },
    manage: manager(assent, { port, certificate, log }),
    async stop() {
      await browser.close();
      shop.server.closeAllConnections();
      shop.server.close();
      await end(child);
      await rm(data, { recursive: true, force: true });
    },
  };
}

interface Place {
  port: number;
  certificate: Certificate;
  /** What the server has said so far. */
  log(): string;
}

function manager(assent: SecureWorld["assent"], place: Place): SecureWorld["manage"] {
  const ready = async () => {
    const {
      client_id: id,
      client_secret: secret,
      tenant_id: tenant,
      realm_id: realm,
    } = await assent(...["management", "create", "--name", "tests"]);
    const answer = await call(place, "/oauth/token", {
      method: "POST",
      headers: {
        authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`,
        "content-type": "application/x-www-form-urlencoded",
      },
      body: "grant_type=client_credentials",
    });
    return { base: `/v1/tenants/${tenant}/realms/${realm}`, authorization: `Bearer ${answer.access_token}` };
  };
  let opened: ReturnType<typeof ready> | undefined;
  return async (method, path, body) => {
    opened ??= ready();
    const { base, authorization } = await opened;
    const headers = { authorization, "content-type": "application/json" };
    return call(place, base + path, { method, headers, body: JSON.stringify(body) });
  };
}

interface Call {
  method: string;
  headers: Record<string, string>;
  body: string;
}

/** Calls the server as a program would that trusts its certificate. */
async function call({ port, certificate, log }: Place, path: string, { method, headers, body }: Call): Promise<Answer> {
  const asked = request({
    ...{ host: "127.0.0.1", port, path, method, ca: certificate.cert, servername: issuerHost },
    headers: { ...headers, host: issuerHost },
  });
  asked.end(body);
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  const text = (await answer.toArray()).join("");
  if ((answer.statusCode ?? 500) >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}\n${log()}`);
  return text ? JSON.parse(text) : {};
}

async function serve(data: string, port: number, { key, cert }: Certificate) {
  await Promise.all([writeFile(join(data, "tls.key"), key), writeFile(join(data, "tls.crt"), cert)]);
  await promisify(execFile)(binary, ["key", "generate", "--out", "key"], { cwd: data });
  const place = ["--listen", `127.0.0.1:${port}`, "--base-url", `https://${issuerHost}`];
  const secret = ["--database", "assent.db", "--key-file", "key", "--tls-cert", "tls.crt", "--tls-key", "tls.key"];
  const child = spawn(binary, ["serve", ...place, ...secret], { cwd: data, stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk) => {
    log += chunk;
  });
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`assent serve ended: ${log}`);
    if (await listens(port)) return { child, log: () => log };
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error(`assent serve did not start: ${log}`);
}

function listens(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  return new Promise((resume) => {
    socket.once("connect", () => resume(true)).once("error", () => resume(false));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function listen({ key, cert }: Certificate): Promise<{ server: HTTPSServer; port: number }> {
  const server = createSecureServer({ key, cert }, (_, response) => {
    response.setHeader("Content-Type", "text/html");
    response.end("<!doctype html><title>Shop</title><h1>Shop</h1>");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

/** A browser for which these names lead to ports of this machine, and the certificate is good. */
function launch({ pin }: Certificate, places: Record<string, number>): Promise<Browser> {
  const rules = Object.entries(places).map(([host, port]) => `MAP ${host}:443 127.0.0.1:${port}`);
  return chromium.launch({
    executablePath: process.env.ASSENT_CHROMIUM ?? "/usr/bin/chromium",
    args: [
      ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
      ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
      `--host-resolver-rules=${rules.join(", ")}`,
      `--ignore-certificate-errors-spki-list=${pin}`,
    ],
  });
}

async function end(child: ChildProcess): Promise<void> {
  const closed = child.exitCode === null ? once(child, "close") : undefined;
  child.kill("SIGTERM");
  await closed;
}
