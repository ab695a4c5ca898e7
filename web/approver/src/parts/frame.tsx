import type { ComponentChildren } from "preact";
import { online } from "../lib/api";
import { type Route, realm } from "../lib/place";
import { me, waiting } from "../lib/session";
import { useStore } from "../lib/store";
import { Icon, type IconName } from "./icon";
import { Link } from "./link";
import { Mark } from "./mark";
import { Text } from "./text";

interface FrameProps {
  screen: Route["screen"];
  onLeave: () => void;
  children: ComponentChildren;
}

/** What stands around every screen of a person who is signed in. */
export function Frame({ screen, onLeave, children }: FrameProps) {
  const person = useStore(me);
  return (
    <div class={screen === "approval" ? "frame frame-approval" : "frame"}>
      <header class="bar">
        <Link to={{ screen: "waiting" }} class="wordmark">
          <Mark />
          Assent
        </Link>
        <Places screen={screen} />
        <div class="person">
          <span class="person-name">{person && <Text value={person.identity.display_name} />}</span>
          <a class="quiet" href={realm("account")}>
            <Icon name="account" />
            Account
          </a>
          <button type="button" class="quiet" onClick={onLeave}>
            <Icon name="leave" />
            Sign out
          </button>
        </div>
      </header>
      <Connection />
      <main class={screen === "approval" ? "screen" : "screen screen-narrow"}>{children}</main>
      <footer class="foot">{person && <Text value={`${person.realm.name} · ${person.realm.issuer}`} />}</footer>
    </div>
  );
}

function Places({ screen }: { screen: Route["screen"] }) {
  const count = useStore(waiting)?.length ?? 0;
  return (
    <nav class="places" aria-label="Assent">
      <Place to="waiting" screen={screen} label="Waiting">
        {count > 0 && (
          <span class="count">
            {count}
            <span class="sr"> {count === 1 ? "request" : "requests"}</span>
          </span>
        )}
      </Place>
      <Place to="history" screen={screen} label="History" />
      <Place to="passkeys" screen={screen} label="Passkeys" />
    </nav>
  );
}

interface PlaceProps {
  to: "waiting" | "history" | "passkeys";
  screen: Route["screen"];
  label: string;
  children?: ComponentChildren;
}

function Place({ to, screen, label, children }: PlaceProps) {
  const icon: IconName = to;
  return (
    <Link to={{ screen: to }} class="place" current={screen === to}>
      <Icon name={icon} />
      <span>{label}</span>
      {children}
    </Link>
  );
}

function Connection() {
  const connected = useStore(online);
  return (
    <div class="connection" role="status">
      {!connected && (
        <p>No connection. You can look, but not answer. This goes on by itself once the server is back.</p>
      )}
    </div>
  );
}
