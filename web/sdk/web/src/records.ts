/**
 * What this origin remembers of passkeys: names and ids to choose from, no
 * secret. Whatever is found in the storage, it is survived: sign-in works
 * without it, the browser knows the passkeys itself.
 */

/** A passkey that was bound or used on this origin. */
export interface Passkey {
  /** The id of the passkey at the server, `psk_...`. */
  readonly id: string;
  /** The WebAuthn credential id, base64url. */
  readonly credentialId: string;
  /** What the passkey is called, such as the name of the device that made it. */
  readonly name: string;
  /** Whose it is. */
  readonly identity: { readonly id: string; readonly displayName: string; readonly username: string };
  /** Where it is good for. */
  readonly realm: { readonly id: string; readonly name: string };
  /** The WebAuthn relying party id that it is bound to. */
  readonly rpId: string;
  /** When it was bound, RFC 3339. */
  readonly createdAt: string;
}

/** Where the records are kept: `localStorage`, or something of your own. */
export interface PasskeyStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** A passkey as the server writes it. */
export type WirePasskey = Record<
  | "id"
  | "credential_id"
  | "name"
  | "identity_id"
  | "display_name"
  | "username"
  | "realm_id"
  | "realm_name"
  | "rp_id"
  | "create_time",
  unknown
>;

/** More are not kept: the longest unused go first. */
const most = 64;

/** The records of one issuer, the last used first. */
export interface Records {
  list(): Passkey[];
  /** Adds or replaces one, and makes it the first. */
  keep(passkey: Passkey): void;
  forget(id: string): void;
}

/** Opens the records of an issuer. A browser that keeps nothing for this site has none. */
export function openRecords(issuer: string, storage: PasskeyStorage | undefined): Records {
  const key = `assent.passkeys.v1 ${issuer}`;
  const list = () => read(key, storage);
  return {
    list,
    keep(passkey) {
      const others = list().filter(
        ({ id, credentialId }) => id !== passkey.id && credentialId !== passkey.credentialId,
      );
      write(key, [passkey, ...others].slice(0, most), storage);
    },
    forget(id) {
      const all = list();
      const others = all.filter((each) => each.id !== id);
      if (others.length !== all.length) write(key, others, storage);
    },
  };
}

/** The browser's storage; undefined where the person or the browser forbids it. */
export function browserStorage(): PasskeyStorage | undefined {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined;
  }
}

/** Reads the server's form; undefined if it is not one. */
export function fromWire(wire: WirePasskey | undefined): Passkey | undefined {
  if (!wire) return undefined;
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  const passkey = {
    id: text(wire.id),
    credentialId: text(wire.credential_id),
    name: text(wire.name),
    identity: { id: text(wire.identity_id), displayName: text(wire.display_name), username: text(wire.username) },
    realm: { id: text(wire.realm_id), name: text(wire.realm_name) },
    rpId: text(wire.rp_id),
    createdAt: text(wire.create_time),
  };
  return isPasskey(passkey) ? passkey : undefined;
}

function read(key: string, storage: PasskeyStorage | undefined): Passkey[] {
  try {
    const found: unknown = JSON.parse(storage?.getItem(key) ?? "[]");
    return Array.isArray(found) ? found.filter(isPasskey) : [];
  } catch {
    return [];
  }
}

function write(key: string, list: Passkey[], storage: PasskeyStorage | undefined): void {
  try {
    storage?.setItem(key, JSON.stringify(list));
  } catch {
    // Full or forbidden: the passkey is bound all the same.
  }
}

function isPasskey(value: unknown): value is Passkey {
  const it = value as Passkey | null;
  const texts = [it?.name, it?.createdAt, it?.realm?.id, it?.realm?.name];
  const named = [it?.id, it?.credentialId, it?.rpId, it?.identity?.id];
  texts.push(it?.identity?.displayName, it?.identity?.username);
  return (
    named.every((each) => typeof each === "string" && each !== "") && texts.every((each) => typeof each === "string")
  );
}
