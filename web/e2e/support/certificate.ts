import { createHash, createPrivateKey, generateKeyPairSync, randomBytes, sign } from "node:crypto";

/** A certificate that signs itself, for a TLS server on loopback. */
export interface Certificate {
  key: string;
  cert: string;
  /** SHA-256 of its public key, in base64: how browsers are told to trust it (RFC 7469, Section 2.4). */
  pin: string;
}

/** DER (X.690): a tag, the length in as few bytes as will do, the content. */
function der(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const { length: n } = body;
  const length = n < 0x80 ? [n] : n < 0x100 ? [0x81, n] : [0x82, n >> 8, n & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

const sequence = (...content: Buffer[]) => der(0x30, ...content);
const oid = (hex: string) => der(0x06, Buffer.from(hex, "hex"));
const time = (at: number) => der(0x17, Buffer.from(`${new Date(at).toISOString().replace(/^..|[-:T]|\..*$/g, "")}Z`));
const ecdsaWithSHA256 = sequence(oid("2a8648ce3d040302"));
const commonName = oid("550403");
const alternativeName = oid("551d11");

export const certificateForLocalhost = () => certificateFor("localhost");

/** Makes one for these hosts that is good for an hour around now (RFC 5280, Section 4.1). */
export function certificateFor(...hosts: string[]): Certificate {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = sequence(der(0x31, sequence(commonName, der(0x0c, Buffer.from(hosts[0] ?? "")))));
  const names = der(0x04, sequence(...hosts.map((host) => der(0x82, Buffer.from(host)))));
  const hour = 3_600_000;
  const spki = pair.publicKey.export({ type: "spki", format: "der" });
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSHA256,
    name,
    sequence(time(Date.now() - hour), time(Date.now() + hour)),
    name,
    spki,
    der(0xa3, sequence(sequence(alternativeName, names))),
  );
  const key = pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const signature = der(0x03, Buffer.from([0]), sign("sha256", body, createPrivateKey(key)));
  const text = sequence(body, ecdsaWithSHA256, signature).toString("base64");
  const lines = text.match(/.{1,64}/g)?.join("\n");
  const pin = createHash("sha256").update(spki).digest("base64");
  return { key, cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`, pin };
}
