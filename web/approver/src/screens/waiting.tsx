import { useEffect, useState } from "preact/hooks";
import { demoAsk, online } from "../lib/api";
import { useNow } from "../lib/clock";
import { me, waiting } from "../lib/session";
import { useStore } from "../lib/store";
import type { Summary } from "../lib/wire";
import { asker, left } from "../lib/words";
import { announce } from "../parts/announce";
import { Badge } from "../parts/badge";
import { Heading } from "../parts/heading";
import { Link } from "../parts/link";
import { Mark } from "../parts/mark";
import { Ring } from "../parts/ring";
import { Text } from "../parts/text";

/** What waits for an answer; new requests appear by themselves. */
export function Waiting() {
  const list = useStore(waiting);
  const time = useNow((list?.length ?? 0) > 0);
  const open = list?.filter((summary) => Date.parse(summary.expires_at) > time);
  useAnnounced(open);
  return (
    <>
      <Heading>Waiting for you</Heading>
      {open === undefined && <p class="soon">One moment…</p>}
      {open?.length === 0 && <Nothing />}
      {open && open.length > 0 && (
        <ul class="list">
          {open.map((summary) => (
            <Item key={summary.id} summary={summary} time={time} />
          ))}
        </ul>
      )}
      {open && open.length > 0 && <DemoButton quiet />}
    </>
  );
}

function Item({ summary, time }: { summary: Summary; time: number }) {
  const end = Date.parse(summary.expires_at);
  const whole = end - Date.parse(summary.created_at);
  return (
    <li>
      <Link to={{ screen: "approval", id: summary.id }} class="item">
        <Badge name={asker(summary)} />
        <span class="item-words">
          <span class="item-who">
            <Text value={asker(summary)} />
            <span>asks</span>
            {summary.first_time && <span class="tag">first time</span>}
          </span>
          <strong class="item-title">
            <Text value={summary.title} />
          </strong>
        </span>
        <span class="item-left">
          <Ring part={(end - time) / whole} />
          <span class="sr">time left </span>
          {left(end - time)}
        </span>
      </Link>
    </li>
  );
}

function Nothing() {
  return (
    <section class="nothing">
      <span class="nothing-mark">
        <Mark />
      </span>
      <h2>Nothing is waiting</h2>
      <p>When an agent wants to do something that needs your yes, it shows up here by itself.</p>
      <DemoButton />
    </section>
  );
}

/** In a demo realm a person can try the whole thing without an agent of their own. */
function DemoButton({ quiet = false }: { quiet?: boolean }) {
  const person = useStore(me);
  const connected = useStore(online);
  const [words, setWords] = useState("");
  if (!person?.demo) return null;
  const ask = async () => {
    const answer = await demoAsk();
    setWords(answer.ok ? "" : "The demo agent could not ask just now. Try again in a moment.");
  };
  return (
    <div class="demo">
      <button
        type="button"
        class={quiet ? "button button-small" : "button button-primary"}
        disabled={!connected}
        onClick={ask}
      >
        Let the demo agent ask
      </button>
      {words && (
        <p class="note note-warn" role="alert">
          {words}
        </p>
      )}
    </div>
  );
}

/** Says aloud what has come in since the list was last read. */
function useAnnounced(list: Summary[] | undefined): void {
  const [known, setKnown] = useState<Set<string>>();
  useEffect(() => {
    if (!list) return;
    const fresh = known && list.filter((summary) => !known.has(summary.id));
    if (known && !fresh?.length && list.length === known.size) return;
    setKnown(new Set(list.map((summary) => summary.id)));
    if (fresh?.[0]) announce(`New request. ${asker(fresh[0])} asks: ${fresh[0].title}`);
  }, [list, known]);
}
