// The vectors that the Go implementation has written and passes as well.
import { readdirSync, readFileSync } from "node:fs";

const testdata = new URL("../../../../sdk/evidence/testdata/", import.meta.url);

export const load = (file) => JSON.parse(readFileSync(new URL(file, testdata), "utf8"));

export const vectors = readdirSync(new URL("vectors", testdata)).map((file) => load(`vectors/${file}`));

export const vectorNamed = (name) => vectors.find((vector) => vector.name === name);

/** The arguments of verifyEvidence for a vector. */
export const inputs = (v) => [
  v.evidence_text ?? JSON.stringify(v.evidence),
  v.jwks_text ?? JSON.stringify(v.jwks),
  { issuer: v.issuer, ...(v.at ? { at: v.at } : {}) },
];
