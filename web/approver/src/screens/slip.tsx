import type { ComponentChildren } from "preact";
import type { Checked } from "../lib/decide";
import { suspicious } from "../lib/visible";
import type { Me, Shown, Statement } from "../lib/wire";
import { asker } from "../lib/words";
import { Badge } from "../parts/badge";
import { Heading } from "../parts/heading";
import { Icon } from "../parts/icon";
import { Text } from "../parts/text";

interface SlipProps {
  checked: Checked;
  me: Me;
  children: ComponentChildren;
}

/** The slip: on its body what is asked, on its stub (the children) the answer. */
export function Slip({ checked, me, children }: SlipProps) {
  const { statement } = checked;
  return (
    <article class="slip">
      <div class="slip-body">
        <Asker checked={checked} me={me} />
        <Heading>
          <span data-shown>
            <Text value={statement.shown.title} />
          </span>
        </Heading>
        <Warnings shown={statement.shown} odd={odd(statement)} />
        <dl class="lines">
          {statement.shown.lines.map((line, index) => (
            <div key={index}>
              <dt data-shown>
                <Text value={line.label} />
              </dt>
              <dd data-shown>
                <Text value={line.value} />
              </dd>
            </div>
          ))}
        </dl>
        <Exactly checked={checked} />
      </div>
      <div class="stub">{children}</div>
    </article>
  );
}

/** Who asks, for whom, and whether they have asked before. */
function Asker({ checked, me }: { checked: Checked; me: Me }) {
  const { statement, approval } = checked;
  const name = asker(statement);
  return (
    <div class="asker">
      <Badge name={name} />
      <div>
        <p class="asker-name">
          <Text value={name} />
        </p>
        <p class="asker-for">
          {statement.agent && statement.agent.owner === statement.sub ? "Your agent asks you, " : "asks you, "}
          <Text value={me.identity.display_name} />
        </p>
      </div>
      {approval.state === "pending" && (
        <span class={approval.first_time ? "tag" : "tag tag-calm"}>
          {approval.first_time ? "Asks for the first time" : "Has asked before"}
        </span>
      )}
    </div>
  );
}

function Warnings({ shown, odd }: { shown: Shown; odd: boolean }) {
  const warnings = shown.warnings ?? [];
  if (warnings.length === 0 && !odd) return null;
  return (
    <ul class="warnings" aria-label="Warnings">
      {warnings.map((warning, index) => (
        <li key={index}>
          <Icon name="warning" />
          <span data-shown>
            <Text value={warning} />
          </span>
        </li>
      ))}
      {odd && (
        <li>
          <Icon name="warning" />
          <span>This request contains characters that hide or imitate others. They are marked. Read it twice.</span>
        </li>
      )}
    </ul>
  );
}

/** The whole of what is signed, for those who want to see it as the machines do. */
function Exactly({ checked }: { checked: Checked }) {
  return (
    <details class="exactly">
      <summary>Exact details</summary>
      <h2>What would be allowed</h2>
      <pre>
        {JSON.stringify(checked.statement.action, null, 2)
          .split("\n")
          .map((line, index) => (
            <div key={index}>
              <Text value={line} />
            </div>
          ))}
      </pre>
      <dl class="exactly-facts">
        <dt>Request</dt>
        <dd>
          <Text value={checked.statement.id} />
        </dd>
        <dt>Asked by</dt>
        <dd>
          <Text value={checked.statement.client_id} />
        </dd>
        <dt>Fingerprint of the request</dt>
        <dd>{checked.hash}</dd>
      </dl>
    </details>
  );
}

function odd(statement: Statement): boolean {
  const { shown } = statement;
  const lines = shown.lines.flatMap((line) => [line.label, line.value]);
  return [asker(statement), shown.title, ...lines, ...(shown.warnings ?? [])].some(suspicious);
}
