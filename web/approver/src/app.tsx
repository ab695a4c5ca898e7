import { useEffect, useRef, useState } from "preact/hooks";
import { online, signedOut, signOut } from "./lib/api";
import { onChange, start } from "./lib/live";
import type { Route } from "./lib/place";
import { route } from "./lib/route";
import { me, refreshMe, refreshWaiting, waiting } from "./lib/session";
import { useStore } from "./lib/store";
import type { Me } from "./lib/wire";
import { Announcer } from "./parts/announce";
import { Frame } from "./parts/frame";
import { Heading } from "./parts/heading";
import { Approval } from "./screens/approval";
import { History } from "./screens/history";
import { Passkeys } from "./screens/passkeys";
import { type Absence, SignedOut } from "./screens/signedout";
import { Waiting } from "./screens/waiting";

/** The approver: the door, or the screen that the address names. */
export function App() {
  const absent = useStore(signedOut);
  const [left, setLeft] = useState(false);
  const wasIn = useRef(false);
  const person = useStore(me);
  if (person) wasIn.current = true;
  useNews(absent);
  useTitle();
  const absence: Absence = left ? "left" : wasIn.current ? "ended" : "new";
  const leave = async () => {
    const answer = await signOut();
    if (!answer.ok && answer.failure.kind !== "signed_out") return;
    setLeft(true);
    signedOut.set(true);
  };
  return (
    <>
      <Announcer />
      {absent ? <SignedOut absence={absence} /> : <Inside person={person} onLeave={() => void leave()} />}
    </>
  );
}

function Inside({ person, onLeave }: { person: Me | undefined; onLeave: () => void }) {
  const here = useStore(route);
  return (
    <Frame screen={here.screen} onLeave={onLeave}>
      {person ? <Screen route={here} person={person} /> : <Entering />}
    </Frame>
  );
}

function Screen({ route: here, person }: { route: Route; person: Me }) {
  switch (here.screen) {
    case "waiting":
      return <Waiting />;
    case "approval":
      return <Approval key={here.id} id={here.id} me={person} />;
    case "history":
      return <History />;
    case "passkeys":
      return <Passkeys me={person} />;
  }
}

function Entering() {
  const connected = useStore(online);
  if (connected) return <p class="soon">One moment…</p>;
  return (
    <section class="nothing">
      <Heading>No connection</Heading>
      <p>What waits for you appears here as soon as the server can be reached.</p>
    </section>
  );
}

/** Keeps the person and the list fresh for as long as somebody is signed in. */
function useNews(absent: boolean): void {
  useEffect(() => {
    if (absent) return;
    const refresh = () => {
      if (!me.get()) void refreshMe();
      void refreshWaiting();
    };
    refresh();
    const unwatch = onChange(refresh);
    const stop = start();
    return () => {
      unwatch();
      stop();
    };
  }, [absent]);
}

/** The browser's tab tells how much is waiting. */
function useTitle(): void {
  const count = useStore(waiting)?.length ?? 0;
  useEffect(() => {
    document.title = count > 0 ? `(${count}) Assent` : "Assent";
  }, [count]);
}
