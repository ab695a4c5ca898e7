import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { createResourceServer, isRefusal } from "@assent-id/node";
import { createLocalJWKSet } from "jose";
import { createRevocations, issuedAt, readRevocations } from "../dist/revocations.js";
import { clientKey, opaqueToken, quiet, resource, startIssuer, tokenId, until } from "./issuer.mjs";

/** An API that follows the issuer's feed as a service client with a key. */
async function start(t, config = {}) {
  const issuer = await startIssuer(t);
  const key = await clientKey();
  const { d, ...jwk } = key;
  issuer.clientKeys = createLocalJWKSet({ keys: [jwk] });
  const logger = quiet();
  const api = createResourceServer({ issuer: issuer.url, resource, clientId: "svc_1", key, logger, ...config });
  t.after(() => api.close());
  await api.ready({ signal: AbortSignal.timeout(30_000) });
  return { issuer, api, logger };
}

const codeOf = (work) =>
  work.then(
    () => "taken",
    (error) => (isRefusal(error) ? error.code : assert.fail(error)),
  );

const instant = 1_790_000_000_123;
const about = {
  ...{ issuer: "https://id", clientId: "app_1", subject: "idn_1", grantId: "grt_1", jti: tokenId(instant) },
  ...{ issuedAt: Math.floor(instant / 1000), parents: ["svc_2", tokenId(instant - 5000), "grt_2", "pw_2"] },
};

// Requirement: node-revocation-rule
test("a token is revoked by an entry of any of its names that is not older than the token, to the millisecond", () => {
  const names = [
    ["realm", about.issuer],
    ["client", about.clientId],
    ["subject", about.subject],
    ["client", about.subject],
    ["grant", about.grantId],
    ["token", about.jti],
    ["client", about.parents[0]],
    ["token", about.parents[1]],
    ["grant", about.parents[2]],
    ["subject", about.parents[3]],
  ];
  for (const [kind, id] of names) {
    for (const [before, want] of [
      [instant - 1, false],
      [instant, true],
      [instant + 1, true],
    ]) {
      const known = createRevocations();
      known.take([{ kind, id, before, expires: instant + 86_400_000 }]);
      assert.equal(known.find(about) !== undefined, want, `${kind} ${id} before ${before - instant}`);
      assert.equal(known.find(stranger), undefined);
    }
  }
  const none = createRevocations();
  for (const kind of ["subject", "grant", "token", "realm"])
    none.take([{ kind, id: "app_1", before: instant, expires: 1 }]);
  for (const kind of ["client", "subject", "token"]) none.take([{ kind, id: "grt_2", before: instant, expires: 1 }]);
  for (const kind of ["client", "subject", "grant"])
    none.take([{ kind, id: about.parents[1], before: instant, expires: 1 }]);
  assert.equal(none.find(about), undefined, "the kind of an entry counts");
});

/** A token of the same instant that has nothing to do with the other one. */
const stranger = {
  ...{ issuer: "https://other", clientId: "app_2", subject: "idn_2", grantId: "grt_3", jti: tokenId(instant) },
  ...{ issuedAt: about.issuedAt, parents: ["svc_3", tokenId(instant - 5000)] },
};

// Requirement: node-revocation-rule
test("the instant of a token is that of its jti where iat agrees to the second, and else that of iat", () => {
  const second = Math.floor(instant / 1000);
  assert.equal(issuedAt(tokenId(instant), second), instant);
  assert.equal(issuedAt(tokenId(instant + 5000), second), second * 1000);
  for (const jti of [
    "",
    "tok_",
    "jti-1",
    tokenId(instant, "app"),
    `${tokenId(instant)}0`,
    tokenId(instant).toUpperCase(),
  ]) {
    assert.equal(issuedAt(jti, second), second * 1000, jti);
  }
  // An id that the server has made, and its instant.
  assert.equal(issuedAt("tok_01m3250v3ve00a8k046vkt6h6b", second), instant);
});

// Requirement: node-revocation-rule
test("a later entry counts beside an earlier one, and none is forgotten before it ends", () => {
  const known = createRevocations();
  const entry = { kind: "client", id: "app_1", before: instant, expires: instant + 1000 };
  known.take([entry]);
  known.take([{ ...entry, before: instant - 9, expires: instant + 10 }]);
  known.prune(instant + 999);
  assert.equal(known.find(about)?.before, instant);
  known.prune(instant + 1000);
  assert.equal(known.find(about), undefined);
  assert.equal(known.size, 0);
});

