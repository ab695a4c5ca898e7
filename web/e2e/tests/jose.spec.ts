import { join } from "node:path";
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { expect, test } from "../support/test.ts";

// A library that nobody here wrote checks our tokens with what discovery says
// and nothing else.

interface Registered {
  client_id: string;
  client_secret: string;
}

interface Metadata {
  issuer: string;
  jwks_uri: string;
  token_endpoint: string;
}

for (const alg of ["ES256", "EdDSA", "RS256"]) {
  test(`an access token signed with ${alg} verifies with jose through discovery alone`, async ({ server }) => {
    const audience = "https://api.example";
    const made = await server.assent(
      ...["app", "create", "--json", "--name", `jose ${alg}`, "--kind", "service"],
      ...["--auth", "client_secret_basic", "--token-alg", alg, "--resource", audience],
      ...["--grant", "client_credentials", "--scope", "read", "--base-url", server.baseURL],
      ...["--database", join(server.data, "assent.db"), "--key-file", join(server.data, "dev.key")],
    );
    expect(made.code, made.stderr).toBe(0);
    const app = JSON.parse(made.stdout) as Registered;

    const found = await fetch(`${server.baseURL}/.well-known/openid-configuration`);
    const metadata = (await found.json()) as Metadata;
    const basic = Buffer.from(`${app.client_id}:${app.client_secret}`).toString("base64");
    const answer = await fetch(metadata.token_endpoint, {
      method: "POST",
      headers: { authorization: `Basic ${basic}` },
      body: new URLSearchParams({ grant_type: "client_credentials", scope: "read" }),
    });
    expect(answer.status).toBe(200);
    const { access_token: token } = (await answer.json()) as { access_token: string };

    const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));
    const rules = { issuer: metadata.issuer, audience, typ: "at+jwt", algorithms: [alg] };
    const { payload } = await jwtVerify(token, keys, rules);
    expect(payload.sub).toBe(app.client_id);
    expect(payload.scope).toBe("read");
    expect(decodeProtectedHeader(token).alg).toBe(alg);
    await expect(jwtVerify(token, keys, { ...rules, audience: "https://other.example" })).rejects.toThrow("aud");
    await expect(jwtVerify(token.replace(/.{8}$/, "AAAAAAAA"), keys, rules)).rejects.toThrow("signature");
  });
}
