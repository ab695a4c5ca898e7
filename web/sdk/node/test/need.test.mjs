import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { createResourceServer, isRefusal, refuse } from "@assent-id/node";
import express from "express";
import { discovery } from "../dist/issuer.js";
import { makeKey, proof, quiet, resource, sha256, startIssuer, thumbprint, until } from "./issuer.mjs";
import { action, keepApproval } from "./person.mjs";

/** What a test may take from its routes. */
const approval = { scope: action.scope, action: () => ({ message: action.message, details: action.details }) };

/** An API whose routes are needs by their paths, made with node:http. */
async function start(t, { needs = {}, metadata = {}, issuer: given, config = {} } = {}) {
  const issuer = given ?? (await startIssuer(t));
  issuer.metadata = metadata;
  const logger = quiet();
  const api = createResourceServer({ issuer: issuer.url, resource, unrevocable: true, logger, ...config });
  t.after(() => api.close());
  if (!given) await api.ready({ signal: AbortSignal.timeout(30_000) });
  const server = createServer(async (request, response) => {
    try {
      await api.authorize(request, needs[new URL(request.url, resource).pathname]);
      response.end("{}");
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refuse(response, error);
    }
  });
  const port = await listen(t, server);
  const call = async (path, token) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${token}` } });
    return { status: answer.status, challenge: answer.headers.get("www-authenticate"), body: await answer.json() };
  };
  return { issuer, api, logger, port, call };
}

async function listen(t, server) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return server.address().port;
}

// Requirement: node-approval-scopes
test("a scope that needs an approval each time lets nobody pass where the API asks for none", async (t) => {
  const needs = {
    "/pay": { scopes: ["notes:read", "payments:write"] },
    "/told": {},
    "/notes": { scopes: ["notes:read"] },
  };
  needs["/told"] = { scopes: ["payments:write"], approvalTokens: true };
  const { issuer, logger, call } = await start(t, {
    needs,
    metadata: { approval_scopes_supported: ["payments:write"] },
  });
  const claims = await keepApproval(issuer);
  for (const token of [await issuer.token(claims), await issuer.token({ scope: "notes:read payments:write" })]) {
    for (const path of ["/pay", "/told"]) {
      const { status, challenge, body } = await call(path, token);
      assert.deepEqual([status, body.error], [403, "insufficient_authorization_details"], path);
      assert.match(challenge, /^Bearer error="insufficient_authorization_details", .*scope="[^"]*payments:write"/);
      assert.equal(body.binding_message, undefined, "nobody can be asked for anything");
    }
  }
  assert.equal((await call("/notes", await issuer.token())).status, 200);
  const lines = logger.lines.filter((line) => line.includes('"payments:write"'));
  assert.equal(lines.length, 1, "it is logged once");
});

// Requirement: node-approval-scopes
test("a scope that needs an approval at another API alone is one like any other here, if the API says so", async (t) => {
  const { issuer, call } = await start(t, {
    ...{ needs: { "/notes": { scopes: ["write"] }, "/pay": { scopes: ["write", "pay"] } } },
    ...{ metadata: { approval_scopes_supported: ["write", "pay"] }, config: { ordinaryScopes: ["write"] } },
  });
  const token = await issuer.token({ scope: "write pay" });
  assert.equal((await call("/notes", token)).status, 200);
  assert.equal((await call("/pay", token)).status, 403);
  assert.equal(
    (await call("/notes", await issuer.token({ ...(await keepApproval(issuer)), scope: "write" }))).status,
    403,
  );
});

// Requirement: node-approval-scopes
test("which scopes need an approval is read again with the keys", async (t) => {
  const issuer = await startIssuer(t);
  issuer.handlers["/oauth/jwks"] = () => ({ status: 404 });
  const { api, call } = await start(t, { issuer, needs: { "/pay": { scopes: ["payments:write"] } } });
  await until(() => issuer.count("/oauth/jwks") > 0, "the first attempt");
  issuer.metadata = { approval_scopes_supported: ["payments:write"] };
  const document = "/.well-known/openid-configuration";
  const read = issuer.count(document);
  await until(() => issuer.count(document) > read, "the next look");
  delete issuer.handlers["/oauth/jwks"];
  await api.ready({ signal: AbortSignal.timeout(30_000) });
  const token = await issuer.token({ scope: "payments:write" });
  await until(async () => (await call("/pay", token)).status === 403, "the new rule");
  const find = discovery(issuer.url, fetch);
  await find();
  issuer.metadata = { approval_scopes_supported: "payments:write" };
  await find.refresh();
  assert.deepEqual(find.known().approvalScopes, []);
  assert.deepEqual((await find()).approvalScopes, []);
  issuer.handlers[document] = () => ({ status: 404 });
  await assert.rejects(find.refresh(), { kind: "invalid" });
  assert.deepEqual((await find()).approvalScopes, [], "what was known stays");
});

// Requirement: node-approval-scopes
test("the token of an approval passes without that approval's action only where a need says so", async (t) => {
  const needs = {
    "/any": {},
    "/read": { scopes: ["notes:read"] },
    "/told": { scopes: ["notes:read"], approvalTokens: true },
  };
  const { issuer, call } = await start(t, { needs });
  const token = await issuer.token({ ...(await keepApproval(issuer)), scope: "notes:read" });
  for (const path of ["/any", "/read"]) {
    const { status, body } = await call(path, token);
    assert.deepEqual([status, body.error], [403, "insufficient_scope"], path);
  }
  assert.equal((await call("/told", token)).status, 200);
  assert.equal((await call("/read", await issuer.token())).status, 200);
});

// Requirement: node-approval-scopes
test("an approval stands for other scopes only where it has the scope that is approved here", async (t) => {
  const { issuer, call } = await start(t, { needs: { "/pay": { scopes: ["notes:read"], approval } } });
  const claims = await keepApproval(issuer);
  const foreign = await call("/pay", await issuer.token({ ...claims, scope: "mail:send" }));
  assert.deepEqual([foreign.status, foreign.body.error], [403, "insufficient_scope"]);
  assert.ok(!JSON.stringify(foreign.body).includes(action.message), "what the request does is not told");
  const asks = await call("/pay", await issuer.token());
  assert.deepEqual([asks.status, asks.body.binding_message], [403, action.message]);
  assert.equal((await call("/pay", await issuer.token(claims))).status, 200);
});

/** Sends a request as it is written, and answers with all that comes back. */
async function raw(port, target, headers) {
  const socket = connect(port, "127.0.0.1");
  const lines = Object.entries({ Host: "api.example.com", Connection: "close", ...headers });
  socket.write(`GET ${target} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`);
  return (await socket.setEncoding("utf8").toArray()).join("");
}

// RFC 9112, Section 3.2; RFC 9449, Section 4.3.
//
// Requirement: node-dpop-target
test("a proof is of the path that the server routes by, in whichever form the target comes", async (t) => {
  const { issuer, api, port } = await start(t);
  const app = express();
  app.get("/{*path}", api.express(), (_, response) => {
    response.json({});
  });
  const key = await makeKey("ES256");
  const token = await issuer.token({ cnf: { jkt: await thumbprint(key) } });
  const send = async (at, target, path) => {
    const dpop = await proof(key, { htm: "GET", htu: resource + path, ath: sha256(token) });
    const answer = await raw(at, target, { Authorization: `DPoP ${token}`, DPoP: dpop });
    return [answer.slice(9, 12), /"error":"(\w+)"/.exec(answer)?.[1]];
  };
  const passed = ["200", undefined];
  const wrong = ["401", "invalid_dpop_proof"];
  const odd = ["400", "invalid_request"];
  for (const at of [port, await listen(t, createServer(app))]) {
    for (const [target, path, want] of [
      ["http://api.example.com/admin", "/", wrong],
      ["http://api.example.com/admin?a=b", "/admin", passed],
      ["HTTPS://other.example.com/admin", "/admin", passed],
      ["http://api.example.com", "/", passed],
      ["http://api.example.com?a=b", "/", passed],
      ["/admin?a=http://x/", "/admin", passed],
      ["//admin", "/admin", wrong],
      ["/a/../admin", "/admin", odd],
      ["/a/%2e%2E/admin", "/admin", odd],
      ["http://api.example.com/a/../admin", "/admin", odd],
    ]) {
      assert.deepEqual(await send(at, target, path), want, `${target} with a proof for ${path}`);
    }
  }
  const refused = async (url) =>
    api
      .authorize({ url, method: "OPTIONS", rawHeaders: ["Authorization", `DPoP ${token}`], headers: {}, socket: {} })
      .then(
        () => assert.fail(`${url} passed`),
        (error) => error.code,
      );
  for (const url of [
    "*",
    "api.example.com:443",
    "ftp://api.example.com/",
    "admin",
    "",
    "http://",
    "/a\\..\\b",
    "/a#b",
  ]) {
    assert.equal(await refused(url), "invalid_request", url);
  }
});
