import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type Failure, approval as fetchApproval } from "../lib/api";
import { type Checked, check, type Refusal } from "../lib/decide";
import { onChange } from "../lib/live";
import { go } from "../lib/route";
import { refreshWaiting } from "../lib/session";
import type { Decision, Me } from "../lib/wire";
import { Heading } from "../parts/heading";
import { Icon } from "../parts/icon";
import { Link } from "../parts/link";
import { Answer } from "./answer";
import { Outcome } from "./outcome";
import { Slip } from "./slip";

type View =
  | { kind: "reading" }
  | { kind: "missing" }
  | { kind: "trouble"; reference: string }
  | { kind: "refused"; refusal: Refusal }
  | { kind: "shown"; checked: Checked };

/** One approval: what is asked, and the answer or how it ended. */
export function Approval({ id, me }: { id: string; me: Me }) {
  const { view, reread } = useApproval(id, me);
  const [answer, setAnswer] = useState<Decision["answer"]>();
  const wasOpen = useRef(false);
  const state = view.kind === "shown" ? view.checked.approval.state : undefined;
  if (state === "pending") wasOpen.current = true;
  useEscape(view);
  return (
    <>
      <Link to={{ screen: "waiting" }} class="back">
        <Icon name="back" />
        Waiting
      </Link>
      {view.kind === "reading" && <p class="soon">One moment…</p>}
      {view.kind === "missing" && <Missing />}
      {view.kind === "trouble" && <Trouble reference={view.reference} />}
      {view.kind === "refused" && <Refused refusal={view.refusal} />}
      {view.kind === "shown" && (
        <Slip checked={view.checked} me={me}>
          {state === "pending" ? (
            <Answer checked={view.checked} onAnswer={setAnswer} reread={reread} />
          ) : (
            <Outcome approval={view.checked.approval} elsewhere={wasOpen.current && answer === undefined} />
          )}
        </Slip>
      )}
    </>
  );
}

/** Reads the approval, checks it, and does so again whenever the server says that it changed. */
function useApproval(id: string, me: Me): { view: View; reread: () => Promise<void> } {
  const [view, setView] = useState<View>({ kind: "reading" });
  const reads = useRef(0);
  const reread = useCallback(async () => {
    reads.current += 1;
    const mine = reads.current;
    const next = await read(id, me);
    if (next && mine === reads.current) setView(next);
  }, [id, me]);
  useEffect(() => {
    void reread();
    return onChange((changed) => {
      if (changed === "" || changed === id) void reread();
    });
  }, [id, reread]);
  return { view, reread };
}

/** No answer from the server leaves what is on the screen: undefined. */
async function read(id: string, me: Me): Promise<View | undefined> {
  const answer = await fetchApproval(id);
  if (!answer.ok) return unread(answer.failure);
  const result = await check(answer.value, id, me);
  if (answer.value.state !== "pending") void refreshWaiting();
  return result.ok ? { kind: "shown", checked: result.checked } : { kind: "refused", refusal: result.refusal };
}

function unread(failure: Failure): View | undefined {
  if (failure.kind !== "problem") return undefined;
  return failure.status === 404 ? { kind: "missing" } : { kind: "trouble", reference: failure.reference };
}

/** Escape leads back to the list, unless something nearer has taken it. */
function useEscape(view: View): void {
  useEffect(() => {
    const leave = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !event.defaultPrevented) go({ screen: "waiting" });
    };
    window.addEventListener("keydown", leave);
    return () => window.removeEventListener("keydown", leave);
  }, [view.kind]);
}

function Missing() {
  return (
    <section class="nothing">
      <Heading>This request is not here</Heading>
      <p>It may belong to someone else, or the link may be incomplete.</p>
      <BackToWaiting />
    </section>
  );
}

function Trouble({ reference }: { reference: string }) {
  return (
    <section class="nothing">
      <Heading>This request cannot be shown just now</Heading>
      <p>Nothing was approved. Try again in a moment.{reference && ` Reference: ${reference}.`}</p>
      <BackToWaiting />
    </section>
  );
}

const reasons: Record<Refusal, string> = {
  fingerprint: "What the server sent does not match its own fingerprint. It may have been changed on the way.",
  stranger: "What the server sent is about another person or another request.",
  unreadable: "What the server sent is not a request that this page understands.",
};

function Refused({ refusal }: { refusal: Refusal }) {
  return (
    <section class="nothing">
      <Heading>This request is not shown</Heading>
      <p class="note note-stop">
        {reasons[refusal]} You cannot answer it here, and nothing was approved. Tell the people who run this server.
      </p>
      <BackToWaiting />
    </section>
  );
}

function BackToWaiting() {
  return (
    <Link to={{ screen: "waiting" }} class="button button-small">
      Back to waiting
    </Link>
  );
}
