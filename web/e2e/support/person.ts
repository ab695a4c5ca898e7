import type { Browser, BrowserContextOptions, CDPSession, Page } from "@playwright/test";

/** A person at a browser of their own, with a device that holds passkeys. */
export interface Person {
  readonly page: Page;
  readonly device: Device;
  /** Opens another tab on the same device; its passkeys are there as well. */
  tab(): Promise<Page>;
  /** Takes the device, with its passkeys, to a page of another browser. */
  lend(page: Page): Promise<void>;
  /** Plugs a security key in beside the device, with no passkeys on it. */
  plugIn(): Promise<Device>;
}

/** The virtual authenticator of one tab. */
export interface Device {
  /** Whether the person touches it when it is asked; without it a ceremony waits for ever. */
  present(yes: boolean): Promise<void>;
  /** Whether the person is recognised; if not, a ceremony is refused. */
  recognised(yes: boolean): Promise<void>;
  /** Whether it signs that nobody was recognised although somebody should have been. */
  careless(yes: boolean): Promise<void>;
  /** Loses its passkeys, as a new device has none. */
  forget(): Promise<void>;
  /** How many signatures it has made. */
  signatures(): Promise<number>;
  /** The passkeys that it holds. */
  passkeys(): Promise<Passkey[]>;
  /** Holds these passkeys from now on, and no others: as if the person chose among them. */
  hold(passkeys: Passkey[]): Promise<void>;
}

/** A passkey of a virtual device, with its private key. */
export interface Passkey {
  credentialId: string;
  isResidentCredential: boolean;
  privateKey: string;
  signCount: number;
  rpId?: string;
  userHandle?: string;
}

interface Attached {
  session: CDPSession;
  authenticatorId: string;
}

const options = {
  protocol: "ctap2",
  transport: "internal",
  hasResidentKey: true,
  hasUserVerification: true,
  isUserVerified: true,
  automaticPresenceSimulation: true,
} as const;

/** A device that cannot tell one person from another, such as a plain security key. */
export const stranger = { hasUserVerification: false, isUserVerified: false };

/** A person with an empty device and no session. */
export async function newPerson(
  browser: Browser,
  context: BrowserContextOptions = {},
  changes: Partial<Record<keyof typeof options, unknown>> = {},
): Promise<Person> {
  const own = await browser.newContext(context);
  const page = await own.newPage();
  const first = await attach(page, changes);
  return {
    page,
    device: device(first),
    async tab() {
      const other = await own.newPage();
      await copy(first, await attach(other));
      return other;
    },
    async lend(other) {
      await copy(first, await attach(other));
    },
    async plugIn() {
      const key = { ...options, transport: "usb" } as const;
      const { authenticatorId } = await first.session.send("WebAuthn.addVirtualAuthenticator", { options: key });
      return device({ session: first.session, authenticatorId });
    },
  };
}

async function attach(page: Page, changes: object = {}): Promise<Attached> {
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable");
  const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", {
    options: { ...options, ...changes },
  });
  return { session, authenticatorId };
}

/** Chromium keeps one virtual device per tab, so the passkeys are carried over. */
async function copy(from: Attached, to: Attached): Promise<void> {
  const { authenticatorId } = from;
  const { credentials } = await from.session.send("WebAuthn.getCredentials", { authenticatorId });
  for (const credential of credentials) {
    await to.session.send("WebAuthn.addCredential", { authenticatorId: to.authenticatorId, credential });
  }
}

function device({ session, authenticatorId }: Attached): Device {
  return {
    async present(enabled) {
      await session.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled });
    },
    async recognised(isUserVerified) {
      await session.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified });
    },
    async careless(isBadUV) {
      await session.send("WebAuthn.setResponseOverrideBits", { authenticatorId, isBadUV });
    },
    async forget() {
      await session.send("WebAuthn.clearCredentials", { authenticatorId });
    },
    async signatures() {
      const { credentials } = await session.send("WebAuthn.getCredentials", { authenticatorId });
      return credentials.reduce((sum, credential) => sum + credential.signCount, 0);
    },
    async passkeys() {
      return (await session.send("WebAuthn.getCredentials", { authenticatorId })).credentials;
    },
    async hold(passkeys) {
      await session.send("WebAuthn.clearCredentials", { authenticatorId });
      for (const credential of passkeys) {
        await session.send("WebAuthn.addCredential", { authenticatorId, credential });
      }
    },
  };
}
