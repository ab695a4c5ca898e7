/** A binding link that came by mail ends here; it binds when the person says so. */
import { bindPasskey, explain, isBindPasskeyUrl, run, say } from "./common.js";

const go = document.getElementById("go");
const link = location.href;
// The token is nobody's business: not in the history, not in the bar.
history.replaceState(null, "", location.pathname);

go.addEventListener("click", () => run(go, bind));
if (!isBindPasskeyUrl(link)) {
  go.hidden = true;
  explain(new Error("This link is not valid. Ask for another one."));
}

async function bind() {
  const { passkey, postBindingRedirectUri } = await bindPasskey(link, {
    onStep({ step }) {
      if (step === "proof") say("First use a passkey that you have already.");
      else say("");
    },
  });
  go.hidden = true;
  say(`Your passkey is ready, ${passkey.identity.displayName}. You can sign in now.`);
  if (postBindingRedirectUri) location.replace(postBindingRedirectUri);
}
