import assert from "node:assert/strict";
import { test } from "node:test";
import { SignInButton } from "@assent-id/web/react";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";

const rendered = (props) => renderToStaticMarkup(createElement(SignInButton, { onClick() {}, ...props }));

// Requirement: sdk-react
test("the button is a button with a name, whose picture is not read out", () => {
  const html = rendered();
  assert.match(html, /^<button type="button" aria-busy="false" style="/);
  assert.match(html, /<svg aria-hidden="true"/);
  assert.match(html, />Sign in with a passkey<\/span><\/button>$/);
  assert.match(html, /var\(--assent-button-background, ?light-dark\(/);
});

test("words, looks and other properties are the page's to choose", () => {
  const html = rendered({ children: "Skrá inn", className: "wide", id: "go", disabled: true, style: { margin: 3 } });
  assert.match(html, />Skrá inn</);
  assert.match(html, /class="wide"/);
  assert.match(html, /id="go"/);
  assert.match(html, /disabled=""/);
  assert.match(html, /margin:3px/);
  assert.doesNotMatch(rendered({ unstyled: true }), /style=/);
});
