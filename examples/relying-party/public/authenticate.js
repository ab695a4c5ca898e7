/** Automatic invocation: Assent has sent the browser here with a signed request. */
import { authenticate, explain, getAuthenticationContext, run } from "./common.js";

const go = document.getElementById("go");
const url = location.href;
const signIn = async () => location.replace((await authenticate(url)).redirectUrl);

go.addEventListener("click", () => run(go, signIn));
try {
  const { application, realm } = await getAuthenticationContext(url);
  document.getElementById("about").textContent = `Use your ${realm.name} passkey to go on to ${application.name}.`;
  await run(go, signIn);
} catch (error) {
  go.hidden = true;
  explain(error);
}
