import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import { test } from "node:test";
import { approvalOf, createResourceServer, isRefusal, refuse, tokenOf } from "@assent-id/node";
import express from "express";
import fastify from "fastify";
import { makeKey, proof, quiet, resource, sha256, startIssuer, thumbprint, tokenId } from "./issuer.mjs";
import { action, keepApproval, wire } from "./person.mjs";

/** What the routes of the tests need, and where. */
const needs = {
  "/any": {},
  "/notes": { scopes: ["notes:read", "notes:write"] },
  "/secret": { acr: ["passkey", "hardware"], maxAge: 60 },
};
const pay = (bodyOf) => ({
  approval: {
    scope: action.scope,
    action: (request) => {
      const { amount, to } = bodyOf(request) ?? {};
      if (!amount) throw new Error("amount is missing");
      return { message: `Pay ${amount} to ${to}`, details: { amount } };
    },
  },
});
const answer = (request) => ({ sub: tokenOf(request).subject });
const paid = (request) => ({ approval: approvalOf(request).id, by: tokenOf(request).subject });

/** The same API, made with each of the frameworks. */
const frameworks = {
  async Express(api) {
    const app = express();
    app.use(express.json());
    app.use(api.metadata().path, api.metadata());
    const router = express.Router();
    for (const [path, need] of Object.entries(needs)) {
      router.get(path, api.express(need), (request, response) => response.json(answer(request)));
    }
    const approval = api.express(pay((request) => request.body));
    router.post("/pay", approval, (request, response) => response.json(paid(request)));
    app.use("/v1", router);
    const server = app.listen(0, "127.0.0.1");
    await once(server, "listening");
    return { port: server.address().port, stop: () => server.close() };
  },
  async Fastify(api) {
    const app = fastify();
    await app.register(api.fastifyMetadata);
    for (const [path, need] of Object.entries(needs)) {
      app.get(`/v1${path}`, { preHandler: api.fastify(need) }, async (request) => answer(request));
    }
    const approval = api.fastify(pay((request) => request.body));
    app.post("/v1/pay", { preHandler: approval }, async (request) => paid(request));
    await app.listen({ port: 0, host: "127.0.0.1" });
    return { port: app.server.address().port, stop: () => app.close() };
  },
  async "node:http"(api) {
    const server = createServer(async (request, response) => {
      const { pathname } = new URL(request.url, resource);
      if (pathname === api.metadata().path) return api.metadata()(request, response);
      try {
        const body = JSON.parse((await request.toArray()).join("") || "{}");
        await api.authorize(request, pathname === "/v1/pay" ? pay(() => body) : needs[pathname.slice(3)]);
        response.end(JSON.stringify(pathname === "/v1/pay" ? paid(request) : answer(request)));
      } catch (error) {
        if (!isRefusal(error)) throw error;
        refuse(response, error);
      }
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return { port: server.address().port, stop: () => server.close() };
  },
};

async function start(t, make, config = {}) {
  const issuer = await startIssuer(t);
  const own = { issuer: issuer.url, resource, unrevocable: true, logger: quiet(), ...config };
  const api = createResourceServer(own);
  t.after(() => api.close());
  await api.ready({ signal: AbortSignal.timeout(30_000) });
  const { port, stop } = await make(api);
  t.after(stop);
  const origin = `http://127.0.0.1:${port}`;
  const call = async (path, token, init = {}) => {
    const headers = { ...init.headers, ...(token && { authorization: `Bearer ${token}` }) };
    const response = await fetch(`${origin}${path}`, { ...init, headers });
    const text = await response.text();
    const body = text ? JSON.parse(text) : undefined;
    return {
      status: response.status,
      challenge: response.headers.get("www-authenticate"),
      headers: response.headers,
      body,
    };
  };
  return { issuer, api, origin, call };
}

const post = (body) => ({
  method: "POST",
  body: JSON.stringify(body),
  headers: { "content-type": "application/json" },
});
const payment = { amount: "20 EUR", to: "Ada" };

const where = 'resource_metadata="https://api.example.com/.well-known/oauth-protected-resource"';

for (const [name, make] of Object.entries(frameworks)) {
  // Requirement: node-frameworks, node-challenges
  test(`${name}: a request passes with a token that has what the route needs`, async (t) => {
    const { issuer, call } = await start(t, make);
    const now = Math.floor(Date.now() / 1000);
    const good = await issuer.token({ scope: "notes:write notes:read", acr: "passkey", auth_time: now - 30 });
    for (const path of ["/v1/any", "/v1/notes?page=2", "/v1/secret"]) {
      const { status, body } = await call(path, good);
      assert.deepEqual([status, body], [200, { sub: "idn_1" }], path);
    }
  });

  // RFC 6750, Section 3.1: nothing is said about why.
  //
  // Requirement: node-challenges
  test(`${name}: a request without a token hears where to get one, and no more`, async (t) => {
    const { call } = await start(t, make);
    for (const authorization of [undefined, "Basic YTpi"]) {
      const { status, challenge, body, headers } = await call(
        "/v1/notes",
        "",
        authorization && { headers: { authorization } },
      );
      assert.equal(status, 401);
      const [bearer, dpop] = challenge.split(/, (?=DPoP )/);
      assert.equal(bearer, `Bearer scope="notes:read notes:write", ${where}`);
      assert.equal(dpop, `DPoP scope="notes:read notes:write", algs="ES256 EdDSA Ed25519 PS256 RS256", ${where}`);
      assert.deepEqual(body, {});
      assert.equal(headers.get("access-control-allow-origin"), "*");
    }
  });

  // Requirement: node-challenges
  test(`${name}: a malformed header is a bad request`, async (t) => {
    const { issuer, call, origin } = await start(t, make);
    for (const authorization of ["Bearer", "Bearer a b", 'Bearer token="x"']) {
      const { status, body } = await call("/v1/any", "", { headers: { authorization } });
      assert.deepEqual([status, body.error], [400, "invalid_request"], authorization);
    }
    const token = await issuer.token();
    const headers = [
      "Host",
      "api",
      "Connection",
      "close",
      "Authorization",
      `Bearer ${token}`,
      "Authorization",
      "Bearer x",
    ];
    const twice = httpRequest(`${origin}/v1/any`, { headers });
    twice.end();
    const [response] = await once(twice, "response");
    response.resume();
    assert.equal(response.statusCode, 400);
  });

  // Requirement: node-challenges
  test(`${name}: a token in the query or the body is none`, async (t) => {
    const { issuer, call } = await start(t, make);
    const token = await issuer.token();
    assert.equal((await call(`/v1/any?access_token=${token}`)).status, 401);
  });

  // Requirement: node-challenges
  test(`${name}: a token that does not reach is refused with the scopes that do`, async (t) => {
    const { issuer, call } = await start(t, make);
    const { status, challenge, body } = await call("/v1/notes", await issuer.token({ scope: "notes:read" }));
    assert.equal(status, 403);
    assert.match(
      challenge,
      /^Bearer error="insufficient_scope", error_description="[^"]+", scope="notes:read notes:write", /,
    );
    assert.equal(body.error, "insufficient_scope");
  });

  // RFC 9470, Section 3.
  //
  // Requirement: node-challenges
  test(`${name}: a person who was not authenticated well, or not lately, is asked to be`, async (t) => {
    const { issuer, call } = await start(t, make);
    const now = Math.floor(Date.now() / 1000);
    for (const claims of [
      {},
      { acr: "password", auth_time: now },
      { acr: "passkey" },
      { acr: "passkey", auth_time: now - 120 },
    ]) {
      const { status, challenge } = await call("/v1/secret", await issuer.token(claims));
      assert.equal(status, 401);
      assert.match(
        challenge,
        /^Bearer error="insufficient_user_authentication", .*acr_values="passkey hardware", max_age="60"/,
      );
    }
  });

  // Requirement: node-challenges
  test(`${name}: a token that is not valid is refused as the same request would be with none`, async (t) => {
    const { issuer, call } = await start(t, make);
    const { status, body } = await call("/v1/notes", await issuer.token({ aud: "https://other.example.com" }));
    assert.deepEqual([status, body.error], [401, "invalid_token"]);
  });

  // Requirement: node-dpop, node-frameworks
  test(`${name}: a proof is of the URL that clients know, whatever the Host header says`, async (t) => {
    const { issuer, call, origin } = await start(t, make);
    const key = await makeKey("ES256");
    const token = await issuer.token({ cnf: { jkt: await thumbprint(key) } });
    const send = async (htu) =>
      call("/v1/any?page=2", "", {
        headers: { authorization: `DPoP ${token}`, dpop: await proof(key, { htm: "GET", htu, ath: sha256(token) }) },
      });
    assert.equal((await send(`${resource}/v1/any`)).status, 200);
    const { status, body } = await send(`${origin}/v1/any`);
    assert.deepEqual([status, body.error], [401, "invalid_dpop_proof"]);
  });

  // Requirement: node-metadata
  test(`${name}: the metadata say who gives tokens`, async (t) => {
    const { issuer, call } = await start(t, make, {
      metadata: { scopes_supported: ["notes:read"], resource_name: "Notes" },
    });
    const { status, body, headers } = await call("/.well-known/oauth-protected-resource");
    assert.equal(status, 200);
    assert.equal(headers.get("access-control-allow-origin"), "*");
    assert.deepEqual(body, {
      ...{
        resource,
        authorization_servers: [issuer.url],
        bearer_methods_supported: ["header"],
        resource_name: "Notes",
      },
      ...{ scopes_supported: ["notes:read"] },
      dpop_signing_alg_values_supported: ["ES256", "EdDSA", "Ed25519", "PS256", "RS256"],
    });
    const asked = await call("/.well-known/oauth-protected-resource", "", { method: "OPTIONS" });
    assert.match(asked.headers.get("access-control-allow-headers"), /Authorization/);
  });

  // Requirement: node-approval-challenge
  test(`${name}: a request that a person has to approve is answered with what to ask for`, async (t) => {
    const { issuer, call } = await start(t, make);
    const { status, challenge, body } = await call("/v1/pay", await issuer.token(), post(payment));
    assert.equal(status, 403);
    assert.match(
      challenge,
      /^Bearer error="insufficient_authorization_details", .*scope="payments:write", resource_metadata=/,
    );
    const { error_description, ...rest } = body;
    assert.deepEqual(rest, {
      ...{ error: "insufficient_authorization_details", scope: "payments:write", resource },
      binding_message: "Pay 20 EUR to Ada",
      authorization_details: [{ type: "assent_action", details: { amount: "20 EUR" } }],
    });
    assert.equal((await call("/v1/pay", await issuer.token(), post({}))).status, 400);
    assert.equal((await call("/v1/pay", "", post(payment))).status, 401);
  });

  // Requirement: node-approval-verified
  test(`${name}: a request passes once with the approval of exactly what it does`, async (t) => {
    const { issuer, call } = await start(t, make);
    const token = await issuer.token(await keepApproval(issuer));
    const other = await call("/v1/pay", token, post({ ...payment, amount: "2000 EUR" }));
    assert.deepEqual([other.status, other.body.binding_message], [403, "Pay 2000 EUR to Ada"]);
    assert.equal(issuer.redeemed, 0);
    const { status, body } = await call("/v1/pay", token, post(payment));
    assert.deepEqual([status, body], [200, { approval: "apr_1", by: "idn_1" }], JSON.stringify(body));
    const again = await call("/v1/pay", token, post(payment));
    assert.deepEqual([again.status, again.body.error], [403, "insufficient_authorization_details"]);
    assert.equal(issuer.redeemed, 2);
  });
}

// Requirement: node-metadata
test("the metadata of a resource with a path are between host and path", async () => {
  const at = (name) => {
    const api = createResourceServer({
      issuer: "https://id.example.com",
      resource: name,
      unrevocable: true,
      logger: quiet(),
    });
    const { url, path } = api.metadata();
    api.close();
    return [url, path];
  };
  const known = "/.well-known/oauth-protected-resource";
  assert.deepEqual(at("https://api.example.com/"), [`https://api.example.com${known}`, known]);
  assert.deepEqual(at("https://api.example.com/notes"), [`https://api.example.com${known}/notes`, `${known}/notes`]);
  assert.deepEqual(at("https://api.example.com/notes/"), [`https://api.example.com${known}/notes/`, `${known}/notes/`]);
});

// Requirement: node-frameworks
test("a handler that no middleware stands before does not get a token", () => {
  assert.throws(() => tokenOf({ headers: {} }), TypeError);
  assert.throws(() => approvalOf({ raw: {} }), TypeError);
});

// Requirement: node-approval-verified
test("an approval of somebody else, of another client, of less, or without evidence lets nothing pass", async (t) => {
  const wrong = (issuer) => ({
    "another subject": async () => issuer.token({ ...(await keepApproval(issuer)), sub: "idn_2" }),
    "another client": async () => issuer.token({ ...(await keepApproval(issuer)), client_id: "app_2" }),
    "another approval": async () => {
      const claims = await keepApproval(issuer, { statement: { id: "apr_2" } });
      return issuer.token(claims);
    },
    "another statement": async () => {
      const claims = await keepApproval(issuer);
      return issuer.token({ ...claims, approval: { id: "apr_1", statement: sha256("another") } });
    },
    "another API as well": async () => {
      const claims = await keepApproval(issuer);
      return issuer.token({ ...claims, aud: [resource, "https://other.example.com"] });
    },
    "other details in the token": async () => {
      const details = [{ type: "assent_action", details: { amount: "21 EUR" } }];
      return issuer.token({ ...(await keepApproval(issuer)), authorization_details: details });
    },
    "a wider scope": async () =>
      issuer.token({ ...(await keepApproval(issuer)), scope: "payments:write payments:read" }),
    "another message": async () => {
      return issuer.token(await keepApproval(issuer, { asked: { ...wire, binding_message: "Pay 20 EUR to Bob" } }));
    },
    "altered evidence": async () => {
      const claims = await keepApproval(issuer);
      const { body } = issuer.handlers["/v1/approvals/apr_1/evidence"]();
      const decision = { ...body.decision, at: body.decision.at + 1 };
      issuer.handlers["/v1/approvals/apr_1/evidence"] = () => ({ body: { ...body, decision } });
      return issuer.token(claims);
    },
    "evidence that another key sealed": async () => {
      const claims = await keepApproval(issuer);
      const other = await makeKey("ES256", issuer.key.kid);
      issuer.handlers["/v1/evidence/keys"] = () => ({ body: { keys: [other.jwk] } });
      return issuer.token(claims);
    },
  });
  for (const name of Object.keys(wrong())) {
    const { issuer, call } = await start(t, frameworks.Express);
    const { status, body } = await call("/v1/pay", await wrong(issuer)[name](), post(payment));
    assert.deepEqual([status, body.error], [403, "insufficient_authorization_details"], name);
    assert.equal(issuer.redeemed, 0, name);
  }
});

// Requirement: node-approval-verified
test("an approval that cannot be verified now is neither used nor called bad", async (t) => {
  const { issuer, call } = await start(t, frameworks.Express);
  const token = await issuer.token({ ...(await keepApproval(issuer)), jti: tokenId(Date.now()) });
  issuer.handlers["/v1/approvals/apr_1/redeem"] = () => ({ status: 503 });
  assert.equal((await call("/v1/pay", token, post(payment))).status, 503);
});
