/**
 * A person's own pages: what the browser's passkey managers are told (Signal API), and the buttons beside recovery codes.
 * The pages work without any of it.
 */

/** What the server wrote into the account page: the passkeys that it accepts, and what their person is called. */
interface Signals {
  rpId: string;
  userId: string;
  allAcceptedCredentialIds: string[];
  name: string;
  displayName: string;
}

interface Signalling {
  signalAllAcceptedCredentials?: (o: Pick<Signals, "rpId" | "userId" | "allAcceptedCredentialIds">) => Promise<void>;
  signalCurrentUserDetails?: (o: Pick<Signals, "rpId" | "userId" | "name" | "displayName">) => Promise<void>;
}

/** Makes what is on an account page work. */
export function startAccount(): void {
  const block = document.getElementById("assent-signals");
  if (block) signal(JSON.parse(block.textContent ?? "") as Signals);
  const codes = document.getElementById("codes");
  if (codes instanceof HTMLOListElement) startCodes(codes);
}

/** WebAuthn Level 3, Section 5.1.10. A browser that does not know it, or does not want it, loses nothing. */
function signal({ rpId, userId, allAcceptedCredentialIds, name, displayName }: Signals): void {
  const signals = window.PublicKeyCredential as unknown as Signalling | undefined;
  const ignore = () => undefined;
  signals?.signalAllAcceptedCredentials?.({ rpId, userId, allAcceptedCredentialIds }).catch(ignore);
  signals?.signalCurrentUserDetails?.({ rpId, userId, name, displayName }).catch(ignore);
}

function startCodes(list: HTMLOListElement): void {
  const { head = "", place = "", file = "codes.txt" } = list.dataset;
  const codes = [...list.querySelectorAll("code")].map((code) => code.textContent ?? "");
  const text = `${[head, place, "", ...codes].join("\n")}\n`;
  on("copy-codes", (button) => {
    void navigator.clipboard.writeText(text).then(() => said(button.dataset.done ?? "", button));
  });
  on("save-codes", () => save(text, file));
  on("print-codes", () => print());
  document.getElementById("codes-acts")?.removeAttribute("hidden");
}

function on(id: string, act: (button: HTMLElement) => void): void {
  const button = document.getElementById(id);
  button?.addEventListener("click", () => act(button));
}

/** Says it on the button for those who see it, and in a status for those who hear it. */
function said(words: string, button: HTMLElement): void {
  button.textContent = words;
  const status = document.getElementById("codes-said");
  if (status) status.textContent = words;
}

function save(text: string, name: string): void {
  const href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  Object.assign(document.createElement("a"), { href, download: name }).click();
  URL.revokeObjectURL(href);
}
