import { useEffect, useRef, useState } from "preact/hooks";
import { decide, type Failure, online } from "../lib/api";
import { useNow } from "../lib/clock";
import { type Checked, decisionOn, sign, standsOnScreen } from "../lib/decide";
import { useStore } from "../lib/store";
import type { Decision } from "../lib/wire";
import { left, spokenLeft, timeOfDay } from "../lib/words";
import { announce } from "../parts/announce";
import { Ring } from "../parts/ring";
import { ApproveButton, ConfirmDeny, DenyButton } from "./buttons";

interface AnswerProps {
  checked: Checked;
  /** Told what is being answered from here, and undefined if somebody else was first. */
  onAnswer: (answer: Decision["answer"] | undefined) => void;
  reread: () => Promise<void>;
}

type Phase = "looking" | "denying" | "passkey" | "sending";

/** The stub of a request that waits: number, time left, approve or deny. */
export function Answer({ checked, onAnswer, reread }: AnswerProps) {
  const remaining = useCountdown(checked, reread);
  const connected = useStore(online);
  const { phase, setPhase, words, approve, deny } = useAnswer({ checked, onAnswer, reread });
  const over = remaining <= 0;
  const asked = useRef(false);
  const ask = () => {
    asked.current = true;
    setPhase("denying");
  };
  return (
    <div class="decision">
      <Comparison digits={checked.comparison} />
      <TimeLeft checked={checked} remaining={remaining} />
      <div class="stub-actions">
        {phase === "denying" ? (
          <ConfirmDeny disabled={!connected || over} onConfirm={deny} onBack={() => setPhase("looking")} />
        ) : (
          <>
            <ApproveButton
              disabled={!connected || over}
              busy={phase === "passkey" || phase === "sending"}
              onClick={approve}
            />
            <DenyButton disabled={!connected || over || phase !== "looking"} focused={asked.current} onClick={ask} />
          </>
        )}
        <div role="alert">{words && <p class="note note-warn">{words}</p>}</div>
      </div>
    </div>
  );
}

function Comparison({ digits }: { digits: string }) {
  return (
    <section class="comparison">
      <h2>Compare the number</h2>
      <p class="digits">
        <span class="sr">{[...digits].join(" ")}</span>
        {[...digits].map((digit, index) => (
          <span key={index} aria-hidden="true">
            {digit}
          </span>
        ))}
      </p>
      <p>Where the request was made, the same number is shown. If it differs, deny.</p>
    </section>
  );
}

function TimeLeft({ checked, remaining }: { checked: Checked; remaining: number }) {
  const { iat, exp } = checked.statement;
  return (
    <p class="time-left">
      <Ring part={remaining / ((exp - iat) * 1000)} />
      <span>
        {remaining > 0 ? (
          <>
            <span class="time-left-clock">{left(remaining)}</span> left, until {timeOfDay(new Date(exp * 1000))}
          </>
        ) : (
          "Time is up"
        )}
      </span>
    </p>
  );
}

/** Milliseconds left; speaks up at one minute and at ten seconds, and asks the server at the end. */
function useCountdown(checked: Checked, reread: () => Promise<void>): number {
  const remaining = checked.statement.exp * 1000 - useNow();
  const step = remaining <= 0 ? 0 : remaining <= 10_000 ? 1 : remaining <= 60_000 ? 2 : 3;
  const before = useRef(step);
  useEffect(() => {
    if (step !== before.current && step > 0) announce(`${spokenLeft(remaining)} left`);
    before.current = step;
  }, [step]);
  const over = remaining <= 0;
  useEffect(() => {
    if (!over) return;
    void reread();
    const timer = setInterval(() => void reread(), 2000);
    return () => clearInterval(timer);
  }, [over, reread]);
  return remaining;
}

function useAnswer({ checked, onAnswer, reread }: AnswerProps) {
  const [phase, setPhase] = useState<Phase>("looking");
  const [words, setWords] = useState("");
  const ceremony = useRef(new AbortController());
  useEffect(() => () => ceremony.current.abort(), []);

  const send = async (answer: Decision["answer"]) => {
    const decision = decisionOn(checked, answer);
    const assertion = answer === "approve" ? { assertion: await sign(checked, decision, ceremony.current.signal) } : {};
    setPhase("sending");
    onAnswer(answer);
    const result = await decide(checked.approval.id, { decision, ...assertion });
    if (!result.ok) {
      if (result.failure.kind !== "unreachable") onAnswer(undefined);
      setWords(failed(result.failure));
    }
    await reread();
  };
  const run = async (answer: Decision["answer"]) => {
    setWords("");
    setPhase(answer === "approve" ? "passkey" : "sending");
    try {
      if (standsOnScreen(checked.statement.shown, document)) await send(answer);
      else setWords("This page does not show the request as it is. Reload it before you answer.");
    } catch (error) {
      setWords(cancelled(error));
    }
    setPhase("looking");
  };
  return { phase, setPhase, words, approve: () => void run("approve"), deny: () => void run("deny") };
}

function failed(failure: Failure): string {
  if (failure.kind === "unreachable")
    return "There is no connection. It is not certain that your answer arrived; this page will show it.";
  if (failure.kind === "signed_out" || failure.code === "already_ended" || failure.code === "expired") return "";
  if (failure.code === "passkey_invalid")
    return "This passkey was not accepted, and nothing was approved. Try another one.";
  const reference = failure.reference === "" ? "" : ` Reference: ${failure.reference}.`;
  return `Your answer was not taken, and nothing was approved. Try again.${reference}`;
}

function cancelled(error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "AbortError") return "";
  if (name === "NotAllowedError") return "No passkey was used, so nothing was approved. Try again when you are ready.";
  return "The browser could not use your passkey here, so nothing was approved.";
}
