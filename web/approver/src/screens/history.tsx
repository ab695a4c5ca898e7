import { useEffect, useState } from "preact/hooks";
import { approvals, evidenceAddress } from "../lib/api";
import { now } from "../lib/clock";
import { onChange } from "../lib/live";
import type { Summary } from "../lib/wire";
import { asker, capital, dayOf, outcome, timeOfDay } from "../lib/words";
import { Heading } from "../parts/heading";
import { Icon } from "../parts/icon";
import { Link } from "../parts/link";
import { Text } from "../parts/text";
import { look } from "./outcome";

/** Everything that has ended, newest first, each with its evidence. */
export function History() {
  const { list, more, readMore } = useEnded();
  return (
    <>
      <Heading>History</Heading>
      {list === undefined && <p class="soon">One moment…</p>}
      {list?.length === 0 && (
        <section class="nothing">
          <h2>Nothing yet</h2>
          <p>Whatever you approve or deny is kept here, with proof that you can hand to others.</p>
        </section>
      )}
      {days(list ?? []).map(([day, entries]) => (
        <section key={day} class="day">
          <h2>{capital(day)}</h2>
          <ul class="entries">
            {entries.map((summary) => (
              <Entry key={summary.id} summary={summary} />
            ))}
          </ul>
        </section>
      ))}
      {more && (
        <button type="button" class="button button-small" onClick={readMore}>
          Show older ones
        </button>
      )}
    </>
  );
}

function Entry({ summary }: { summary: Summary }) {
  const kind = look(summary.state);
  return (
    <li class="entry">
      <Link to={{ screen: "approval", id: summary.id }} class="entry-link">
        <span class={`entry-seal outcome-${kind}`}>
          <Icon name={kind} />
        </span>
        <span class="entry-words">
          <strong>
            <Text value={summary.title} />
          </strong>
          <span>
            {outcome(summary.state)} · <Text value={asker(summary)} /> · {timeOfDay(ended(summary))}
          </span>
        </span>
      </Link>
      <a class="quiet" href={evidenceAddress(summary.id)} download={`assent-${summary.id}.json`}>
        <Icon name="save" />
        <span>Evidence</span>
        <span class="sr">
          {" "}
          for <Text value={summary.title} />
        </span>
      </a>
    </li>
  );
}

/** The ended approvals read so far; a change anywhere reads the first page anew. */
function useEnded() {
  const [list, setList] = useState<Summary[]>();
  const [token, setToken] = useState("");
  const read = async (from: string) => {
    const answer = await approvals("ended", from);
    if (!answer.ok) return;
    setToken(answer.value.next_page_token);
    setList((before) => (from === "" ? answer.value.approvals : [...(before ?? []), ...answer.value.approvals]));
  };
  useEffect(() => {
    void read("");
    return onChange(() => void read(""));
  }, []);
  return { list, more: token !== "", readMore: () => void read(token) };
}

function days(list: Summary[]): [string, Summary[]][] {
  const found = new Map<string, Summary[]>();
  for (const summary of list) {
    const day = dayOf(ended(summary), now());
    found.set(day, [...(found.get(day) ?? []), summary]);
  }
  return [...found];
}

function ended(summary: Summary): Date {
  return new Date(summary.ended_at ?? summary.expires_at);
}