// Requirement: node-feed
test("what the feed sends in another form is refused, and kinds of a later version are passed over", () => {
  const entry = { kind: "client", id: "app_1", before: 1, expires: 2 };
  for (const bad of [
    undefined,
    {},
    "x",
    [null],
    [{ ...entry, id: 1 }],
    [{ ...entry, before: "1" }],
    [{ ...entry, expires: 1.5 }],
  ]) {
    assert.throws(() => readRevocations(bad), TypeError);
  }
  assert.deepEqual(readRevocations([{ ...entry, kind: "planet" }, entry]), [entry]);
});

// Requirement: node-feed, node-steady-state
test("a revocation reaches an API that runs, and tokens that were issued later are taken", async (t) => {
  const { issuer, api } = await start(t);
  const raw = await issuer.token();
  assert.equal(await codeOf(api.verifyToken(raw)), "taken");
  issuer.revoke({ kind: "client", id: "app_1", before: Date.now() });
  await until(async () => (await codeOf(api.verifyToken(raw))) === "invalid_token", "the revocation");
  assert.equal(await codeOf(api.verifyToken(await issuer.token({ at: Date.now() + 2 }))), "taken");
  assert.equal(issuer.count("/oauth/introspect"), 0);
});

// Requirement: node-feed
test("the feed is read with the service client's token for the issuer, and by long polls from a cursor on", async (t) => {
  const { issuer } = await start(t, { maxStale: 12 });
  await until(() => issuer.count("/v1/revocations") >= 2);
  const [first, second] = issuer.calls.filter(({ path }) => path === "/v1/revocations");
  assert.equal(first.url.search, "");
  assert.equal(first.headers.prefer, undefined);
  assert.equal(second.url.searchParams.get("after"), "0");
  assert.equal(second.headers.prefer, "wait=4");
  const asked = issuer.calls.find(({ path }) => path === "/oauth/token").body;
  assert.equal(asked.get("grant_type"), "client_credentials");
  assert.equal(asked.get("resource"), issuer.url);
});

// Requirement: node-feed
test("a feed that refuses the token is asked with another one", async (t) => {
  const issuer = await startIssuer(t);
  let refusals = 0;
  issuer.handlers["/v1/revocations"] = ({ headers }) => {
    if (headers.authorization === "Bearer token-1") return refusals++ < 5 ? { status: 401 } : { status: 500 };
    return { body: { revocations: [], cursor: "1", complete: true } };
  };
  const api = createResourceServer({
    issuer: issuer.url,
    resource,
    clientId: "svc_1",
    clientSecret: "s",
    logger: quiet(),
  });
  t.after(() => api.close());
  await api.ready({ signal: AbortSignal.timeout(30_000) });
  assert.equal(refusals, 1);
});

/** Cuts every connection to the feed, also those that wait. */
function cut(issuer) {
  issuer.handlers["/v1/revocations"] = () => "cut";
  issuer.revoke();
}

// Requirement: node-feed-lost
test("when the feed is lost each token is introspected, and what was heard before still holds", async (t) => {
  const { issuer, api, logger } = await start(t, { maxStale: 2 });
  issuer.revoke({ kind: "client", id: "app_bad", before: Date.now() + 60_000 });
  const revoked = await issuer.token({ client_id: "app_bad" });
  await until(async () => (await codeOf(api.verifyToken(revoked))) === "invalid_token");
  const raw = await issuer.token();
  cut(issuer);
  await until(async () => (await codeOf(api.verifyToken(raw))) === "invalid_token", "the loss");
  assert.ok(issuer.count("/oauth/introspect") > 0);
  issuer.introspection = { active: true, ...issuer.claims() };
  const asked = issuer.count("/oauth/introspect");
  for (let i = 0; i < 3; i++) assert.equal(await codeOf(api.verifyToken(raw)), "taken");
  assert.equal(issuer.count("/oauth/introspect"), asked + 3, "no answer is kept");
  assert.equal(await codeOf(api.verifyToken(revoked)), "invalid_token");
  issuer.handlers["/oauth/introspect"] = () => "cut";
  assert.equal(await codeOf(api.verifyToken(raw)), "temporarily_unavailable");
  await until(() => logger.lines.some((line) => /the revocation feed of .* cannot be read/.test(line)), "the log");
  delete issuer.handlers["/v1/revocations"];
  await until(async () => (await codeOf(api.verifyToken(raw))) === "taken", "the feed's return");
  await until(() => logger.lines.some((line) => /can be read again/.test(line)), "the log");
});

