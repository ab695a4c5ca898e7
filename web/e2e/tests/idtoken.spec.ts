import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

interface OAuth {
  checkIdToken(token: string, expected: Record<string, unknown>): Record<string, unknown>;
}

// Requirement: sdk-example-id-token
test("the demo relying party takes an ID token that is for this sign-in, and no other", async () => {
  const { checkIdToken }: OAuth = await import(join(import.meta.dirname, "../../../examples/relying-party/oauth.mjs"));
  const now = Math.floor(Date.now() / 1000);
  const good = { iss: "https://id.example", aud: "shop", sub: "idn_1", nonce: "n", iat: now, exp: now + 300 };
  for (const alg of ["EdDSA", "ES256", "RS256"]) {
    const { privateKey, publicKey } = await generateKeyPair(alg);
    const { privateKey: foreign } = await generateKeyPair(alg);
    const keys = [{ ...(await exportJWK(publicKey)), kid: "k1", alg }];
    const expected = { keys, issuer: "https://id.example", clientId: "shop", nonce: "n" };
    const sign = (changes: Record<string, unknown> = {}, key = privateKey, kid = "k1") =>
      new SignJWT({ ...good, ...changes }).setProtectedHeader({ alg, kid }).sign(key);
    expect(checkIdToken(await sign(), expected)).toMatchObject(good);
    const azp = { aud: ["shop", "other"], azp: "shop" };
    expect(checkIdToken(await sign(azp), expected)).toMatchObject(azp);
    const parts = (await sign()).split(".");
    const none = Buffer.from('{"alg":"none","kid":"k1"}').toString("base64url");
    const forged = Buffer.from(JSON.stringify({ ...good, sub: "idn_2" })).toString("base64url");
    for (const [name, token] of Object.entries({
      "another key": await sign({}, foreign),
      "an unknown key": await sign({}, privateKey, "k2"),
      "another issuer": await sign({ iss: "https://evil.example" }),
      "another application": await sign({ aud: "other" }),
      "several audiences": await sign({ aud: ["shop", "other"] }),
      "another party": await sign({ aud: ["shop", "other"], azp: "other" }),
      "an old token": await sign({ exp: now - 60 }),
      "no end": await sign({ exp: undefined }),
      "the future": await sign({ iat: now + 600 }),
      "another sign-in": await sign({ nonce: "m" }),
      "no nonce": await sign({ nonce: undefined }),
      "no signature": `${parts[0]}.${parts[1]}.`,
      "no algorithm": `${none}.${parts[1]}.`,
      "another payload": `${parts[0]}.${forged}.${parts[2]}`,
      nothing: "",
    })) {
      expect(() => checkIdToken(token, expected), `${alg}: ${name}`).toThrow();
    }
  }
});
