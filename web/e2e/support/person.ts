import type { Browser, BrowserContextOptions, CDPSession, Page } from "@playwright/test";

/** A person at a browser of their own, with a device that holds passkeys. */
export interface Person {
  readonly page: Page;
  readonly device: Device;
  /** Opens another tab on the same device; its passkeys are there as well. */
  tab(): Promise<Page>;
}

/** The virtual authenticator of one tab. */
export interface Device {
  /** Whether the person touches it when it is asked; without it a ceremony waits for ever. */
  present(yes: boolean): Promise<void>;
  /** Whether the person is recognised; if not, a ceremony is refused. */
  recognised(yes: boolean): Promise<void>;
  /** How many signatures it has made. */
  signatures(): Promise<number>;
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

/** A person with an empty device and no session. */
export async function newPerson(browser: Browser, context: BrowserContextOptions = {}): Promise<Person> {
  const own = await browser.newContext(context);
  const page = await own.newPage();
  const first = await attach(page);
  return {
    page,
    device: device(first),
    async tab() {
      const other = await own.newPage();
      await copy(first, await attach(other));
      return other;
    },
  };
}

async function attach(page: Page): Promise<Attached> {
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable");
  const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", { options });
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
    async signatures() {
      const { credentials } = await session.send("WebAuthn.getCredentials", { authenticatorId });
      return credentials.reduce((sum, credential) => sum + credential.signCount, 0);
    },
  };
}
