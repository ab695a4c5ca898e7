import { useEffect } from "preact/hooks";
import { now } from "../lib/clock";
import { realm } from "../lib/place";
import { refreshMe } from "../lib/session";
import type { Me, Passkey } from "../lib/wire";
import { dayOf, moment } from "../lib/words";
import { Heading } from "../parts/heading";
import { Icon } from "../parts/icon";
import { Text } from "../parts/text";

/** The person's passkeys: which they are and when each was last used. */
export function Passkeys({ me }: { me: Me }) {
  useEffect(() => void refreshMe(), []);
  return (
    <>
      <Heading>My passkeys</Heading>
      <p class="lead">
        With any of these you sign in and approve. Do you see one that is not yours? Remove it in{" "}
        <a href={realm("account")}>your account</a>.
      </p>
      <ul class="entries">
        {me.passkeys.map((passkey) => (
          <Row key={passkey.id} passkey={passkey} />
        ))}
      </ul>
    </>
  );
}

function Row({ passkey }: { passkey: Passkey }) {
  const used = passkey.last_used_at ? `last used ${moment(new Date(passkey.last_used_at), now())}` : "not used yet";
  return (
    <li class="entry entry-plain">
      <span class="entry-seal">
        <Icon name="passkeys" />
      </span>
      <span class="entry-words">
        <strong>
          <Text value={passkey.name || "Passkey"} />
        </strong>
        <span>
          Added {dayOf(new Date(passkey.created_at), now())}, {used}
        </span>
      </span>
      <span class={passkey.software ? "tag" : "tag tag-calm"}>{place(passkey)}</span>
    </li>
  );
}

function place(passkey: Passkey): string {
  if (passkey.software) return "For tests only";
  return passkey.backup_state ? "Synced to your devices" : "On one device only";
}
