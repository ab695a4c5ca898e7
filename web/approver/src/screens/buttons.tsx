import { useLayoutEffect, useRef } from "preact/hooks";
import { Mark } from "../parts/mark";

interface ApproveProps {
  disabled: boolean;
  busy: boolean;
  onClick: () => void;
}

/** Leads to the passkey; while the passkey is asked it rests, without losing the focus. */
export function ApproveButton({ disabled, busy, onClick }: ApproveProps) {
  return (
    <button
      type="button"
      class="button button-primary"
      disabled={disabled}
      aria-busy={busy}
      onClick={() => !busy && onClick()}
    >
      <Mark />
      {busy ? "Use your passkey…" : "Approve with passkey"}
    </button>
  );
}

interface DenyProps {
  disabled: boolean;
  /** True if the question was asked and taken back: the focus returns to where it came from. */
  focused: boolean;
  onClick: () => void;
}

/** Leads to the question whether to deny. */
export function DenyButton({ disabled, focused, onClick }: DenyProps) {
  const button = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    if (focused) button.current?.focus();
  }, []);
  return (
    <button type="button" ref={button} class="button" disabled={disabled} onClick={onClick}>
      Deny
    </button>
  );
}

interface ConfirmProps {
  disabled: boolean;
  onConfirm: () => void;
  onBack: () => void;
}

/**
 * Saying no takes no passkey but a second, deliberate press: the focus is on "Go back", and Escape goes back from
 * wherever it is. Both must hold from the moment that the question stands there, hence the layout effect: a later one
 * would let a quick Escape through to the screen, which then leaves.
 */
export function ConfirmDeny({ disabled, onConfirm, onBack }: ConfirmProps) {
  const back = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    const keys = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      onBack();
    };
    document.addEventListener("keydown", keys);
    back.current?.focus();
    return () => document.removeEventListener("keydown", keys);
  }, []);
  return (
    <fieldset class="confirm">
      <legend>Deny this request?</legend>
      <p>The agent is told no, and nothing is done.</p>
      <button type="button" class="button button-stop" disabled={disabled} onClick={onConfirm}>
        Yes, deny
      </button>
      <button type="button" ref={back} class="button" onClick={onBack}>
        Go back
      </button>
    </fieldset>
  );
}