// Requirement: node-feed-lost
test("when the feed is lost tokens are refused with 503 where that is wished, until it is back", async (t) => {
  const { issuer, api } = await start(t, { maxStale: 2, lost: "refuse" });
  const raw = await issuer.token();
  await until(async () => (await codeOf(api.verifyToken(raw))) === "taken", "the feed"); // two seconds of a busy machine lose it
  cut(issuer);
  await until(async () => (await codeOf(api.verifyToken(raw))) === "temporarily_unavailable", "the loss");
  assert.equal(issuer.count("/oauth/introspect"), 0);
  delete issuer.handlers["/v1/revocations"];
  await until(async () => (await codeOf(api.verifyToken(raw))) === "taken", "the feed's return");
});

// Requirement: node-feed-lost
test("a feed that answers with an error, or with something else, counts as lost", async (t) => {
  for (const answer of [
    { status: 503 },
    { body: { revocations: [{}], cursor: "9", complete: false } },
    { body: { revocations: [], complete: false } },
  ]) {
    const { issuer, api } = await start(t, { maxStale: 2, lost: "refuse" });
    const raw = await issuer.token();
    issuer.handlers["/v1/revocations"] = () => answer;
    issuer.revoke();
    await until(async () => (await codeOf(api.verifyToken(raw))) === "temporarily_unavailable", "the loss");
  }
});

// Requirement: node-feed-lost
test("an API that has not heard the feed yet does as if it were lost", async (t) => {
  const issuer = await startIssuer(t);
  issuer.handlers["/v1/revocations"] = () => ({ status: 403, body: { code: "not_a_resource_server" } });
  const logger = quiet();
  const config = { issuer: issuer.url, resource, clientId: "svc_1", clientSecret: "s", logger, lost: "refuse" };
  const api = createResourceServer(config);
  t.after(() => api.close());
  assert.equal(await codeOf(api.verifyToken(await issuer.token())), "temporarily_unavailable");
  await until(() => logger.lines.some((line) => line.includes("not_a_resource_server")), "the log");
});

// Requirement: node-opaque
test("opaque tokens are introspected, held to the same rules, and remembered while the feed tells what is revoked", async (t) => {
  const { issuer, api } = await start(t);
  assert.equal(await codeOf(api.verifyToken(opaqueToken())), "invalid_token");
  const raw = opaqueToken();
  issuer.introspection = { active: true, token_type: "Bearer", ...issuer.claims({ scope: "notes:write" }) };
  assert.deepEqual((await api.verifyToken(raw)).scopes, ["notes:write"]);
  const asked = issuer.count("/oauth/introspect");
  assert.equal(await codeOf(api.verifyToken(raw)), "taken");
  assert.equal(issuer.count("/oauth/introspect"), asked);
  issuer.revoke({ kind: "subject", id: "idn_1", before: Date.now() + 5000 });
  await until(async () => (await codeOf(api.verifyToken(raw))) === "invalid_token", "the revocation");
  for (const wrong of [{ aud: "https://other.example.com" }, { iss: "https://other.example.com" }, { exp: 1 }]) {
    issuer.introspection = { active: true, ...issuer.claims({ sub: "idn_2", ...wrong }) };
    assert.equal(await codeOf(api.verifyToken(opaqueToken())), "invalid_token");
  }
});

// Requirement: node-close
test("an API whose issuer is away does not keep its process", async () => {
  const program = `
    import { createResourceServer } from "@assent-id/node";
    const config = { issuer: "http://127.0.0.1:9", resource: "${resource}", logger: { warn() {}, info() {} } };
    createResourceServer({ ...config, unrevocable: true });
    createResourceServer({ ...config, clientId: "svc_1", clientSecret: "s" });`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: import.meta.dirname,
    timeout: 60_000,
  });
  assert.deepEqual(await once(child, "exit"), [0, null]);
});

// Requirement: node-close
test("a closed API asks nothing any more, and leaves no timer behind", async (t) => {
  const { issuer, api } = await start(t, { maxStale: 2 });
  await until(() => issuer.count("/v1/revocations") >= 2, "the poll that waits");
  api.close();
  await until(
    () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length === 0,
    "the end of timers",
  );
  const calls = issuer.calls.length;
  issuer.revoke();
  await new Promise((resume) => setTimeout(resume, 300));
  assert.equal(issuer.calls.length, calls);
});
