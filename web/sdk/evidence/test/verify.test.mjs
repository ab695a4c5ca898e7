import assert from "node:assert/strict";
import { test } from "node:test";
import { challenge, comparison, verifyEvidence } from "@assent-id/evidence";
import { inputs, vectorNamed, vectors } from "./vectors.mjs";

test("there are vectors to agree with", () => {
  assert.ok(vectors.length > 200, `only ${vectors.length}`);
  assert.ok(vectors.filter((v) => v.want === "").length > 20);
});

for (const v of vectors) {
  test(`verifyEvidence agrees with the vector ${v.name}`, async () => {
    const got = await verifyEvidence(...inputs(v));
    assert.equal(got.ok ? "" : got.part, v.want, got.reason);
    if (got.ok) assert.deepEqual(await resultOf(got.verified), v.result);
  });
}

async function resultOf({ outcome, statementHash, decision, softwarePasskey }) {
  return {
    outcome,
    statement_hash: statementHash,
    comparison: await comparison(statementHash),
    ...(decision ? { challenge: Buffer.from(await challenge(decision)).toString("base64url") } : {}),
    software_passkey: softwarePasskey,
  };
}

test("evidence and keys may be text, bytes or values", async () => {
  const v = vectorNamed("unicode");
  const forms = (value) => [JSON.stringify(value), new TextEncoder().encode(JSON.stringify(value)), value];
  for (const evidence of forms(v.evidence)) {
    for (const jwks of forms(v.jwks)) assert.ok((await verifyEvidence(evidence, jwks)).ok);
  }
});

test("bytes that are not UTF-8 are refused", async () => {
  const v = vectorNamed("approved");
  const [text, jwks] = inputs(v);
  const bytes = new TextEncoder().encode(text);
  bytes[bytes.indexOf(0x44)] = 0xff;
  assert.equal((await verifyEvidence(bytes, jwks)).part, "evidence");
  assert.equal((await verifyEvidence(text, new Uint8Array([0xff]))).part, "keys");
});

test("more than 1 MB is refused, however it is made", async () => {
  const [, jwks] = inputs(vectorNamed("approved"));
  for (const unit of ["a", "\\n", "\\u0041", "é"]) {
    const text = `{"typ":"${unit.repeat(500_000)}"}`;
    const got = await verifyEvidence(text, jwks);
    assert.equal(got.ok, false);
    assert.ok(["typ", "evidence"].includes(got.part), got.part);
  }
});

test("a verifier without evidence or keys refuses", async () => {
  for (const nothing of ["", "null", "{}", null, undefined, 1, []]) {
    assert.equal((await verifyEvidence(nothing, { keys: [] })).ok, false);
    assert.equal((await verifyEvidence({}, nothing)).part, "keys");
  }
});
