import { useEffect, useRef } from "preact/hooks";
import { evidenceAddress } from "../lib/api";
import { now } from "../lib/clock";
import type { Approval, State } from "../lib/wire";
import { capital, moment, outcome } from "../lib/words";
import { announce } from "../parts/announce";
import { Icon, type IconName } from "../parts/icon";
import { Link } from "../parts/link";
import { Mark } from "../parts/mark";

interface OutcomeProps {
  approval: Approval;
  /** True if it was open on this page and then ended without an answer from here. */
  elsewhere: boolean;
}

/** The stub of a request that has ended: how, when, and the proof of it. */
export function Outcome({ approval, elsewhere }: OutcomeProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { state } = approval;
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
    heading.current?.parentElement?.scrollIntoView({ block: "nearest" });
    announce(`${outcome(state)}. ${explain(state)}`);
  }, [state]);
  return (
    <section class={`outcome outcome-${look(state)}`}>
      <span class="outcome-seal">{look(state) === "approved" ? <Mark /> : <Icon name={look(state)} />}</span>
      <h2 ref={heading} tabIndex={-1}>
        {outcome(state)}
      </h2>
      <p class="outcome-when">{approval.ended_at && capital(moment(new Date(approval.ended_at), now()))}</p>
      <p>{explain(state)}</p>
      {elsewhere && answered(state) && <p class="note">Answered in another window or on another device, not here.</p>}
      <div class="stub-actions">
        <a class="button button-small" href={evidenceAddress(approval.id)} download={`assent-${approval.id}.json`}>
          <Icon name="save" />
          Download evidence
        </a>
        <Link to={{ screen: "waiting" }} class="button button-small">
          Back to waiting
        </Link>
      </div>
    </section>
  );
}

/** The icon and colour of an end. */
export function look(state: State): Extract<IconName, "approved" | "denied" | "expired" | "withdrawn"> {
  return state === "fulfilled" || state === "pending" ? "approved" : state;
}

function explain(state: State): string {
  if (state === "denied") return "The agent was told no. Nothing was done.";
  if (state === "expired") return "Nobody answered in time. Nothing was done.";
  if (state === "withdrawn") return "The agent no longer asks for this. Nothing was done.";
  return "The agent may do exactly this, once.";
}

/** True for the ends that a person chose. */
function answered(state: State): boolean {
  return state === "denied" || look(state) === "approved";
}
