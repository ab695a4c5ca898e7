import assert from "node:assert/strict";
import { test } from "node:test";
import { createResourceServer, isRefusal } from "@assent-id/node";
import { quiet, resource, startIssuer, until } from "./issuer.mjs";

const feed = "/v1/revocations";

/** An API that refuses what it cannot be sure about, and does so only where the feed says so: it may be silent for an hour. */
async function start(t, prepare = () => {}, config = {}) {
  const issuer = await startIssuer(t);
  prepare(issuer);
  const logger = quiet();
  const own = { issuer: issuer.url, resource, clientId: "svc_1", clientSecret: "s", maxStale: 3600, lost: "refuse" };
  const api = createResourceServer({ ...own, logger, ...config });
  t.after(() => api.close());
  const code = async (raw) =>
    api.verifyToken(raw).then(
      () => "taken",
      (error) => (isRefusal(error) ? error.code : assert.fail(error)),
    );
  const ready = () => api.ready({ signal: AbortSignal.timeout(30_000) });
  return { issuer, api, logger, code, ready };
}

const dead = (id) => ({ kind: "client", id, before: Date.now() + 60_000, expires: Date.now() + 86_400_000 });

// Requirement: node-feed-pages
test("a feed in pages is read on at once, and counts as heard with the last page", async (t) => {
  let last = () => {};
  const gate = new Promise((resume) => {
    last = resume;
  });
  const asked = [];
  const { issuer, code, ready } = await start(t, (world) => {
    world.handlers[feed] = async ({ url, headers }, response) => {
      const after = url.searchParams.get("after");
      if (after !== "c") asked.push([after, headers.prefer]);
      if (after === null) return { body: { revocations: [dead("app_a")], cursor: "a", complete: true, more: true } };
      if (after === "a") return { body: { revocations: [dead("app_b")], cursor: "b", complete: false, more: true } };
      if (after === "b") await gate;
      else await new Promise((resume) => response.once("close", resume));
      return { body: { revocations: [dead("app_c")], cursor: "c", complete: false } };
    };
  });
  await until(() => asked.length === 3, "the last page");
  assert.deepEqual(
    asked,
    [null, "a", "b"].map((after) => [after, undefined]),
  );
  const tokens = await Promise.all(["a", "b", "c", "d"].map((id) => issuer.token({ client_id: `app_${id}` })));
  const codes = () => Promise.all(tokens.map(code));
  // Those that are dead are dead already.
  const unsure = "temporarily_unavailable";
  assert.deepEqual(await codes(), ["invalid_token", "invalid_token", unsure, unsure]);
  last();
  await ready();
  assert.deepEqual(await codes(), ["invalid_token", "invalid_token", "invalid_token", "taken"]);
});

// Requirement: node-feed-pages
test("a feed whose pages do not go on is not asked for them without an end, and is not heard", async (t) => {
  const { issuer, logger } = await start(t, (world) => {
    world.handlers[feed] = () => ({ body: { revocations: [dead("app_a")], cursor: "a", complete: true, more: true } });
  });
  await until(() => logger.lines.some((line) => line.includes("does not go on")), "the log");
  assert.ok(issuer.count(feed) < 20, `${issuer.count(feed)} times`);
});

// Requirement: node-feed-pages
test("a page of ten thousand entries with the longest ids is read", async (t) => {
  // Each character is written as six.
  const id = (at) => String(at).padStart(512, "\u0001");
  const revocations = Array.from({ length: 10_000 }, (_, at) => dead(id(at)));
  const { issuer, code, ready } = await start(t, (world) => {
    world.handlers[feed] = async ({ url }, response) => {
      const first = !url.searchParams.has("after");
      if (!first) await new Promise((resume) => response.once("close", resume));
      return { body: { revocations: first ? revocations : [], cursor: "a", complete: first } };
    };
  });
  await ready();
  assert.equal(await code(await issuer.token({ client_id: id(9999) })), "invalid_token");
  assert.equal(await code(await issuer.token()), "taken");
});

const refusals = {
  "the feed refuses the token, and another one": (issuer) => {
    issuer.handlers[feed] = () => ({ status: 401 });
  },
  "the client may not read the feed any more": (issuer) => {
    issuer.handlers[feed] = () => ({ status: 403, body: { code: "not_a_resource_server" } });
  },
  "the client gets no token any more": (issuer) => {
    issuer.handlers[feed] = () => ({ status: 401 });
    issuer.handlers["/oauth/token"] = () => ({ status: 401, body: { error: "invalid_client" } });
  },
  "the client gets no token any more, by a bad request": (issuer) => {
    issuer.handlers[feed] = () => ({ status: 401 });
    issuer.handlers["/oauth/token"] = () => ({ status: 400, body: { error: "invalid_client" } });
  },
};

for (const [name, refuse] of Object.entries(refusals)) {
  // Requirement: node-feed-refused
  test(`the feed is lost at once when ${name}, and back when it is read again`, async (t) => {
    const { issuer, logger, code, ready } = await start(t);
    await ready();
    const raw = await issuer.token();
    assert.equal(await code(raw), "taken");
    refuse(issuer);
    issuer.revoke();
    await until(async () => (await code(raw)) === "temporarily_unavailable", "the loss");
    assert.equal(logger.lines.filter((line) => /cannot be read/.test(line)).length, 1);
    delete issuer.handlers[feed];
    delete issuer.handlers["/oauth/token"];
    await until(async () => (await code(raw)) === "taken", "the return");
  });
}

// Requirement: node-feed-refused
test("a feed that is refused makes tokens be introspected where that is wished", async (t) => {
  const { issuer, code, ready } = await start(t, undefined, { lost: "introspect" });
  await ready();
  const raw = await issuer.token();
  assert.equal(await code(raw), "taken");
  refusals["the feed refuses the token, and another one"](issuer);
  issuer.revoke();
  await until(async () => (await code(raw)) === "invalid_token", "the issuer's answer");
});

// Requirement: node-feed-refused
test("neither silence, nor a token that is refused while another one is not, loses the feed", async (t) => {
  const { issuer, logger, code, ready } = await start(t);
  await ready();
  const raw = await issuer.token();
  let cuts = 0;
  const old = issuer.calls.findLast(({ path }) => path === feed).headers.authorization;
  issuer.handlers[feed] = ({ headers }) => {
    if (headers.authorization === old) return { status: 401 };
    cuts++;
    return cuts % 2 ? "cut" : { status: 503 };
  };
  issuer.revoke();
  await until(() => cuts > 3, "some attempts");
  assert.equal(await code(raw), "taken");
  assert.deepEqual(logger.lines, []);
});
