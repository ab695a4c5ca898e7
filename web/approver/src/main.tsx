import "./style/approver.css";
import { render } from "preact";
import { App } from "./app";
import { home } from "./lib/place";

const place = document.getElementById("approver");
if (place) render(<App />, place);

// The worker keeps the shell, so that later visits load nothing and the app
// opens without a network. Without it the approver works all the same.
if ("serviceWorker" in navigator && import.meta.env.PROD) {
  window.addEventListener("load", () => {
    navigator.serviceWorker.register(new URL("sw.js", home)).catch(() => undefined);
  });
}
