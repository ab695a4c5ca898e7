import { useEffect, useRef } from "preact/hooks";
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

interface ConfirmProps {
  disabled: boolean;
  onConfirm: () => void;
  onBack: () => void;
}

/** Saying no takes no passkey and one more press: Enter confirms, Escape goes back. */
export function ConfirmDeny({ disabled, onConfirm, onBack }: ConfirmProps) {
  const yes = useRef<HTMLButtonElement>(null);
  useEffect(() => yes.current?.focus(), []);
  const keys = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    onBack();
  };
  return (
    <fieldset class="confirm" onKeyDown={keys}>
      <legend>Deny this request?</legend>
      <p>The agent is told no, and nothing is done.</p>
      <button type="button" ref={yes} class="button button-stop" disabled={disabled} onClick={onConfirm}>
        Yes, deny
      </button>
      <button type="button" class="button" onClick={onBack}>
        Go back
      </button>
    </fieldset>
  );
}
