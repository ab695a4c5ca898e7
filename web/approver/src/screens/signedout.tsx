import { signInAddress } from "../lib/place";
import { Heading } from "../parts/heading";
import { Mark } from "../parts/mark";

/** Why nobody is signed in: not yet, no longer, or because the person left. */
export type Absence = "new" | "ended" | "left";

const words: Record<Absence, { title: string; lead: string; button: string }> = {
  new: {
    title: "Your agents ask.\nYou decide.",
    lead: "Sign in with your passkey to see what is waiting for your answer.",
    button: "Sign in",
  },
  ended: {
    title: "You have been signed out",
    lead: "Your session is over. Nothing was answered in the meantime; sign in to go on where you were.",
    button: "Sign in again",
  },
  left: {
    title: "You are signed out",
    lead: "Nothing can be approved from this browser until you sign in again.",
    button: "Sign in again",
  },
};

export function SignedOut({ absence }: { absence: Absence }) {
  const { title, lead, button } = words[absence];
  return (
    <main class="door">
      <span class="wordmark">
        <Mark />
        Assent
      </span>
      <Heading>{title}</Heading>
      <p class="lead">{lead}</p>
      <a class="button button-primary" href={signInAddress()}>
        {button}
      </a>
    </main>
  );
}
